"""The 2008 simulator: glucose in the gut, the memory of the stomach, insulin by a matrix exponential, rest, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from physio.bodies.meals import insulin, meal
from physio.bodies.uva_s2008 import balanced, smooth_uva_s2008, uva_s2008
from physio.metabolism.glucose_kinetics import GlucoseKinetics, SmoothGlucoseKinetics
from physio.metabolism.stomach import GrindingStomach, SmoothStomach, Stomach
from physio.solve import Status, Tsit5, solve
from physio.system import System

TIGHT = Tsit5(1e-10, 1e-10)
# two meals of 60 and 75 g, the second into a stomach that is not empty; a bolus of 4 U
FIRST, SECOND = 30.0, 210.0
NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)
BEFORE, AFTER = 60.0 + 65.0 * (NODES + 1.0), 240.0 + 180.0 * (NODES + 1.0)
SEEN = np.concatenate([[60.0], BEFORE, [190.0, 200.0, SECOND, 210.5, 211.5, 224.5, 240.0], AFTER, [600.0]])


def plan(x):
    return meal(FIRST, 60.0, 12) + meal(x["time"], x["grams"], 15) + insulin(25.0, x["units"])


def _slopes(body):
    """x, dx -> the day and its derivative along dx: one compiled function for all directions."""

    def run(x):
        there = body.with_values({"glucose.uptake_sensitivity": x["Vmx"]})
        path = solve(there, plan(x), at=SEEN, method=TIGHT)
        return path.states, path.status

    return jax.jit(lambda x, dx: jax.jvp(run, (x,), (dx,)))


X = {"time": SECOND, "grams": 75.0, "units": 4.0, "Vmx": 0.047}
BODY = smooth_uva_s2008()
ROWS = System.of(BODY, 1).state_names


@pytest.fixture(scope="module")
def day():
    """(x, direction) -> (states (times, rows), derivative of them)."""
    run = _slopes(BODY)

    def at(x, direction=None):
        dx = {name: jnp.asarray(float(name == direction)) for name in X}
        (states, status), (slopes, _) = run({name: jnp.asarray(float(v)) for name, v in x.items()}, dx)
        assert int(status) == Status.OK
        return np.asarray(states), np.asarray(slopes)

    return at


def _row(states, name):
    return states[:, ROWS.index(name)]


@pytest.mark.parametrize("cls", [Stomach, SmoothStomach, GrindingStomach])
def test_what_is_eaten_is_in_the_gut_or_absorbed(cls):
    """d(solid + liquid + intestine)/dt = food - Ra BW / f, whatever the state."""
    part = cls(fastest=0.04, available=0.8)
    state = part.State(*(jnp.asarray(v) for v in (2e4, 3e4, 1e4, 6e4)))
    sensed = part.Sensed(food=jnp.asarray(5000.0), weight=jnp.asarray(70.0))
    rates, out = part.rates(0.0, state, sensed, None), part.outputs(0.0, state, sensed)
    kept = rates.solid + rates.liquid + rates.intestine
    assert float(kept) == pytest.approx(5000.0 - float(out.appearance) * 70.0 / 0.8, rel=1e-12)


def test_emptying_of_the_stomach():
    """k_max when full and when empty, (k_max + k_min) / 2 at b D and at d D, k_min between."""
    part = Stomach(fastest=0.0558, slowest=0.008, slowing=0.82, reopening=0.2)
    rate = lambda share: float(part.emptying(jnp.asarray(share * 7e4), jnp.asarray(7e4)))
    assert rate(0.82) == pytest.approx(0.0319, abs=1e-4) and rate(0.2) == pytest.approx(0.0319, abs=1e-4)
    assert rate(0.5) == pytest.approx(0.008, abs=1e-3)
    # tanh(2.5) = 0.98661 of the way up
    assert rate(1.0) == pytest.approx(0.008 + 0.0239 * (1.0 + 0.98661), abs=1e-5)
    assert rate(0.0) == pytest.approx(0.008 + 0.0239 * (1.0 + 0.98661), abs=1e-5)


@pytest.mark.parametrize(("cls", "off"), [(Stomach, 1e-15), (SmoothStomach, 4e-4)])
def test_before_the_first_meal_the_stomach_is_open(cls, off):
    part = cls()
    value, slope = jax.value_and_grad(lambda meal: part.emptying(jnp.asarray(0.0), meal))(jnp.asarray(0.0))
    assert float(value) == pytest.approx(0.0558, abs=off) and np.isfinite(slope)


def test_a_meal_in_the_gut(day):
    """Between and after the meals what leaves the gut is the integral of k_abs times what is in the intestine, at 24 nodes."""
    states, _ = day(X)
    held = sum(_row(states, f"stomach.{name}") for name in ("solid", "liquid", "intestine"))
    absorbed = 0.057 * _row(states, "stomach.intestine")
    for begin, nodes, end, half in ((60.0, BEFORE, 190.0, 65.0), (240.0, AFTER, 600.0, 180.0)):
        passed = half * WEIGHTS @ absorbed[np.isin(SEEN, nodes)]
        assert held[SEEN == begin] - held[SEEN == end] == pytest.approx(passed, rel=1e-6)


def test_the_stomach_remembers(day):
    """What was in it when the second meal began, and 5 g for each minute that has begun."""
    states, _ = day(X)
    stomach = _row(states, "stomach.solid") + _row(states, "stomach.liquid")
    left = stomach[SEEN == SECOND][0]
    assert left > 1000.0
    remembered = {t: _row(states, "stomach.meal")[SEEN == t][0] for t in (60.0, SECOND, 210.5, 211.5, 240.0)}
    wanted = {60.0: 6e4, SECOND: 6e4, 210.5: left + 5e3, 211.5: left + 1e4, 240.0: left + 7.5e4}
    assert remembered == pytest.approx(wanted, rel=1e-12)


def test_insulin_by_a_matrix_exponential(day):
    """Depot, plasma and liver are linear: with 6000 pmol/U and 70 kg, 4 U from minute 25 to 26."""
    kd, ka1, ka2, m1, m2, m4, m3, basal = 0.0164, 0.0018, 0.0182, 0.19, 0.484, 0.194, 0.285, float(BODY.value("depot.basal"))
    a = np.array([
        [-(ka1 + kd), 0.0, 0.0, 0.0, 0.0],
        [kd, -ka2, 0.0, 0.0, 0.0],
        [ka1, ka2, -(m2 + m4), m1, 0.0],
        [0.0, 0.0, m2, -(m1 + m3), 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
    ])  # fmt: skip
    a[0, 4] = basal
    y = np.append(np.linalg.solve(a[:4, :4], [-basal, 0.0, 0.0, 0.0]), 1.0)
    during = a.copy()
    during[0, 4] += 4.0 * 6000.0 / 70.0
    states, _ = day(X)
    at = expm(a * (190.0 - 26.0)) @ expm(during) @ expm(a * 25.0) @ y
    names = ("depot.fresh", "depot.dissociated", "insulin.plasma", "insulin.liver")
    found = [_row(states, name)[SEEN == 190.0][0] for name in names]
    np.testing.assert_allclose(found, at[:4], rtol=1e-8)
    assert y[2] / 0.05 == pytest.approx(50.0, rel=1e-12)


@pytest.mark.parametrize("make", [uva_s2008, smooth_uva_s2008])
def test_a_balanced_person_is_at_rest(make):
    """Also one of other numbers, who loses glucose in the urine; smooth corners leave 1e-3 of a flux."""
    body = make().with_values({"glucose.fasting": [110.0, 220.0], "insulin.basal": [80.0, 40.0], "size.weight": 55.0})
    system = System.of(balanced(body), 2)
    none = {"food": jnp.zeros(2), "insulin": jnp.zeros(2)}
    off = 1e-12 if make is uva_s2008 else 1e-3
    np.testing.assert_allclose(system.field(jnp.zeros(2), system.rest(), {}, none), 0.0, atol=off)


def test_corners():
    """Renal loss 0.0005 (Gp - 339); production not below zero; smooth ones within their widths."""
    sharp, smooth = GlucoseKinetics(), SmoothGlucoseKinetics()
    state = sharp.State(plasma=jnp.asarray(539.0), tissue=jnp.asarray(200.0))
    assert float(sharp.lost(state)) == pytest.approx(0.1, rel=1e-12)
    assert float(smooth.lost(state)) == pytest.approx(0.1, abs=1.1e-5)
    assert float(sharp.positive(jnp.asarray(-0.3), 0.02)) == 0.0
    assert 0.0 < float(smooth.positive(jnp.asarray(-0.3), 0.02)) < 1.4e-3
    assert float(smooth.positive(jnp.asarray(0.0), 0.02)) == pytest.approx(0.02, rel=1e-12)


@pytest.mark.parametrize(("name", "step"), [("time", 0.1), ("grams", 0.1), ("units", 4e-3), ("Vmx", 5e-5)])
def test_derivatives_across_meals(day, name, step):
    """Against extrapolated central differences: |a - b| / (|b| + 1e-3 max |b|)."""
    later = np.isin(SEEN, AFTER)
    at = lambda k: _row(day(X | {name: X[name] + k * step})[0], "interstitium.glucose")[later]
    b = (8.0 * (at(0.5) - at(-0.5)) - (at(1.0) - at(-1.0))) / (6.0 * step)
    a = _row(day(X, name)[1], "interstitium.glucose")[later]
    assert (np.abs(a - b) / (np.abs(b) + 1e-3 * np.abs(b).max())).max() < 1e-5
