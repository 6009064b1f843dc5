"""Linear closed forms and their derivatives against matrix exponentials in extended precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm as scipy_expm

from physio.drugs.closed_forms import LinearPK
from physio.drugs.matrix_response import divided_difference

LONG = np.longdouble
TIMES = np.array([-0.5, 0.2, 0.3, 0.9, 2.0, 4.0, 7.5, 12.0, 30.0])  # h; the lag of CASE ends at 0.25
FORMS = ("bolus", "infusion", "oral", "steady_bolus", "steady_infusion", "steady_oral")
BODIES = {
    1: ((5.0,), (20.0,), ()),
    2: ((5.0,), (10.0, 35.0), (4.0,)),
    3: ((5.0,), (10.0, 35.0, 200.0), (4.0, 2.5)),
}
NAMES = ("amount", "given", "lag", "bioavailability", "duration", "ka", "every")
CASE = np.array([100.0, 0.0, 0.25, 0.8, 2.5, 1.3, 8.0])


# ---- the oracle: exp of the augmented matrix by a Taylor series and squaring, in long double ----


def expm(matrix):
    """exp(matrix), scaled until 24 terms of the series are far below rounding error."""
    halvings = max(0, int(np.ceil(np.log2(float(np.abs(matrix).sum(1).max()) + 1e-30))) + 2)
    matrix = matrix / LONG(2) ** halvings
    term = total = np.eye(len(matrix), dtype=LONG)
    for k in range(1, 25):
        term = term @ matrix / LONG(k)
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total


def flow_matrix(clearance, volumes, exchange, ka):
    """Rates of [amount in depot, amounts in compartments, rate of infusion]."""
    n = len(volumes)
    a = np.zeros((n + 2, n + 2), LONG)
    a[0, 0], a[1, 0], a[1, n + 1] = -ka, ka, 1
    a[1, 1] -= clearance / volumes[0]
    for k, q in enumerate(exchange, start=1):
        a[1, 1] -= q / volumes[0]
        a[k + 1, 1] += q / volumes[0]
        a[k + 1, k + 1] -= q / volumes[k]
        a[1, k + 1] += q / volumes[k]
    return a


def one_dose(form, t, a, amount, duration):
    """State at t >= 0 after one dose at 0."""
    start = np.zeros(len(a), LONG)
    if form != "infusion":
        start[0 if form == "oral" else 1] = amount
        return expm(a * t) @ start
    start[-1] = amount / duration
    state = expm(a * min(t, duration)) @ start
    state[-1] = 0
    return expm(a * (t - min(t, duration))) @ state


def oracle(form, n, x, t):
    """Concentration at the scalar t; x: clearance, volumes, exchange, then NAMES, all long doubles."""
    clearance, volumes, exchange = x[0], x[1 : n + 1], x[n + 1 : 2 * n]
    amount, given, lag, bioavailability, duration, ka, every = x[2 * n :]
    a = flow_matrix(clearance, volumes, exchange, ka)
    since, amount = LONG(t) - given - lag, bioavailability * amount
    if not form.startswith("steady_"):
        return one_dose(form, since, a, amount, duration)[1] / volumes[0] if since >= 0 else LONG(0)
    form = form.removeprefix("steady_")
    while since < 0:
        since += every
    # 1 + E + E^2 + ... = (1 + E)(1 + E^2)(1 + E^4) ..., over the end of the first interval
    now, power = one_dose(form, since, a, amount, duration), expm(a[:-1, :-1] * every)
    past = one_dose(form, every, a, amount, duration)[:-1]
    while np.abs(power).max() > 1e-25:
        past, power = past + power @ past, power @ power
    return (now[:-1] + expm(a[:-1, :-1] * since) @ past)[1] / volumes[0]


def central_difference(f, x, k, h):
    """df/dx_k by Richardson extrapolation of central differences (error h^10)."""
    def slope(h):
        step = np.zeros(len(x), LONG)
        step[k] = h
        return (f(x + step) - f(x - step)) / (2 * h)

    rows = [slope(LONG(h) / 2**i) for i in range(5)]
    for order in range(1, 5):
        rows = [(4**order * fine - coarse) / (4**order - 1) for coarse, fine in zip(rows, rows[1:])]
    return rows[0]


def packed(n, body, **case):
    values = dict(zip(NAMES, CASE)) | case
    return np.array([*body[0], *body[1], *body[2], *(values[name] for name in NAMES)])


def closed(form, n, x, t):
    pk = LinearPK(x[0], tuple(x[1 : n + 1]), tuple(x[n + 1 : 2 * n]))
    amount, given, lag, bioavailability, duration, ka, every = x[2 * n :]
    course = {"bolus": (), "infusion": (duration,), "oral": (ka,)}[form.removeprefix("steady_")]
    course += (every,) if form.startswith("steady_") else ()
    return getattr(pk, form)(t - given, amount, *course, lag=lag, bioavailability=bioavailability)


both = jax.jit(
    lambda form, n, x, t: (closed(form, n, x, t), jax.jacfwd(lambda x: closed(form, n, x, t))(x)),
    static_argnums=(0, 1),
)


def worst(form, n, x, times=TIMES):
    """Largest error of the values over the peak, and of the derivatives by |a - b| / (|b| + 1e-3 scale)."""
    value, slopes = both(form, n, x, times)
    curves = [lambda x, t=t: oracle(form, n, x, t) for t in times]
    x = x.astype(LONG)
    exact = np.array([curve(x) for curve in curves])
    size = np.where(x == 0, 1, np.abs(x))
    steps = list(enumerate(0.03 * size))
    expected = np.array([[central_difference(curve, x, k, h) for k, h in steps] for curve in curves])
    # At least 1 % of peak / parameter: below, the differences of the oracle are its own rounding noise.
    scale = np.maximum(np.abs(expected).max(0), 0.01 * exact.max() / size)
    error = np.abs(np.asarray(slopes) - expected) / (np.abs(expected) + 1e-3 * scale)
    return float(np.abs(np.asarray(value) - exact).max() / exact.max()), float(error.max())


def exponents(body):
    a = flow_matrix(body[0][0], body[1], body[2], 1.0)[1:-1, 1:-1]
    return np.sort(-np.linalg.eigvals(a.astype(float)).real)


def assert_exact(form, n, x):
    values, slopes = worst(form, n, x)
    assert values <= 1e-13
    assert slopes <= 1e-8


# ---- values and derivatives ----


@pytest.mark.parametrize("n", BODIES)
@pytest.mark.parametrize("form", FORMS)
def test_values_and_derivatives_match_the_matrix_exponential(form, n):
    assert_exact(form, n, packed(n, BODIES[n]))


@pytest.mark.parametrize("form", ["oral", "steady_oral"])
@pytest.mark.parametrize("apart", [0.0, 1e-9, 1e-4, -0.3])
def test_absorption_may_equal_elimination(form, apart):
    assert_exact(form, 1, packed(1, BODIES[1], ka=5.0 / 20.0 * (1 + apart)))


@pytest.mark.parametrize("form", ["oral", "steady_oral"])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_absorption_may_equal_any_exponent(form, which):
    assert_exact(form, 3, packed(3, BODIES[3], ka=exponents(BODIES[3])[which]))


@pytest.mark.parametrize("form", ["infusion", "oral", "steady_oral"])
@pytest.mark.parametrize(
    "body",
    [
        ((5.0,), (20.0, 4e-6), (1e-6,)),  # CL/V1 = Q2/V2, hardly coupled: 4e-4 apart, relatively
        ((5.0,), (20.0, 4e-3, 4e-3), (1e-3, 1.0000001e-3)),  # three exponents close together
        ((5.0,), (20.0, 40.0, 40.0), (2.0, 2.0)),  # twins: one exponent without weight
        ((5.0,), (1.0, 40.0, 400.0), (50.0, 0.5)),  # exponents from 1e-3 to 56
    ],
)
def test_close_and_distant_exponents(form, body):
    n = len(body[1])
    assert_exact(form, n, packed(n, body, ka=0.25))


@pytest.mark.parametrize("form", ["bolus", "oral"])
def test_compartments_may_be_cut_off(form):
    """Q = 0: dQ keeps its true slope, which the derivative of an eigenvector would lose."""
    assert_exact(form, 2, packed(2, ((5.0,), (20.0, 35.0), (0.0,))))


def test_reverse_mode_gives_the_same_derivatives():
    x = packed(3, BODIES[3])
    backward = jax.jit(jax.jacrev(lambda x: closed("steady_oral", 3, x, TIMES)))(x)
    np.testing.assert_allclose(backward, both("steady_oral", 3, x, TIMES)[1], rtol=1e-12, atol=1e-14)


def test_the_oracle_is_scipys_matrix_exponential():
    a = flow_matrix(5.0, (10.0, 35.0, 200.0), (4.0, 2.5), 1.3)
    expected = scipy_expm(a.astype(float) * 7)
    np.testing.assert_allclose(expm(a * 7).astype(float), expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("gap", [0.0, 1e-300, 1e-14, 1e-7, 1e-3, 0.5, 1.99, 2.01, 10.0, 500.0])
def test_divided_difference_of_exp(gap):
    """(exp(-a) - exp(-b)) / (b - a) = exp(-a) (1 - exp(-gap)) / gap, by its series for small gaps."""
    a, gap = 0.7, (0.7 + gap) - 0.7
    term = series = LONG(1)
    for k in range(2, 60):
        term = term * -LONG(gap) / k
        series = series + term
    mean = series if gap < 3 else (1 - np.exp(-LONG(gap))) / LONG(gap)
    found = divided_difference(lambda x: -jnp.exp(-x), a, a + gap, 1.0)
    assert abs(float(found) / float(np.exp(-LONG(a)) * mean) - 1) < 2e-15
