"""Scales, offsets and spreads that are best for given predictions: the inner problem of a likelihood.

    T(value_i) = T(m_i) + sd_i e_i,    m_i = offset_g + scale_g x_i,    sd_i = spread_a + spread_b,    T = identity or log10

x are predictions without scale; g is the group of row i, all of whose rows share one offset and one scale. For T = identity the
best offset and scale are those of weighted linear least squares in their box, found among its inside and its four edges; the
best spread is the root of the mean square. For T = log10 a scale alone is a mean of logarithms, and offset and scale together
come from a few damped Gauss-Newton steps in their logarithms, begun at the linear solution for relative errors. Where rows of
one group have different spreads, both are improved in turns.

What is left is a likelihood of x alone (variable projection: G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10:413-432 (1973);
for such models C. Loos, S. Krause, J. Hasenauer, Bioinformatics 34:4266-4273 (2018)). Its derivatives: at the best point the
likelihood has no slope along what was eliminated, so spreads are constants of the derivative, and offsets and scales follow x
as the normal equations say.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

_LN10 = float(np.log(10.0))
_SMALLEST = 1e-200
_TURNS, _STEPS_A_TURN, _STEPS = 8, 6, 30
_SPREAD_STEPS = 8


class Eliminated(NamedTuple):
    """Best ``offset`` and ``scale`` (groups, lanes) and ``spread`` (spreads, lanes)."""

    offset: Array
    scale: Array
    spread: Array


class Inner(eqx.Module):
    """Measured values, and what is unknown between them and predictions; equal bounds make a known number.

    ``value``, ``logarithmic``, ``group``     (rows,) ``logarithmic`` is the same for all rows of a group
    ``first``, ``second``                     (rows,) which spreads add up to a row's; all rows of a second share a first
    ``offset``, ``scale``, ``spread``         (2, ...) lower and upper bounds; those of logarithmic groups are not negative
    ``mixed``                                 whether rows of one group have different spreads
    """

    value: Array
    logarithmic: Array
    group: Array
    first: Array
    second: Array
    offset: Array
    scale: Array
    spread: Array
    mixed: bool = eqx.field(static=True)

    def __init__(self, value, logarithmic, group, first, second, offset, scale, spread):
        self.value = jnp.asarray(value, jnp.float64)
        self.logarithmic = jnp.asarray(logarithmic, bool)
        self.group, self.first, self.second = (jnp.asarray(x, jnp.int32) for x in (group, first, second))
        self.offset, self.scale, self.spread = (jnp.asarray(x, jnp.float64) for x in (offset, scale, spread))
        pairs = {(int(g), int(a), int(b)) for g, a, b in zip(group, first, second, strict=True)}
        self.mixed = len(pairs) > len({g for g, _, _ in pairs})

    def eliminate(self, x: Array) -> Eliminated:
        """The best of everything for predictions x (rows, lanes), differentiable as said above."""
        fixed = jax.lax.stop_gradient(x)
        lanes = x.shape[1:]
        spread = jnp.sqrt(jnp.maximum(self.spread[0], 1e-12) * self.spread[1])
        spread = jnp.broadcast_to(jnp.where(self.spread[1] > self.spread[0], spread, self.spread[0])[:, None], (len(spread), *lanes))
        size = jnp.maximum(_over(self.members, jnp.abs(fixed), jnp.max), _SMALLEST)
        unit = fixed / size[self.group]
        low, high = self.scale[0][:, None] * size, self.scale[1][:, None] * size
        # equal weights make spreads of the right size for the first turn
        weight = jnp.ones_like(fixed)
        offset, scale = self._straight(unit, weight, low, high)

        def turn(_, now):
            offset, scale, spread = now
            offset, scale = self._improved(unit, 1.0 / self._sd(spread) ** 2, offset, scale, low, high)
            return offset, scale, self._spreads(self._misfit(unit, offset, scale), spread)

        spread = self._spreads(self._misfit(unit, offset, scale), spread)
        offset, scale, spread = jax.lax.fori_loop(0, _TURNS if self.mixed else 1, turn, (offset, scale, spread))
        unit = x / size[self.group]
        offset, scale = self._followed(unit, 1.0 / self._sd(spread) ** 2, offset, scale, low, high)
        # once more, for the derivative
        spread = self._spreads(self._misfit(unit, offset, scale), spread, 1)
        return Eliminated(offset, scale / size, spread)

    def residuals(self, x: Array, at: Eliminated) -> tuple[Array, Array]:
        """``(residuals, sd)`` (rows, lanes) of predictions x with these scales, offsets and spreads."""
        sd = self._sd(at.spread)
        return self._misfit(x, at.offset, at.scale) / sd, sd

    def log_density(self, residuals: Array, sd: Array) -> Array:
        """(lanes,) the log likelihood of the values with all constants; a normal error of log10 has the density of the value."""
        value = jnp.where(self.logarithmic, jnp.abs(self.value), 1.0)
        constant = -0.5 * jnp.log(2.0 * jnp.pi) - jnp.where(self.logarithmic, jnp.log(value * _LN10), 0.0)
        return (constant[:, None] - 0.5 * residuals**2 - jnp.log(sd)).sum(0)

    @property
    def members(self) -> Array:
        """(groups, rows) which rows a group has."""
        return self.group == jnp.arange(self.offset.shape[1])[:, None]

    def _sd(self, spread: Array) -> Array:
        return spread[self.first] + spread[self.second]

    def _sum(self, terms: Array) -> Array:
        """(groups, lanes) sums of (rows, lanes) over the rows of every group."""
        return jax.ops.segment_sum(terms, self.group, self.offset.shape[1])

    def _misfit(self, x: Array, offset: Array, scale: Array) -> Array:
        predicted = offset[self.group] + scale[self.group] * x
        value = self.value[:, None]
        log = self.logarithmic[:, None]
        ratio = jnp.where(log, value, 1.0) / jnp.where(log, jnp.maximum(predicted, _SMALLEST), 1.0)
        return jnp.where(log, jnp.log(ratio) / _LN10, value - predicted)

    def _straight(self, x: Array, weight: Array, low: Array, high: Array) -> tuple[Array, Array]:
        """Offset and scale of least squares in their box; of relative errors where the misfit is logarithmic."""
        value = self.value[:, None]
        weight = jnp.where(self.logarithmic[:, None], weight / jnp.where(self.logarithmic, self.value, 1.0)[:, None] ** 2, weight)
        total = self._sum(weight)
        mean_x, mean_y = self._sum(weight * x) / total, self._sum(weight * value) / total
        off_x, off_y = x - mean_x[self.group], value - mean_y[self.group]
        least, most = self.offset[0][:, None], self.offset[1][:, None]
        tilt = _ratio(self._sum(weight * off_x * off_y), self._sum(weight * off_x**2))
        square, product = self._sum(weight * x**2), self._sum(weight * x * value)
        inside = mean_y - tilt * mean_x, tilt
        edges = [(o, _ratio(product - o * self._sum(weight * x), square)) for o in (least, most)]
        edges += [(mean_y - s * mean_x, s) for s in (low, high)]
        candidates = [inside, *((jnp.clip(o, least, most), jnp.clip(s, low, high)) for o, s in edges)]
        best = None
        for n, (o, s) in enumerate(candidates):
            o, s = jnp.broadcast_arrays(o, s)
            misfit = self._sum(weight * (value - o[self.group] - s[self.group] * x) ** 2)
            if n == 0:
                feasible = (o >= least) & (o <= most) & (s >= low) & (s <= high)
                best = jnp.where(feasible, misfit, jnp.inf), o, s
            else:
                better = misfit < best[0]
                best = jax.tree.map(lambda new, old: jnp.where(better, new, old), (misfit, o, s), best)
        return jnp.clip(best[1], least, most), jnp.clip(best[2], low, high)

    def _improved(self, x, weight, offset, scale, low, high):
        """Closed form again where the misfit is straight; damped Gauss-Newton steps in logarithms where it is not."""
        of_log = jax.ops.segment_max(self.logarithmic.astype(jnp.int32), self.group, self.offset.shape[1])[:, None] > 0
        least, most = self.offset[0][:, None], self.offset[1][:, None]
        rows_of_log = self.logarithmic[:, None]
        weight_log = jnp.where(rows_of_log, weight, 0.0)

        def cost(o, s):
            return self._sum(weight_log * self._misfit(x, o, s) ** 2)

        def step(_, now):
            o, s, damping, before = now
            shares, error = self._shares(x, o, s)
            matrix, slope = self._normal(shares, error, weight_log)
            fixed = _held(o, slope[0], least, most), _held(s, slope[1], low, high)
            move = _solved(matrix, slope, fixed, damping)
            trial = jnp.clip(o * jnp.exp(move[0]), least, most), jnp.clip(s * jnp.exp(move[1]), low, high)
            after = cost(*trial)
            good = after <= before
            o, s = (jnp.where(good, new, old) for new, old in zip(trial, (o, s), strict=True))
            return o, s, jnp.where(good, 0.1 * damping, 10.0 * damping), jnp.where(good, after, before)

        count = _STEPS_A_TURN if self.mixed else _STEPS
        begun = (offset, scale, jnp.full_like(offset, 1e-3), cost(offset, scale))
        curved = jax.lax.fori_loop(0, count, step, begun)
        straight = self._straight(x, weight, low, high)
        return tuple(jnp.where(of_log, a, b) for a, b in zip(curved, straight, strict=False))

    def _shares(self, x, offset, scale):
        """Derivatives of the transformed prediction along offset and scale, of log10 along their logarithms; and the misfit."""
        o, s = offset[self.group], scale[self.group]
        log = self.logarithmic[:, None]
        predicted = jnp.where(log, jnp.maximum(o + s * x, _SMALLEST) * _LN10, 1.0)
        return (jnp.where(log, o, 1.0) / predicted, jnp.where(log, s, 1.0) * x / predicted), self._misfit(x, offset, scale)

    def _normal(self, shares, error, weight):
        a, b = shares
        matrix = self._sum(weight * a * a), self._sum(weight * a * b), self._sum(weight * b * b)
        return matrix, (self._sum(weight * a * error), self._sum(weight * b * error))

    def _followed(self, x, weight, offset, scale, low, high):
        """The same offset and scale, with the derivative along x that keeps the normal equations true."""
        shares, error = self._shares(x, offset, scale)
        matrix, slope = self._normal(shares, error, weight)
        matrix = jax.lax.stop_gradient(matrix)
        still = jax.lax.stop_gradient(slope)
        least, most = self.offset[0][:, None], self.offset[1][:, None]
        fixed = _held(offset, still[0], least, most), _held(scale, still[1], low, high)
        move = _solved(matrix, slope, fixed, 0.0)
        # what moves has the value zero and a derivative
        move = tuple(m - jax.lax.stop_gradient(m) for m in move)
        of_log = jax.ops.segment_max(self.logarithmic.astype(jnp.int32), self.group, self.offset.shape[1])[:, None] > 0
        return tuple(p + jnp.where(of_log, p, 1.0) * m for p, m in zip((offset, scale), move, strict=True))

    def _spreads(self, misfit: Array, spread: Array, steps: int = _SPREAD_STEPS) -> Array:
        """Spreads of least minus log likelihood: first ones by their fixed point, second ones as what is left."""
        count = self.spread.shape[1]
        squares = misfit**2
        lower, upper = self.spread[0][:, None], self.spread[1][:, None]
        own = jax.ops.segment_sum(jnp.ones_like(self.value), self.second, count)[:, None]
        is_second = (jax.ops.segment_sum(jnp.ones_like(self.value), self.first, count)[:, None] == 0.0) & (own > 0.0)
        left = jnp.sqrt(jax.ops.segment_sum(squares, self.second, count) / jnp.maximum(own, 1.0))
        # all rows of a second spread have the same first one
        beside = jax.ops.segment_max(self.first, self.second, count)

        def step(_, now):
            sd = jnp.maximum(self._sd(now), _SMALLEST)
            pull = jax.ops.segment_sum(squares / sd**3, self.first, count)
            push = jax.ops.segment_sum(1.0 / sd, self.first, count)
            one = now * jnp.sqrt(_ratio(pull, push))
            two = left - one[jnp.clip(beside, 0, count - 1)]
            return jnp.clip(jnp.where(is_second, two, one), lower, upper)

        return jax.lax.fori_loop(0, steps, step, spread)


def _over(members: Array, terms: Array, reduce) -> Array:
    return reduce(jnp.where(members[..., None], terms[None], 0.0), axis=1)


def _ratio(a: Array, b: Array) -> Array:
    return jnp.where(b > 0.0, a / jnp.where(b > 0.0, b, 1.0), 0.0)


def _held(value: Array, slope: Array, lower: Array, upper: Array) -> Array:
    """Whether a value stays: known, or at a bound with a better side behind it (``slope`` points to where the misfit falls)."""
    return (lower >= upper) | ((value <= lower) & (slope <= 0.0)) | ((value >= upper) & (slope >= 0.0))


def _solved(matrix, slope, fixed, damping) -> tuple[Array, Array]:
    """The 2 x 2 normal equations without the rows that are fixed."""
    free_a, free_b = ~fixed[0], ~fixed[1]
    a = jnp.where(free_a, matrix[0] * (1.0 + damping), 1.0)
    c = jnp.where(free_b, matrix[2] * (1.0 + damping), 1.0)
    b = jnp.where(free_a & free_b, matrix[1], 0.0)
    p, q = jnp.where(free_a, slope[0], 0.0), jnp.where(free_b, slope[1], 0.0)
    determinant = a * c - b * b
    sound = determinant > 1e-14 * a * c
    determinant = jnp.where(sound, determinant, 1.0)
    return jnp.where(sound, (c * p - b * q) / determinant, 0.0), jnp.where(sound, (a * q - b * p) / determinant, 0.0)
