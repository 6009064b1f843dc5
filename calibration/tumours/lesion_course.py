"""The diameter of a lesion from scan to scan, as regimes that a person changes between: shrinking, standing, growing.

    the next reading is the last one again                  with chance p_k
    log (d' + c) / (d + c) = s (m_k n + e),                 otherwise;  e Student t of spread s_k n^h, n = weeks / 6
    s = [(d + c) / 35 mm]^g                                 changes of large lesions are relatively smaller
    a reading below the limit L is not seen;                one that is not seen comes back with chance b, about 12 mm
    regime k at a scan -> regime l at the next              with chance T_kl, from shares q_k at the first

What is read again is often the number that stands in the report: a third of all readings repeat the last one exactly, so the
distribution of the next has an atom there, and its median leaves the last reading only where a record says that it moves. All
numbers are shared by a population; what differs between people is which regimes they have been in, which their readings tell by
the forward recursion. Lengths in mm, times in weeks; c = 5 mm keeps small lesions' changes finite.

Sources: hidden Markov models of panels, R. J. MacKay Altman, J. Am. Stat. Assoc. 102:201-210 (2007); chance of a t variable by
D. L. Wallace, Ann. Math. Stat. 30:1121-1130 (1959).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr
from jax.scipy.stats import norm, t as student
from jaxtyping import Array
from scipy.optimize import minimize

from calibration.compiled import compiled_once
from calibration.tumours.records import TumourRecord

OFFSET, TYPICAL, VISIT = 5.0, 35.0, 6.0
LIMIT = 3.0    # mm: the smallest lesions that are read
LARGEST = 300.0    # mm: where draws end, or the tail of a t variable on a logarithm has no mean
BACK, BACK_SPREAD = 12.0, 0.5
# a normal prior of SD 70 on every number: it holds what the data leave open
_RIDGE = 1e-4


class Scans(NamedTuple):
    """``time`` [week], ``diameter`` [mm], ``present``: (scans, people), padded with the last reading."""

    time: Array
    diameter: Array
    present: Array


def scans(records: list[TumourRecord], most: int | None = None) -> Scans:
    """Records as one table of ``most`` rows, by default those of the longest."""
    most = most or max(len(r.time) for r in records)
    pad = lambda v: np.pad(v, (0, most - len(v)), mode="edge")
    present = np.stack([np.arange(most) < len(r.time) for r in records], axis=-1)
    time, size = (np.stack([pad(getattr(r, name)) for r in records], axis=-1) for name in ("time", "size"))
    return Scans(jnp.asarray(time), jnp.asarray(size), jnp.asarray(present))


class LesionCourse(eqx.Module):
    """What a population shares; (regimes,) unless said otherwise, chances as logits and spreads as logarithms."""

    begin: Array
    change: Array    # (regimes, regimes), rows from
    repeat: Array
    drift: Array
    spread: Array
    freedom: Array    # ()
    pace: Array    # (), h
    size: Array    # (), g
    back: Array    # ()

    @classmethod
    def start(cls, regimes: int = 3) -> "LesionCourse":
        """Where a fit begins: drifts from shrinking to growing, regimes that last."""
        one = jnp.ones(regimes)
        change = jnp.where(jnp.eye(regimes, dtype=bool), 0.0, -1.5)
        number = lambda v: jnp.asarray(v, jnp.float64)
        drift = jnp.linspace(-0.15, 0.15, regimes)
        return cls(0.0 * one, change, -0.5 * one, drift, -2.3 * one, number(1.5), number(0.5), number(-0.2), number(-2.0))

    def _terms(self, diameter: Array, weeks: Array) -> tuple[Array, Array]:
        """Centre and spread of the change of the logarithm (regimes, ...)."""
        by_regime = lambda a: a.reshape(-1, *[1] * jnp.ndim(diameter))
        visits = weeks / VISIT
        scale = ((diameter + OFFSET) / TYPICAL) ** self.size
        return by_regime(self.drift) * visits * scale, jnp.exp(by_regime(self.spread)) * visits**self.pace * scale

    def log_next(self, diameter: Array, after: Array, weeks: Array) -> Array:
        """(regimes, ...) log density of a reading ``after`` so many weeks; a mass where it repeats or is not seen."""
        centre, spread = self._terms(diameter, weeks)
        freedom = 1.0 + jnp.exp(self.freedom)
        repeat = self.repeat.reshape(-1, *[1] * jnp.ndim(diameter))
        z = (jnp.log((after + OFFSET) / (diameter + OFFSET)) - centre) / spread
        lost = (jnp.log((LIMIT + OFFSET) / (diameter + OFFSET)) - centre) / spread
        moved = jnp.where(after > 0.0, student.logpdf(z, freedom) - jnp.log(spread), _log_below(lost, freedom))
        log_no, log_yes = jax.nn.log_sigmoid(-repeat), jax.nn.log_sigmoid(repeat)
        seen = jnp.where(after == diameter, log_yes, log_no + moved)
        returned = norm.logpdf(jnp.log(jnp.where(after > 0.0, after, BACK) / BACK), 0.0, BACK_SPREAD)
        unseen = jnp.where(after > 0.0, jax.nn.log_sigmoid(self.back) + returned, jax.nn.log_sigmoid(-self.back))
        return jnp.where(diameter > 0.0, seen, unseen)

    def filtered(self, seen: Scans) -> Array:
        """(regimes, people) log joint density of a record and the regime that governs what comes next."""
        weeks = jnp.where(seen.present[1:], jnp.diff(seen.time, axis=0), VISIT)
        each = jnp.moveaxis(self.log_next(seen.diameter[:-1], seen.diameter[1:], weeks), 0, 1)
        change = jax.nn.log_softmax(self.change, axis=1)[:, :, None]

        def scan(log, step):
            given, present = step
            moved = jax.nn.logsumexp((log + given)[:, None] + change, axis=0)
            return jnp.where(present, moved, log), None

        start = jnp.broadcast_to(jax.nn.log_softmax(self.begin)[:, None], (len(self.begin), seen.time.shape[1]))
        return jax.lax.scan(scan, start, (each, seen.present[1:]))[0]

    def next_draw(self, key: Array, regime: Array, diameter: Array, weeks: Array) -> Array:
        """A next reading [mm] of each lane (lanes,) in its regime; 0 is not seen."""
        keys = jax.random.split(key, 4)
        centre, spread = (jnp.take_along_axis(a, regime[None], axis=0)[0] for a in self._terms(diameter, weeks))
        e = jax.random.t(keys[0], 1.0 + jnp.exp(self.freedom), diameter.shape)
        moved = (diameter + OFFSET) * jnp.exp(centre + spread * e) - OFFSET
        moved = jnp.where(moved < LIMIT, 0.0, jnp.minimum(moved, LARGEST))
        again = jax.random.uniform(keys[1], diameter.shape) < jax.nn.sigmoid(self.repeat[regime])
        back = jax.random.uniform(keys[2], diameter.shape) < jax.nn.sigmoid(self.back)
        returned = jnp.where(back, BACK * jnp.exp(BACK_SPREAD * jax.random.normal(keys[3], diameter.shape)), 0.0)
        return jnp.where(diameter > 0.0, jnp.where(again, diameter, moved), returned)


def _log_below(z: Array, freedom: Array) -> Array:
    """log chance that a Student t variable is below z, by Wallace's normal one; freedom above 1."""
    far = jnp.sign(z) * jnp.sqrt(freedom * jnp.log1p(z**2 / freedom) + 1e-12)
    return log_ndtr(far * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0))


