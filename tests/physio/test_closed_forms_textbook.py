"""Linear closed forms against textbook formulas, published tables and conserved amounts; what they refuse."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.drugs.closed_forms import LinearPK, superposed

TIMES = np.array([0.2, 0.5, 0.9, 2.0, 4.0, 7.5, 12.0, 30.0])
FORMS = {  # name of the method: what it takes between amount and every
    "bolus": (),
    "infusion": (2.5,),
    "oral": (1.3,),
}


@pytest.fixture
def pk():
    return LinearPK(5.0, (10.0, 35.0, 200.0), (4.0, 2.5))


def test_well_separated_exponents():
    t, dose, cl, v, ka = TIMES, 100.0, 5.0, 20.0, 1.3
    k, one = cl / v, LinearPK(cl, (v,))
    np.testing.assert_allclose(one.bolus(t, dose), dose / v * np.exp(-k * t), rtol=1e-14)
    oral = dose * ka / (v * (ka - k)) * (np.exp(-k * t) - np.exp(-ka * t))
    np.testing.assert_allclose(one.oral(t, dose, ka), oral, rtol=1e-13)
    during = dose / 2 / cl * (1 - np.exp(-k * t))
    after = dose / 2 / cl * np.expm1(k * 2) * np.exp(-k * t)
    np.testing.assert_allclose(one.infusion(t, dose, 2.0), np.where(t < 2, during, after), rtol=1e-13)
    v2, q = 35.0, 4.0
    total, k21 = k + q / v + q / v2, q / v2
    root = np.sqrt(total**2 - 4 * k21 * k)
    alpha, beta = (total + root) / 2, (total - root) / 2
    two = (alpha - k21) * np.exp(-alpha * t) + (k21 - beta) * np.exp(-beta * t)
    found = LinearPK(cl, (v, v2), (q,)).bolus(t, dose)
    np.testing.assert_allclose(found, dose / v / root * two, rtol=1e-13)


def test_equal_rates_exactly():
    """ka = ke: D ka t exp(-ka t) / V, and at fixed ke its slope in ka, D t exp(-ka t) (1 - ka t / 2) / V."""
    t, dose, v, ka = TIMES, 100.0, 20.0, 0.25
    pk = LinearPK(5.0, (v,))
    np.testing.assert_allclose(pk.oral(t, dose, ka), dose * ka * t * np.exp(-ka * t) / v, rtol=1e-15)
    slope = jax.jit(jax.jacfwd(lambda ka: pk.oral(t, dose, ka)))(ka)
    expected = dose * t * np.exp(-ka * t) * (1 - ka * t / 2) / v
    np.testing.assert_allclose(slope, expected, rtol=1e-13, atol=1e-15)


def test_published_propofol_concentrations():
    """Man of 35 y, 70 kg, 170 cm, in min: Schnider 1998 and Marsh 1991 as another program evaluates them."""
    schnider = LinearPK(1.6381, (4.27, 25.938, 238.0), (1.722, 0.836))
    v1 = 0.228 * 70
    k10, k12, k13, k21, k31 = 0.119, 0.112, 0.0419, 0.055, 0.0033
    marsh = LinearPK(k10 * v1, (v1, k12 / k21 * v1, k13 / k31 * v1), (k12 * v1, k13 * v1))
    bolus_at, infusion_at = np.array([1.0, 2, 5, 10, 30]), np.array([10.0, 60])
    for pk, bolus, infusion in (
        (schnider, [12.507, 5.113, 1.017, 0.6846, 0.3495], [3.303, 4.708]),
        (marsh, [6.700, 5.157, 2.508, 1.031, 0.3660], [2.709, 4.265]),
    ):
        np.testing.assert_allclose(pk.bolus(bolus_at, 140.0), bolus, rtol=5e-4)
        np.testing.assert_allclose(pk.infusion(infusion_at, 700.0, 60.0), infusion, rtol=5e-4)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_happens_before_the_dose(pk, form):
    def curve(x):
        body = LinearPK(x[0], tuple(x[1:4]), tuple(x[4:6]))
        course = tuple(x[9:]) if FORMS[form] else ()
        return getattr(body, form)(t - x[6], 100.0, *course, lag=x[7], bioavailability=x[8])

    t = jnp.array([-5.0, 0.0, 0.49, 0.5, 0.51])
    x = jnp.array([5.0, 10.0, 35.0, 200.0, 4.0, 2.5, 0.0, 0.5, 0.9, *FORMS[form]])
    value, slopes = jax.jit(lambda x: (curve(x), jax.jacrev(curve)(x)))(x)
    assert np.all(value[:3] == 0) and np.all(slopes[:3] == 0)
    assert np.all(np.isfinite(slopes)) and value[4] > 0
    assert value[3] == (100.0 * 0.9 / 10.0 if form == "bolus" else 0.0)  # at its time the dose is in


@pytest.mark.parametrize("form", FORMS)
def test_steady_state_is_a_long_train_of_doses(pk, form):
    t = np.array([-13.0, -0.1, 0.0, 0.3, 1.0, 2.5, 7.9, 8.0, 15.0, 40.0])  # before, during and after the last
    doses = -8.0 * np.arange(800)  # the slowest exponent, 0.0081 / h, leaves 1e-22 of the first
    train = jax.jit(lambda t: superposed(getattr(pk, form), t, doses, 100.0, *FORMS[form], lag=0.4))(t)
    steady = getattr(pk, f"steady_{form}")(t, 100.0, *FORMS[form], 8.0, lag=0.4)
    np.testing.assert_allclose(steady, train, rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_mass_balance(pk, form):
    """Whatever the form, a dose leaves area dose / CL, and so does each interval at the steady state."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    area = 0.0
    for start, stop in ((0.0, 2.5), (2.5, 8.0)):  # the infusion ends at 2.5
        t = (start + stop) / 2 + (stop - start) / 2 * nodes
        area += (stop - start) / 2 * weights @ getattr(pk, f"steady_{form}")(t, 100.0, *FORMS[form], 8.0)
    assert float(area) == pytest.approx(100.0 / 5.0, rel=1e-12)


