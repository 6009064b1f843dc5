"""Closed forms of scale, offset and spread against scipy.optimize on minus the log likelihood of everything at once."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.inner import Inner
from scipy import optimize, stats

ROWS = 14
RNG = np.random.default_rng(7)
LN10 = np.log(10.0)


@eqx.filter_jit
def eliminated(inner, x):
    """The best of everything and minus the log likelihood (lanes,)."""
    best = inner.eliminate(x)
    return best, -inner.log_density(*inner.residuals(x, best))


@eqx.filter_jit
def along(inner, x, direction, t):
    """Minus the log likelihood at x + t direction and its slope along t."""
    return jax.jvp(lambda t: eliminated(inner, x + t * direction)[1], (t,), (jnp.ones_like(t),))


def one_group(value, logarithmic, offset, scale, spread=(1e-3, 10.0)):
    """All values with one offset, one scale and one spread."""
    boxes = [[[box[0]], [box[1]]] for box in (offset, scale)]
    no, one = [0] * ROWS, [1] * ROWS
    return Inner(value, [logarithmic] * ROWS, no, one, no, *boxes, [[0.0, spread[0]], [0.0, spread[1]]])


def measured(x, offset, scale, logarithmic, sd):
    """Values with errors of spread sd around offset + scale x."""
    noise = sd * RNG.standard_normal(len(x))
    return (offset + scale * x) * 10.0**noise if logarithmic else offset + scale * x + noise


def minus_log_likelihood(value, predicted, sd, logarithmic):
    """From scipy's densities: log10 of the value is normal, so the value has the density of a log-normal."""
    if logarithmic:
        return -stats.lognorm.logpdf(value, s=sd * LN10, scale=np.where(predicted > 0, predicted, 1e-300)).sum()
    return -stats.norm.logpdf(value, predicted, sd).sum()


def best_by_search(x, value, logarithmic, boxes):
    """The least minus log likelihood over offset, scale and spread in their boxes, from several starts."""

    def cost(u):
        return minus_log_likelihood(value, u[0] + u[1] * x, u[2], logarithmic)

    found = []
    for start in ((0.1, 1.0, 0.3), (0.5, 2.0, 0.1), (0.02, 5.0, 1.0)):
        start = [float(np.clip(s, *box)) for s, box in zip(start, boxes, strict=True)]
        for method in ("L-BFGS-B", "Nelder-Mead"):
            straight = method == "Nelder-Mead"
            options = {"maxiter": 20000, **({"xatol": 1e-11, "fatol": 1e-13} if straight else {"ftol": 1e-15, "gtol": 1e-12})}
            run = optimize.minimize(cost, start, method=method, bounds=boxes, options=options)
            found.append((run.fun, run.x))
            start = run.x
    return min(found, key=lambda pair: pair[0])


CASES = {
    "straight, inside": (False, (-5.0, 5.0), (-5.0, 5.0)),
    "straight, offset at its upper bound": (False, (-5.0, 0.1), (-5.0, 5.0)),
    "straight, scale at its lower bound": (False, (-5.0, 5.0), (2.5, 5.0)),
    "straight, both at bounds": (False, (-5.0, -1.0), (-5.0, 0.5)),
    "straight, known offset": (False, (0.0, 0.0), (-5.0, 5.0)),
    "logarithmic, scale alone": (True, (0.0, 0.0), (1e-3, 1e3)),
    "logarithmic, inside": (True, (1e-3, 1e3), (1e-3, 1e3)),
    "logarithmic, offset at its lower bound": (True, (0.9, 1e3), (1e-3, 1e3)),
    "logarithmic, scale at its upper bound": (True, (1e-3, 1e3), (1e-3, 1.2)),
    "logarithmic, fold over one": (True, (1.0, 1.0), (1e-3, 1e3)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_best_offset_scale_and_spread(case):
    logarithmic, offset, scale = CASES[case]
    x = RNG.uniform(0.05, 3.0, ROWS)
    if offset[1] > 0.0:
        x[0] = 0.0
    value = measured(x, 0.4 if offset[1] > 0.0 else 0.0, 1.7, logarithmic, 0.15)
    spread = (1e-3, 10.0)
    best, ours = eliminated(one_group(value, logarithmic, offset, scale, spread), jnp.asarray(x)[:, None])
    ours = float(ours[0])
    theirs, at = best_by_search(x, value, logarithmic, (offset, scale, spread))
    assert ours == pytest.approx(theirs, abs=1e-8)
    found = [float(best.offset[0, 0]), float(best.scale[0, 0]), float(best.spread[1, 0])]
    np.testing.assert_allclose(found, at, rtol=2e-4, atol=2e-5)


def test_spreads_that_add_up_in_one_group():
    """Two conditions share offset and scale; the second has a spread more."""
    x = RNG.uniform(0.1, 3.0, 16)
    extra = np.arange(16) >= 9
    value = np.concatenate([measured(x[:9], 0.3, 1.5, True, 0.05), measured(x[9:], 0.3, 1.5, True, 0.4)])
    box = [[1e-3], [1e3]]
    inner = Inner(value, [True] * 16, [0] * 16, [1] * 16, 2 * extra, box, box, [[0.0, 1e-3, 1e-3], [0.0, 1e3, 1e3]])
    ours = float(eliminated(inner, jnp.asarray(x)[:, None])[1][0])

    def cost(u):
        offset, scale, one, two = np.exp(u)
        return minus_log_likelihood(value, offset + scale * x, one + extra * two, True)

    lo, hi = np.log(1e-3), np.log(1e3)
    theirs = min(
        (optimize.minimize(cost, np.log(s), bounds=[(lo, hi)] * 4, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10})
         for s in ((0.3, 1.5, 0.05, 0.4), (0.1, 2.0, 0.2, 0.1))),
        key=lambda run: run.fun,
    ).fun  # fmt: skip
    assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("case", ["straight, inside", "logarithmic, inside", "straight, scale at its lower bound"])
def test_the_slope_of_the_best_likelihood_against_differences(case):
    logarithmic, offset, scale = CASES[case]
    x = RNG.uniform(0.05, 3.0, ROWS)
    value = measured(x, 0.4, 1.7, logarithmic, 0.15)
    inner = one_group(value, logarithmic, offset, scale)
    direction = jnp.asarray(RNG.standard_normal(ROWS))[:, None]

    def at(t):
        value, slope = along(inner, jnp.asarray(x)[:, None], direction, jnp.asarray(t))
        return float(value[0]), float(slope[0])

    step = 1e-4
    coarse = (at(step)[0] - at(-step)[0]) / (2 * step)
    fine = (at(0.5 * step)[0] - at(-0.5 * step)[0]) / step
    assert at(0.0)[1] == pytest.approx((4.0 * fine - coarse) / 3.0, rel=1e-6)


def test_a_lane_without_numbers_leaves_the_others_unchanged():
    x = RNG.uniform(0.1, 3.0, (ROWS, 3))
    inner = one_group(measured(x[:, 0], 0.2, 1.1, False, 0.1), False, (-1e3, 1e3), (-1e3, 1e3))
    whole, _ = eliminated(inner, jnp.asarray(x))
    part, _ = eliminated(inner, jnp.asarray(x).at[:, 1].set(jnp.nan))
    for a, b in zip(whole, part, strict=True):
        assert np.array_equal(np.asarray(a)[:, [0, 2]], np.asarray(b)[:, [0, 2]])