@compiled_once
def _slope(course: LesionCourse, seen: Scans) -> tuple[Array, LesionCourse]:
    def loss(course):
        density = jax.nn.logsumexp(course.filtered(seen), axis=0).mean()
        return -density + _RIDGE * sum((leaf**2).sum() for leaf in jax.tree.leaves(course))

    return jax.value_and_grad(loss)(course)


def log_density(course: LesionCourse, seen: Scans) -> Array:
    """(people,) log density of whole records after their first reading."""
    return jax.nn.logsumexp(course.filtered(seen), axis=0)


def fit_course(seen: Scans, start: LesionCourse, *, iterations: int = 300) -> tuple[LesionCourse, bool]:
    """The course of highest penalised likelihood, and whether the search ended there and not at the limit."""
    flat, unravel = jax.flatten_util.ravel_pytree(start)

    def value(x):
        loss, slope = _slope(unravel(jnp.asarray(x)), seen)
        return float(loss), np.asarray(jax.flatten_util.ravel_pytree(slope)[0])

    options = {"maxiter": iterations, "ftol": 1e-9, "gtol": 1e-5}
    found = minimize(value, np.asarray(flat), jac=True, method="L-BFGS-B", options=options)
    return unravel(jnp.asarray(found.x)), bool(found.success)


@compiled_once
def forecast_draws(course: LesionCourse, seen: Scans, weeks: Array, keys: Array, count: int) -> Array:
    """(readings, count, people) draws of the next readings, ``weeks`` (readings, people) between one and the next.

    ``keys`` (people,): a person's draws depend on nobody else.
    """
    regimes = course.filtered(seen)
    change = jax.nn.log_softmax(course.change, axis=1)

    def one(key, log, diameter, weeks):
        def following(state, step):
            regime, diameter = state
            weeks, key = step
            draw, turn = jax.random.split(key)
            after = course.next_draw(draw, regime, diameter, jnp.broadcast_to(weeks, diameter.shape))
            return (jax.random.categorical(turn, change[regime], axis=-1), after), after

        first, *rest = jax.random.split(key, 1 + weeks.shape[0])
        regime = jax.random.categorical(first, log, shape=(count,))
        state = regime, jnp.broadcast_to(diameter, (count,))
        return jax.lax.scan(following, state, (weeks, jnp.stack(rest)))[1]

    return jax.vmap(one, in_axes=(0, 1, 0, 1), out_axes=2)(keys, regimes, seen.diameter[-1], weeks)