def test_area_of_a_bolus(pk):
    """An infusion of a unit rate up to t has the concentration that is the area under the bolus up to t."""
    areas = pk.infusion(np.array([3.0, 1e4]), np.array([300.0, 1e6]), np.array([3.0, 1e4]))
    nodes, weights = np.polynomial.legendre.leggauss(40)
    area = 1.5 * weights @ pk.bolus(1.5 + 1.5 * nodes, 100.0)
    assert float(areas[0]) == pytest.approx(float(area), rel=1e-13)
    assert float(areas[1]) == pytest.approx(100.0 / 5.0, rel=1e-13)


def test_an_infusion_without_end_and_one_without_length(pk):
    assert float(pk.steady_infusion(3.0, 40.0, 8.0, 8.0)) == pytest.approx(40.0 / 8.0 / 5.0, rel=1e-13)
    np.testing.assert_allclose(pk.infusion(TIMES, 100.0, 0.0), pk.bolus(TIMES, 100.0), rtol=1e-15)
    # A short infusion is a bolus given at its middle: c(T) = c(0) - (T / 2) c'(t).
    by_duration, by_time = jax.jit(
        lambda: (jax.grad(lambda T: pk.infusion(3.0, 100.0, T))(0.0), jax.grad(pk.bolus)(3.0, 100.0))
    )()
    assert float(by_duration) == pytest.approx(-0.5 * float(by_time), rel=1e-12)


def test_repeated_doses_and_padding(pk):
    t, times, amounts = TIMES, np.array([0.0, 1.0, 6.0, np.inf]), np.array([50.0, 20.0, 80.0, 0.0])
    by_hand = sum(pk.oral(t - when, amount, 1.3, lag=0.2) for when, amount in zip(times[:3], amounts))
    curve = jax.jit(lambda amounts: superposed(partial(pk.oral, ka=1.3, lag=0.2), t, times, amounts))
    np.testing.assert_allclose(curve(amounts), by_hand, rtol=1e-14)
    assert np.all(np.isfinite(jax.jacrev(curve)(amounts)))


def test_vmap_is_a_loop():
    clearances = np.array([2.0, 5.0, 9.0])
    def curve(clearance):
        return LinearPK(clearance, (10.0, 35.0), (4.0,)).steady_oral(TIMES, 100.0, 1.3, 8.0)

    one = jax.jit(curve)
    np.testing.assert_allclose(jax.vmap(one)(clearances), [one(c) for c in clearances], rtol=1e-13)


def test_float32_stays_float32(pk):
    single = jax.tree.map(lambda x: x.astype(jnp.float32), pk)
    found = single.oral(TIMES.astype(np.float32), 100.0, 1.3)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, pk.oral(TIMES, 100.0, 1.3), rtol=2e-5)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: LinearPK(5.0, (10.0, 35.0)), "2 volumes and 0 exchange"),
        (lambda: LinearPK(5.0, (10.0, 0.0), (4.0,)), "volume 0.0 L"),
        (lambda: LinearPK(-5.0, (10.0,)), "clearance -5.0 L/h"),
        (lambda: LinearPK(np.ones(3), (10.0,)).bolus(1.0, 100.0), "jax.vmap"),
        (lambda: LinearPK(0.0, (10.0,)).steady_bolus(1.0, 100.0, 8.0), "clearance 0 L/h"),
        (lambda: LinearPK(5.0, (10.0, 35.0), (0.0,)).steady_bolus(1.0, 100.0, 8.0), "exchange 0 L/h"),
        (lambda: LinearPK(5.0, (10.0,)).steady_infusion(1.0, 100.0, 9.0, 8.0), "duration 9.0 h"),
    ],
)
def test_mistakes_are_named(call, words):
    with pytest.raises(ValueError) as caught:
        call()
    assert words in str(caught.value) and "\n" not in str(caught.value)
