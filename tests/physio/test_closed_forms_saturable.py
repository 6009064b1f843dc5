"""Saturable closed forms against scipy's Lambert W, an ODE solver and their limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import lambertw

from physio.drugs.closed_forms_saturable import MichaelisMentenPK, wright_omega

TIMES = np.array([0.0, 0.5, 2.0, 5.0, 9.0, 14.0])
VOLUME, VMAX, KM, DOSE = 10.0, 50.0, 4.0, 300.0


@pytest.fixture
def pk():
    return MichaelisMentenPK(VOLUME, VMAX, KM)


def by_ode(t, start, volume=VOLUME, vmax=VMAX, km=KM):
    """log c, so that the tail keeps its relative accuracy."""
    times = np.concatenate([[0.0], t[t > 0]])
    solution = solve_ivp(
        lambda t, y: -vmax / volume / (km + np.exp(y)), (0.0, times[-1]), [np.log(start)],
        method="DOP853", t_eval=times, rtol=1e-13, atol=1e-13,
    )  # fmt: skip
    return np.exp(solution.y[0][-len(t):])


def test_wright_omega_is_lamberts_function():
    y = np.concatenate([np.linspace(-60.0, 600.0, 6601), [-39.999, -40.001, 1.0]])
    np.testing.assert_allclose(wright_omega(y), lambertw(np.exp(y)).real, rtol=2e-14)


def test_wright_omega_far_out():
    y = np.array([1e3, 1e6, 1e12, 1e300])
    w = np.asarray(wright_omega(y))
    np.testing.assert_allclose(w + np.log(w), y, rtol=1e-15)
    assert wright_omega(-1e4) == 0.0 and float(wright_omega(1.0)) == 1.0


def test_wright_omega_derivatives():
    """w' = w / (1 + w), w'' = w / (1 + w)^3."""
    y = np.array([-800.0, -41.0, -3.0, 0.3, 1.0, 7.0, 1e5])
    w = np.asarray(wright_omega(y))
    first, second = jax.grad(wright_omega), jax.grad(jax.grad(wright_omega))
    np.testing.assert_allclose(jax.vmap(first)(y), w / (1 + w), rtol=1e-15)
    np.testing.assert_allclose(jax.vmap(second)(y), w / (1 + w) ** 3, rtol=1e-10)


def test_bolus_follows_the_differential_equation(pk):
    np.testing.assert_allclose(pk.bolus(TIMES, DOSE), by_ode(TIMES, DOSE / VOLUME), rtol=1e-10)


def test_derivatives_of_a_bolus():
    """Against extrapolated central differences of the ODE solver, which carry 1e-8 of its own error."""
    def curve(x):
        amount, volume, vmax, km, given = x
        return MichaelisMentenPK(volume, vmax, km).bolus(t - given, amount)

    def expected(x):
        amount, volume, vmax, km, given = x
        return by_ode(t - given, amount / volume, volume, vmax, km)

    t, x = TIMES[1:], np.array([DOSE, VOLUME, VMAX, KM, 0.1])
    slopes = np.asarray(jax.jit(jax.jacfwd(curve))(x))
    for k, step in enumerate(0.01 * x):
        e = np.eye(5)[k]
        coarse, fine = ((expected(x + h * e) - expected(x - h * e)) / (2 * h) for h in (step, step / 2))
        coarser = (expected(x + 2 * step * e) - expected(x - 2 * step * e)) / (4 * step)
        better, worse = (4 * fine - coarse) / 3, (4 * coarse - coarser) / 3
        np.testing.assert_allclose(slopes[:, k], (16 * better - worse) / 15, rtol=1e-7)


def test_limits(pk):
    """Far below km a clearance vmax / km; far above it a straight line; at dose 0 the slope of the first."""
    t = TIMES[:4]
    first_order = np.exp(-VMAX / KM / VOLUME * t) / VOLUME
    np.testing.assert_allclose(pk.bolus(t, 1e-12), 1e-12 * first_order, rtol=1e-12)
    slope = jax.jit(jax.jacfwd(lambda dose: pk.bolus(t, dose)))(0.0)
    np.testing.assert_allclose(slope, first_order, rtol=1e-13)
    np.testing.assert_allclose(pk.bolus(t, 1e9), 1e8 - VMAX / VOLUME * t, rtol=1e-13)
    assert np.all(pk.bolus(t, 0.0) == 0)


def test_nothing_happens_before_the_dose(pk):
    late = jax.value_and_grad(lambda lag: pk.bolus(1.0, DOSE, lag=lag))
    value, slope = jax.vmap(late)(jnp.array([1.5, 0.5]))
    assert value[0] == 0 and slope[0] == 0
    assert value[1] == pytest.approx(by_ode(np.array([0.5]), DOSE / VOLUME)[0], rel=1e-10)
    assert np.isfinite(slope[1])


def test_steady_boluses_come_back_to_where_they_started(pk):
    t = np.array([0.0, 3.0, 7.999999])
    curve = np.asarray(pk.steady_bolus(t, DOSE, 8.0))
    np.testing.assert_allclose(curve, by_ode(t, curve[0]), rtol=1e-10)
    trough = by_ode(np.array([8.0]), curve[0])[0]
    assert curve[0] == pytest.approx(trough + DOSE / VOLUME, rel=1e-10)
    # Before the dose arrives, the end of the interval before; long after it, washout.
    before, after = by_ode(np.array([7.75, 12.0]), curve[0])
    assert float(pk.steady_bolus(0.25, DOSE, 8.0, lag=0.5)) == pytest.approx(before, rel=1e-10)
    assert float(pk.steady_bolus(12.0, DOSE, 8.0)) == pytest.approx(after, rel=1e-10)


def test_steady_infusion_balances_elimination(pk):
    steady = float(pk.steady_infusion(40.0))
    assert steady == 16.0
    assert VMAX * steady / (KM + steady) == pytest.approx(40.0, rel=1e-15)
    slope = jax.grad(pk.steady_infusion)(40.0)
    assert float(slope) == pytest.approx(KM * VMAX / (VMAX - 40.0) ** 2, rel=1e-14)


@pytest.mark.parametrize(
    "call",
    [
        lambda pk: pk.steady_infusion(VMAX),
        lambda pk: pk.steady_infusion(np.array([10.0, 60.0])),
        lambda pk: pk.steady_bolus(1.0, 400.0, 8.0),
        lambda pk: pk.steady_bolus(1.0, 500.0, 8.0, bioavailability=0.9),
    ],
)
def test_no_steady_state_at_capacity(pk, call):
    with pytest.raises(ValueError, match="not below the capacity vmax 50.0 mg/h"):
        call(pk)


def test_no_steady_state_at_capacity_when_traced(pk):
    rates = jnp.array([40.0, 50.0, 60.0])
    found = jax.jit(lambda rate: pk.steady_infusion(rate))(rates)
    np.testing.assert_array_equal(found, [16.0, np.inf, np.inf])
    assert np.all(np.isfinite(jax.vmap(jax.grad(pk.steady_infusion))(rates)))
    value, slope = jax.jit(jax.value_and_grad(lambda dose: pk.steady_bolus(1.0, dose, 8.0)))(400.0)
    assert value == np.inf and slope == 0
