"""Linear closed forms against matrix exponentials in extended precision, published tables and textbook limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm as scipy_expm

from physio.drugs.closed_forms import LinearPK, superposed
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
    """Concentration at the scalar t; x: clearance, volumes, exchange, then NAMES, in one vector of long doubles."""
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


def worst(form, n, x, times=TIMES, steps=None):
    """Largest error of the values and of the derivatives, by the project's rule |a - b| / (|b| + 1e-3 scale)."""
    value, slopes = both(form, n, x, times)
    f = [lambda x, t=t: oracle(form, n, x, t) for t in times]
    exact = np.array([g(x.astype(LONG)) for g in f])
    steps = np.abs(x) * 0.01 + 0.01 * (x == 0) if steps is None else steps
    expected = np.array([[central_difference(g, x.astype(LONG), k, steps[k]) for k in range(len(x))] for g in f])
    # An argument that a form does not use has slope 0: rounding noise of the oracle is not a scale.
    scale = np.maximum(np.abs(expected).max(0), 1e-9 * exact.max())
    error = np.abs(np.asarray(slopes) - expected) / (np.abs(expected) + 1e-3 * scale)
    return float(np.abs(np.asarray(value) - exact).max() / exact.max()), float(error.max())
