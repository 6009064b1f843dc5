"""Long-acting insulin: units that are kept, closed forms, and the effect of each quarter of a day as published."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from physio.bodies.hovorka import hovorka
from physio.bodies.pen import accustomed, degludec, detemir, glargine, injection, with_pen
from physio.bodies.uva_s2008 import uva_s2008
from physio.component import AbstractPlainPart, Scalar, port, state
from physio.metabolism.long_acting_depot import LongActingDepot
from physio.schedule import ragged
from physio.solve import Status, Tsit5, solve
from physio.units import as_quantity

TIGHT = Tsit5(1e-10, 1e-10)
# published half-lives [min] of three insulins, and the onsets assumed with them
HALF_LIFE, ONSET = np.array([12.1, 25.4, 6.0]) * 60.0, np.array([30.0, 240.0, 180.0])
MAKERS = (glargine, degludec, detemir)
# U/d, what 6 mU/min are
DAILY = 8.64
AT = np.arange(0.0, 2881.0, 15.0)


class Tally(AbstractPlainPart):
    """What has been absorbed."""

    time_unit = "min"

    class State(eqx.Module):
        absorbed: Scalar = state("pmol/kg")

    class Sensed(eqx.Module):
        absorption: Scalar = port("pmol/kg/min")

    def rest(self):
        return self.State(as_quantity(jnp.zeros(()), "pmol/kg"))

    def outputs(self, t, state, sensed):
        return self.Outputs()

    def rates(self, t, state, sensed, out):
        return self.State(sensed.absorption)


@pytest.fixture(scope="module")
def days():
    """(units a day before, injections of everybody) -> trajectory of three people in two days, each on another insulin."""
    body = with_pen(hovorka(), LongActingDepot()).with_values({"pen.onset": ONSET, "pen.half_life": HALF_LIFE})
    run = jax.jit(lambda schedule: solve(body, schedule, at=AT, lanes=3, method=TIGHT))

    def run_for(units, injections):
        people = [accustomed(with_pen(hovorka(), make()), 0.0, units) + injections for make in MAKERS]
        path = run(ragged(people))
        assert (np.asarray(path.status) == Status.OK).all()
        return path

    return run_for


@pytest.fixture(scope="module")
def usual(days):
    """The same dose every day at minute 0."""
    return days(DAILY, injection([0.0, 1440.0], DAILY))


def _held(path):
    """Units under the skin, long-acting and rapid, beyond nothing: (times, people)."""
    rapid = np.asarray(path["depot.first"] + path["depot.second"]) * 70.0 / 1000.0
    return np.asarray(path["pen.bound"] + path["pen.ready"]) + rapid


def test_one_injection_by_a_matrix_exponential(days):
    """Bound, ready, two stages of the rapid depot and plasma, of people of 70 kg who also have a constant 6 mU/min."""
    path = days(0.0, injection([30.0, 1470.0], [20.0, 0.0]))
    names = ("pen.bound", "pen.ready", "depot.first", "depot.second", "depot.insulin")
    for person, (onset, half_life) in enumerate(zip(ONSET, HALF_LIFE, strict=True)):
        k = np.log(2.0) / half_life
        a = np.array([
            [-1.0 / onset, 0.0, 0.0, 0.0, 0.0],
            [1.0 / onset, -k, 0.0, 0.0, 0.0],
            [0.0, 1000.0 * k / 70.0, -1.0 / 55.0, 0.0, 0.0],
            [0.0, 0.0, 1.0 / 55.0, -1.0 / 55.0, 0.0],
            [0.0, 0.0, 0.0, 1.0 / 55.0 / 0.12, -0.138],
        ])  # fmt: skip
        rest = np.array([0.0, 0.0, 6.0 / 70.0 * 55.0, 6.0 / 70.0 * 55.0, 6.0 / 70.0 / 0.12 / 0.138])
        for at in (45.0, 600.0, 2880.0):
            found = [path[name][AT == at, person][0] for name in names]
            wanted = rest + expm(a * (at - 30.0)) @ [20.0, 0.0, 0.0, 0.0, 0.0]
            np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-12)


def test_what_was_injected_is_absorbed_or_still_there():
    """In the simulator's body, where a unit is 6000 pmol: 20 U, and 4 U later."""
    body = with_pen(uva_s2008(), glargine()).wired({"tally": Tally()}, senses={"tally.absorption": "depot.absorption"})
    at = np.array([0.0, 20.0, 300.0, 1440.0])
    given = injection(10.0, 20.0) + injection(200.0, 4.0)
    path = jax.jit(lambda s: solve(body, s, at=at, method=TIGHT))(given)
    pen = 6000.0 / 70.0 * np.asarray(path["pen.bound"] + path["pen.ready"])
    rapid = np.asarray(path["depot.fresh"] + path["depot.dissociated"])
    total = pen + rapid + np.asarray(path["tally.absorbed"]) - float(body.value("depot.basal")) * at
    np.testing.assert_allclose(total - total[0], 6000.0 / 70.0 * np.array([0.0, 20.0, 24.0, 24.0]), rtol=1e-9)
    assert total[0] == pytest.approx(rapid[0])


def test_who_injects_daily_keeps_what_a_year_of_injections_leaves(usual):
    """The sum of D exp(-a t) and of D a / (a - b) (exp(-b t) - exp(-a t)), just before the next of them."""
    t = 1440.0 * np.arange(1.0, 366.0)[:, None]
    a, b = 1.0 / ONSET, np.log(2.0) / HALF_LIFE
    bound, ready = DAILY * np.exp(-a * t), DAILY * a / (a - b) * (np.exp(-b * t) - np.exp(-a * t))
    for at in (1440.0, 2880.0):
        np.testing.assert_allclose(usual["pen.bound"][AT == at][0], bound.sum(axis=0), rtol=1e-7, atol=1e-12)
        np.testing.assert_allclose(usual["pen.ready"][AT == at][0], ready.sum(axis=0), rtol=1e-7)


def test_effect_of_each_quarter_of_a_day(usual):
    """Glucose infused in four times 6 h against 0.4 U/kg of glargine and degludec, % of a day: Haahr and Heise 2014."""
    held = _held(usual)
    at = lambda t: held[AT == t][0]
    edges = [at(1440.0) + DAILY, at(1800.0), at(2160.0), at(2520.0), at(2880.0)]
    share = -100.0 * np.diff(edges, axis=0) / DAILY
    np.testing.assert_allclose(share[:, 0], [31.0, 29.0, 23.0, 17.0], atol=3.0)
    np.testing.assert_allclose(share[:, 1], [23.0, 28.0, 26.0, 23.0], atol=1.0)
    np.testing.assert_allclose(share.sum(axis=0), 100.0, atol=0.01)


def test_detemir_is_highest_in_plasma_after_six_to_eight_hours(usual):
    """As its label says."""
    plasma = np.asarray(usual["depot.insulin"])[AT >= 1440.0, 2]
    assert 360.0 <= 15.0 * plasma.argmax() <= 480.0


def test_the_mean_of_a_day_is_the_basal_rate(usual):
    """Plasma insulin over the second day: its mean is what the basal rate would hold, 5.176 mU/L."""
    plasma = np.asarray(usual["depot.insulin"])[AT >= 1440.0]
    mean = (plasma[:-1] + plasma[1:]).mean(axis=0) / 2.0
    np.testing.assert_allclose(mean, 6.0 / 70.0 / 0.12 / 0.138, rtol=0.01)
