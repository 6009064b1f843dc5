"""Hovorka 2004: rest, closed forms of gut and insulin, a meal against an independent integration, exercise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.hovorka import at_rest, exercising, exercising_hovorka, hovorka, smooth_hovorka
from physio.bodies.meals import insulin, swallowed
from physio.metabolism.exercise import Exercise
from physio.metabolism.two_pool_glucose import ProducingTwoPoolGlucose, TwoPoolGlucose
from physio.solve import Status, Tsit5, solve
from physio.system import System

TIGHT = Tsit5(1e-10, 1e-10)
# mU/min at 70 kg, mmol/L, mU/L: independent integration to rest
RESTING = [(3.0, 15.664149, 2.5879917), (6.0, 8.0666277, 5.1759834), (6.5, 5.7009141, 5.6073154), (7.0, 4.4163734, 6.0386473),
           (10.0, 3.1263477, 8.6266391)]  # fmt: skip
AT = np.arange(1441.0)


@pytest.fixture(scope="module")
def day():
    """(grams, units) -> trajectory: eaten in 15 min, injected within one, from the 60th minute on."""
    plan = lambda grams, units: swallowed(60.0, grams, 15.0) + insulin(60.0, units)
    run = jax.jit(lambda schedule: solve(hovorka(), schedule, at=AT, method=TIGHT))
    return lambda grams, units: run(plan(grams, units))


def test_rest():
    rate, glucose, plasma = np.asarray(RESTING).T
    body = at_rest(hovorka().with_values({"depot.basal": rate / 70.0}))
    np.testing.assert_allclose(body.value("glucose.fasting"), glucose, rtol=1e-7)
    np.testing.assert_allclose(body.value("action.basal"), plasma, rtol=1e-7)
    system, none = System.of(body, len(rate)), jnp.zeros(len(rate))
    field = system.field(none, system.rest(), {}, {"food": none, "insulin": none})
    np.testing.assert_allclose(field, 0.0, atol=1e-14)


def test_gut_closed_form(day):
    """Constant intake r for T, then none: D1 = A r tau (1 - exp(-T / tau)), and t exp(-t / tau) from there."""
    path = day(50.0, 0.0)
    r, tau = 0.8 * 50.0e3 / 180.156 / 15.0, 40.0
    share = np.exp(-15.0 / tau)
    first, second = r * tau * (1.0 - share), r * tau * (1.0 - share) - 15.0 * r * share
    t = AT[75:] - 75.0
    np.testing.assert_allclose(path["gut.first"][75:], first * np.exp(-t / tau), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(path["gut.second"][75:], (second + first * t / tau) * np.exp(-t / tau), rtol=1e-7, atol=1e-7)


def test_a_meal(day):
    """Printed figures of an independent integration: 18.05 mmol/L at 214 min."""
    path = day(50.0, 0.0)
    glucose = np.asarray(path["glucose.glucose"])
    assert int(path.status) == Status.OK and glucose.argmax() == 214
    assert glucose.max() == pytest.approx(18.05, abs=5e-3)


def test_a_meal_with_insulin(day):
    """With 4 U: 9.885 mmol/L at 108 min (9.886 here), at least 2.396 mmol/L, 28.02 mU/L."""
    path = day(50.0, 4.0)
    glucose, plasma = np.asarray(path["glucose.glucose"]), np.asarray(path["depot.insulin"])
    assert glucose.argmax() == 108 and glucose.max() == pytest.approx(9.885, abs=1.5e-3)
    assert glucose.min() == pytest.approx(2.396, abs=5e-4) and plasma.max() == pytest.approx(28.02, abs=5e-3)


def test_insulin_that_is_absorbed_is_eliminated(day):
    """The integral of I - I(rest) over the rest of the day is dose / (VI BW ke)."""
    path = day(50.0, 4.0)
    plasma = np.asarray(path["depot.insulin"])[60:]
    excess = plasma - plasma[0]
    # from the bolus on it is smooth but for one minute, where it is small
    integral = (excess[:-1] + excess[1:]).sum() / 2.0
    assert integral == pytest.approx(4000.0 / (0.12 * 70.0 * 0.138), rel=1e-4)


def test_a_liver_that_only_produces():
    share = jnp.asarray(1.0 - 1.4)
    assert float(TwoPoolGlucose().remaining(share)) == pytest.approx(-0.4)
    assert float(ProducingTwoPoolGlucose().remaining(share)) == 0.0
    smooth = smooth_hovorka().parts["glucose"]
    assert 0.0 < float(smooth.remaining(share)) < 3e-4
    assert float(smooth.remaining(jnp.asarray(0.5))) == pytest.approx(0.5, abs=3e-4)


def test_use_falls_below_the_lower_threshold_and_urine_takes_above_the_upper():
    """At 2.25 mmol/L use is half of F01; at 12 mmol/L 0.003 * 3 * 0.16 mmol/kg/min are lost."""
    part, zero = TwoPoolGlucose(), jnp.asarray(0.0)

    def rate(glucose):
        state = part.State(accessible=jnp.asarray(glucose * 0.16), deep=zero)
        sensed = part.Sensed(appearance=zero, transport=zero, disposal=zero, liver=jnp.asarray(1.0))
        return float(part.rates(0.0, state, sensed, part.outputs(0.0, state, sensed)).accessible)

    assert rate(2.25) == pytest.approx(-0.00485, rel=1e-12)
    assert rate(6.0) == pytest.approx(-0.0097, rel=1e-12)
    assert rate(12.0) == pytest.approx(-0.0097 - 0.00144, rel=1e-12)


def test_signals_of_exercise():
    """At 60 % of maximal oxygen uptake P_inf = 84.988 mg/min; a quarter of the muscle works."""
    part = Exercise()
    assert float(part.plateau(jnp.asarray(60.0))) == pytest.approx(0.006 * 3600 + 1.2264 * 60 - 10.1958, rel=1e-12)
    state = part.State(oxygen=jnp.asarray(60.0), uptake=jnp.asarray(70.0))
    busy = part.outputs(0.0, state, part.Sensed(oxygen=jnp.asarray(60.0), muscle=jnp.asarray(0.25)))
    assert [float(v) for v in (busy.uptake, busy.insulin, busy.liver)] == pytest.approx([1.5, 1.6, 1.0 + 17.5 / 155.0])
    idle = part.outputs(0.0, part.rest(), part.Sensed(oxygen=jnp.asarray(0.0), muscle=jnp.asarray(0.0)))
    assert [float(v) for v in (idle.uptake, idle.insulin, idle.liver)] == [1.0, 1.0, 1.0]


def test_exercise_lowers_glucose_and_nothing_happens_before_it():
    run = jax.jit(lambda s: solve(exercising_hovorka(), s, at=jnp.asarray([60.0, 105.0, 300.0]), method=TIGHT))
    path = run(exercising(60.0, 45.0, 60.0, 0.25))
    glucose = np.asarray(path["glucose.glucose"])
    assert glucose[0] == pytest.approx(8.0666277, rel=1e-7)
    assert glucose[1] < glucose[0] - 0.3 and glucose[2] < glucose[0]
    # v = 60 (1 - E) with E = exp(-5 t / 3): the plateau is 84.9882 - 116.784 E + 21.6 E^2, and P follows with 30 min
    late, wanted = np.exp(-45.0 / 30.0), 84.9882
    wanted -= (84.9882 + 10.1958) * late
    for power, factor in ((1, -116.784), (2, 21.6)):
        wanted += factor * (np.exp(-75.0 * power) - late) / (1.0 - 50.0 * power)
    added = (float(path["exercise.liver"][1]) - 1.0) * 155.0 / 0.25
    assert added == pytest.approx(wanted, rel=1e-8)
