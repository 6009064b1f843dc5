"""Posterior-predictive checks: do readings look like those that the fitted person would give?

    y_rep = f(z) + e,   z from the posterior, e from the instrument          one replicate a draw
    PIT    = P(y_rep <= y)                       uniform over readings that were not used for the fit
    p_T    = P(T(y_rep, z) >= T(y, z))           near 0 or 1: the model does not make data like these

on the scale on which errors are normal (``transform`` of the noise). A reading below its limit L has its PIT drawn uniformly
between 0 and P(y_rep <= L). Readings the fit has used make PIT values too central and p values conservative. Draws whose body
cannot be solved are left out of a person's shares and counted; a person without any has nan.

Sources: A. Gelman, X.-L. Meng, H. Stern, Stat. Sinica 6:733-807 (1996); T. Gneiting, F. Balabdaoui, A. E. Raftery, J. R. Stat.
Soc. B 69:243-268 (2007).
"""

from collections.abc import Callable, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.fit import Fit
from calibration.problem import Problem
from calibration.scores import crps_sample
from physio.solve import Status


class Predictive(eqx.Module):
    """Replicates of one instrument's readings.

    ``observed``    (numbers, lanes) on the scale of errors; a detection limit where ``below``
    ``seen``        (numbers, lanes) present and above the limit
    ``predicted``   (draws, numbers, lanes) without error, ``spread`` its standard deviation
    ``replicated``  (draws, numbers, lanes), nan where the body of a draw was not solved
    """

    name: str = eqx.field(static=True)
    observed: Array
    seen: Array
    below: Array
    predicted: Array
    spread: Array
    replicated: Array
    solved: Array

    def pit(self, keys: Array) -> np.ndarray:
        """(numbers, lanes), nan for absent readings and where no draw was solved; ``keys`` (lanes,)."""
        known = self.solved[:, None]
        total = known.sum(0)
        level = (known & (self.replicated <= self.observed)).sum(0)
        even = jax.vmap(lambda k: jax.random.uniform(k, self.observed.shape[:1]), out_axes=1)(keys)
        # ranks are whole: a uniform number within the step makes them continuous
        whole = jnp.where(self.below, even * (level + 1) / (total + 1), (level + even) / (total + 1))
        return np.asarray(jnp.where((self.seen | self.below) & (total > 0), whole, jnp.nan))

    def crps(self) -> np.ndarray:
        """(numbers, lanes) of seen readings, in the unit of the scale of errors; nan elsewhere."""
        weights = jnp.broadcast_to(self.solved[:, None], self.replicated.shape).astype(self.observed.dtype)
        draws = jnp.where(weights > 0.0, self.replicated, 0.0)
        known = self.seen & (weights.sum(0) > 0.0)
        scores = crps_sample(draws, self.observed, jnp.where(known, weights, 1.0))
        return np.asarray(jnp.where(known, scores, jnp.nan))

    def p_values(self, statistics: "Mapping[str, Callable] | None" = None) -> dict[str, np.ndarray]:
        """Statistic -> (lanes,) share of draws whose replicate has at least the statistic of the readings.

        A statistic takes standardised errors (draws, numbers, lanes) and the mask of seen readings (numbers, lanes).
        """
        total = self.solved.sum(0)
        enough = (total > 0) & self.seen.any(0)
        made, found = ((y - self.predicted) / self.spread for y in (self.replicated, self.observed))
        out = {}
        for name, statistic in (STATISTICS if statistics is None else statistics).items():
            larger = statistic(made, self.seen) >= statistic(found, self.seen)
            share = (larger & self.solved).sum(0) / jnp.maximum(total, 1)
            out[name] = np.asarray(jnp.where(enough, share, jnp.nan))
        return out


def squares(errors: Array, seen: Array) -> Array:
    """Sum of squares: too large where the spread is too small or the curve misses, too small where the spread is too large."""
    return jnp.where(seen, errors**2, 0.0).sum(1)


def largest(errors: Array, seen: Array) -> Array:
    """Largest absolute error: single readings that do not belong."""
    return jnp.where(seen, jnp.abs(errors), 0.0).max(1)


def runs(errors: Array, seen: Array) -> Array:
    """Sum of products of neighbours: errors that keep their sign, as a curve of the wrong shape leaves."""
    kept = jnp.where(seen, errors, 0.0)
    return (kept[:, 1:] * kept[:, :-1]).sum(1)


STATISTICS: dict[str, Callable[[Array, Array], Array]] = {"sum of squares": squares, "largest error": largest, "runs": runs}


@compiled_once
def _predict(problem: Problem, z: Array):
    predictions, spreads, status, _ = problem.predict(z)
    scaled = [o.noise.transform(p) for o, p in zip(problem.observations, predictions, strict=True)]
    return scaled, spreads, status


def predictive(fit: Fit, keys: Array, draws: int, z: Array | None = None) -> list[Predictive]:
    """One ``Predictive`` an instrument of a ``Problem``; ``z`` (draws, unknowns, lanes) replaces draws from the fit.

    ``keys`` (lanes,), one a person, so that a person's replicates depend on nobody else.
    """
    problem = fit.problem
    own, noise = jax.vmap(jax.random.split, out_axes=1)(keys)
    z = fit.draws(own, draws) if z is None else z
    draws, unknowns, lanes = z.shape
    flat = jnp.moveaxis(z, 0, -1).reshape(unknowns, lanes * draws)
    scaled, spreads, status = _predict(problem.tiled(draws), flat)
    solved = ((status == Status.OK) & (jnp.abs(flat) < jnp.inf).all(0)).reshape(lanes, draws).T
    out = []
    for number, (o, read) in enumerate(zip(problem.observations, problem.readings, strict=True)):
        mean, sd = (jnp.moveaxis(x[number].reshape(-1, lanes, draws), -1, 0) for x in (scaled, spreads))
        error = jax.vmap(lambda k, n=number, m=mean: jax.random.normal(jax.random.fold_in(k, n), m.shape[:2]), out_axes=-1)(noise)
        fine = solved & (jnp.abs(mean) < jnp.inf).all(1)
        replicated = jnp.where(fine[:, None], mean + sd * error, jnp.nan)
        observed = o.noise.transform(jnp.where(read.present, read.value, 1.0))
        seen = read.present & ~read.below
        out.append(Predictive(o.name, observed, seen, read.below, mean, sd, replicated, fine))
    return out
