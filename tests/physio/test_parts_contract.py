"""Every part of every organ against the contract of `contract.py`, and wrong parts that it must refuse."""

import contract
import equinox as eqx
import jax.numpy as jnp
import pytest

from physio.component import AbstractStore, Scalar, parameter, port, state
from physio.heart.orifice_valve import OrificeValve
from physio.priors import LogNormal, Normal
from physio.units import UnitError, as_quantity
from physio.vessels.vessel import Vessel

PARTS = contract.exported_parts()
STORES = [cls for cls in PARTS if issubclass(cls, AbstractStore)]
every_part = pytest.mark.parametrize("cls", PARTS, ids=lambda cls: cls.__name__)


def test_parts_of_all_organs_are_found():
    assert {cls.__module__.split(".")[1] for cls in PARTS} >= {"heart", "vessels", "metabolism", "drugs"}
    assert Vessel in PARTS and OrificeValve in PARTS and AbstractStore not in PARTS


@every_part
def test_described(cls):
    contract.described(cls)


@every_part
def test_units(cls):
    contract.unit_checked(cls)


@every_part
def test_finite_over_the_priors(cls):
    contract.finite(cls)


@every_part
def test_gradient(cls, record_property):
    record_property("gradient_error", contract.gradient(cls))


@every_part
def test_vmap_equals_loop(cls):
    contract.mapped(cls)


@pytest.mark.parametrize("cls", STORES, ids=lambda cls: cls.__name__)
def test_store_conserves(cls):
    contract.conserving(cls)


@every_part
def test_float32(cls, record_property):
    drift = contract.precise(cls)
    record_property("float32_drift", drift)
    print(f"{cls.__name__}: float32 differs from float64 by {drift:.1e} of the largest value")


# ---- wrong parts -------------------------------------------------------------------------------------------


class Right(AbstractStore):
    """A store that keeps the contract; each wrong part below differs from it in one thing."""

    compliance: Scalar = parameter("mL/mmHg", LogNormal(1.4, cv=0.3), source="assumed")

    class State(eqx.Module):
        volume: Scalar = state("mL")

    class Flows(eqx.Module):
        blood: Scalar = port("mL/s", fills="volume")

    class Outputs(eqx.Module):
        pressure: Scalar = port("mmHg")

    def rest(self):
        return self.State(volume=self.compliance * as_quantity(90.0, "mmHg"))

    def outputs(self, t, state, sensed):
        return self.Outputs(pressure=state.volume / self.compliance)

    def rates(self, t, state, sensed, net, out):
        return self.State(volume=net.blood)


class WrongUnit(Right):
    """Pressure as a product."""

    def outputs(self, t, state, sensed):
        return self.Outputs(pressure=state.volume * self.compliance)


class Leaking(Right):
    """Loses blood to nowhere."""

    def rates(self, t, state, sensed, net, out):
        return self.State(volume=net.blood - 0.01 * state.volume)


class Halving(Right):
    """Takes half of what flows in."""

    def rates(self, t, state, sensed, net, out):
        return self.State(volume=0.5 * net.blood)


class NoSource(Right):
    """A number of unknown origin."""

    compliance: Scalar = parameter("mL/mmHg", LogNormal(1.4, cv=0.3), source=" ")


class NoDocstring(Right):
    pass


class Singular(Right):
    """Infinite within the prior's range."""

    offset: Scalar = parameter("mL", Normal(0.0, 1.0), source="assumed")

    def outputs(self, t, state, sensed):
        return self.Outputs(pressure=state.volume / jnp.sqrt(jnp.maximum(self.offset, 0.0)))


class InfiniteSlope(Right):
    """Finite, but its derivative is not."""

    offset: Scalar = parameter("mL", Normal(0.0, 1.0), source="assumed")

    def outputs(self, t, state, sensed):
        return self.Outputs(pressure=state.volume / self.compliance * jnp.sqrt(jnp.maximum(self.offset, 0.0)))


class Stepped(Right):
    """A derivative that is not that of the function: rounding hides the slope."""

    def outputs(self, t, state, sensed):
        volume = state.volume
        return self.Outputs(pressure=(volume + jnp.round(volume / 1e-7) * 1e-7 - volume) / self.compliance)


class Cancelling(Right):
    """Loses its digits in float32."""

    def outputs(self, t, state, sensed):
        pressure = state.volume / self.compliance
        return self.Outputs(pressure=(1e6 + pressure) ** 2 - 1e12 - 2e6 * pressure)


class Widening(Right):
    """Turns float32 into float64."""

    def outputs(self, t, state, sensed):
        return self.Outputs(pressure=state.volume / self.compliance * jnp.asarray(1.0, jnp.float64))


@pytest.mark.parametrize(
    "check", ["described", "unit_checked", "finite", "gradient", "mapped", "conserving", "precise"]
)
def test_a_right_part_passes(check):
    getattr(contract, check)(Right)


@pytest.mark.parametrize(
    ("cls", "check", "says"),
    [
        (NoSource, "described", "NoSource.compliance has no source"),
        (NoDocstring, "described", "NoDocstring has no docstring"),
        (Leaking, "conserving", "changes by more than its flows"),
        (Halving, "conserving", "does not take what flows into 'blood'"),
        (Singular, "finite", "outputs.pressure is inf"),
        (InfiniteSlope, "finite", "not finite"),
        (Stepped, "gradient", "differences say"),
        (Cancelling, "precise", "differs from float64"),
        (Widening, "precise", "computed in float64"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_wrong_part_fails(cls, check, says):
    with pytest.raises(AssertionError, match=says):
        getattr(contract, check)(cls)


def test_a_wrong_unit_fails():
    with pytest.raises(
        UnitError, match=r"WrongUnit\.outputs.*test_parts_contract\.py:\d+: .*mL\^2/mmHg, expected mmHg"
    ):
        contract.unit_checked(WrongUnit)
