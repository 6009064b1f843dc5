"""Rescue carbohydrate: at instants known in closed form, not twice within the wait, in some lanes only, and nothing lost."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from physio.bodies.hovorka import sensed_hovorka
from physio.bodies.meals import insulin
from physio.bodies.rescue import with_rescue
from physio.bodies.uva_s2008 import smooth_uva_s2008
from physio.body import Body
from physio.component import AbstractController, AbstractPlainPart, Scalar, parameter, port, state
from physio.metabolism.rescue_carbohydrate import RescueCarbohydrate
from physio.priors import LogNormal
from physio.schedule import ragged
from physio.solve import Status, Tsit5, solve
from physio.units import as_number, as_quantity

TIGHT = Tsit5(1e-9, 1e-9)
# U of insulin too much, one person each
TOO_MUCH = [0.0, 1.0, 12.0]
AT = np.arange(0.0, 301.0, 2.5)


class Wave(AbstractController):
    """Glucose between mean - 20 and mean + 20 mg/dL, with a period of 2 h."""

    time_unit = "min"

    mean: Scalar = parameter("mg/dL", LogNormal(80.0, cv=0.1), source="test")

    class Outputs(eqx.Module):
        glucose: Scalar = port("mg/dL")

    def outputs(self, t, sensed):
        return self.Outputs(self.mean + as_quantity(20.0 * jnp.cos(jnp.pi * as_number(t, "min") / 60.0), "mg/dL"))


class Tally(AbstractPlainPart):
    """What has come into the blood."""

    time_unit = "min"

    class State(eqx.Module):
        absorbed: Scalar = state("mg/kg")

    class Sensed(eqx.Module):
        appearance: Scalar = port("mg/kg/min")

    def rest(self):
        return self.State(as_quantity(jnp.zeros(()), "mg/kg"))

    def outputs(self, t, state, sensed):
        return self.Outputs()

    def rates(self, t, state, sensed, out):
        return self.State(sensed.appearance)


def test_it_is_taken_where_a_wave_falls_below_and_not_twice_within_the_wait():
    """80 + 20 cos(pi t / 60) is below 70 from 40 to 80 min and from 160 to 200 min: taken at 40, 55 and 70, and again so.

    Below 65 from 60 / pi arccos(-3/4) = 46.197 for 27.6 min: at 46.197 and 61.197. Who is never below 70 takes nothing.
    """
    body = Body(
        {"wave": Wave(), "rescue": RescueCarbohydrate()},
        time="min",
        inputs={"food": "mg/min"},
        senses={"rescue.food": "input.food", "rescue.glucose": "wave.glucose"},
    ).with_values({"wave.mean": [80.0, 80.0, 95.0], "rescue.threshold": [70.0, 65.0, 70.0]})
    at = np.array([39.9, 40.1, 54.9, 55.1, 70.1, 120.0, 200.0])
    path = jax.jit(lambda b: solve(b, at=at, lanes=3, method=TIGHT))(body)
    assert (np.asarray(path.status) == Status.OK).all()
    first = 60.0 / np.pi * np.arccos(-0.75)
    begun = [[40.0, 55.0, 70.0, 160.0, 175.0, 190.0], [first, first + 15.0, first + 120.0, first + 135.0], []]
    for person, times in enumerate(begun):
        before = [[t - u for u in times if u < t] for t in at]
        np.testing.assert_allclose(path["rescue.taken"][:, person], [15e3 * len(past) for past in before])
        mouth = [15e3 * sum(np.exp(-u / 1.5) for u in past) for past in before]
        np.testing.assert_allclose(path["rescue.mouth"][:, person], mouth, rtol=1e-6, atol=1e-4)


def test_who_begins_low_takes_it_after_one_wait():
    part = RescueCarbohydrate()
    sensed = part.Sensed(food=jnp.asarray(0.0), glucose=jnp.asarray(60.0))
    at = lambda since: float(part.crossing(0.0, part.State(jnp.asarray(0.0), jnp.asarray(since), jnp.asarray(0.0)), sensed))
    assert float(part.rest().since) == 0.0 and at(14.9) < 0.0 < at(15.1)


@pytest.fixture(scope="module")
def simulated():
    """Three people of the simulator with more and more insulin."""
    body = with_rescue(smooth_uva_s2008(), "stomach.food")
    body = body.wired({"tally": Tally()}, senses={"tally.appearance": "stomach.appearance"})
    schedule = ragged([insulin(20.0, units) for units in TOO_MUCH])
    path = jax.jit(lambda s: solve(body, s, at=AT, lanes=len(TOO_MUCH), method=TIGHT))(schedule)
    assert (np.asarray(path.status) == Status.OK).all()
    return path


def test_only_who_sees_low_glucose_takes_it(simulated):
    seen, taken = np.asarray(simulated["interstitium.glucose"]), np.asarray(simulated["rescue.taken"])
    assert (seen[:, :2].min(axis=0) > 70.0).all() and (taken[:, :2] == 0.0).all()
    first = np.argmax(taken[:, 2] > 0.0)
    # seen every 2.5 min: low only after the sample before the first portion
    assert taken[-1, 2] > 0.0 and seen[first - 1, 2] >= 70.0 > seen[first, 2]
    portions = np.diff(taken[:, 2])
    when = AT[1:][portions > 0.0]
    # still low after the wait: again, and not before
    assert when.size >= 2 and (portions[portions > 0.0] == 15e3).all() and (np.diff(when) >= 12.5).all()


def test_what_is_taken_is_on_its_way_or_absorbed(simulated):
    """f (taken - mouth - stomach and gut) is what came into the blood, with f = 0.9, of 70 kg."""
    taken, mouth = np.asarray(simulated["rescue.taken"]), np.asarray(simulated["rescue.mouth"])
    inside = np.asarray(simulated["stomach.unabsorbed"])
    absorbed = 70.0 * np.asarray(simulated["tally.absorbed"])
    assert absorbed[-1, 2] > 5e3
    np.testing.assert_allclose(0.9 * (taken - mouth - inside), absorbed, rtol=1e-7, atol=1e-3)


def test_a_portion_in_the_gut_by_a_matrix_exponential():
    """In the other model: 15 g from the mouth with 1.5 min, 80 % of it through two stages of 40 min."""
    body = with_rescue(sensed_hovorka(), "gut.food")
    at = np.arange(0.0, 241.0, 5.0)
    path = jax.jit(lambda s: solve(body, s, at=at, method=TIGHT))(insulin(20.0, 6.0))
    taken, since = np.asarray(path["rescue.taken"]), np.asarray(path["rescue.since"])
    one = np.flatnonzero(taken == 15e3)
    assert one.size >= 2 and np.asarray(path["interstitium.glucose"])[one[0] - 1] >= 70.0
    a = np.array([[-1.0 / 1.5, 0.0, 0.0], [0.8 / 180.156 / 1.5, -1.0 / 40.0, 0.0], [0.0, 1.0 / 40.0, -1.0 / 40.0]])
    for k in one:
        found = [path[name][k] for name in ("rescue.mouth", "gut.first", "gut.second")]
        np.testing.assert_allclose(found, expm(a * since[k]) @ [15e3, 0.0, 0.0], rtol=1e-6, atol=1e-6)
