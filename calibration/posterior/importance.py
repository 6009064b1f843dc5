"""How far an approximation is from the posterior: importance weights, smoothed by the generalised Pareto distribution.

    w_s = p(z_s, y) / q(z_s),      z_s drawn from q

For a fit q is Student's t with its centre and covariance and 5 degrees of freedom, whose tails reach beyond those of the
posterior. The largest weights are replaced by quantiles of the Pareto distribution fitted to them; its shape k says how many
moments the weights have. Up to 0.7 averages with these weights can be trusted, beyond it no number of draws helps: q misses a
part of the posterior, and the lane is flagged.

Sources: A. Vehtari, D. Simpson, A. Gelman, Y. Yao, J. Gabry, J. Mach. Learn. Res. 25(72):1-58 (2024); J. Zhang, M. A. Stephens,
Technometrics 51:316-325 (2009).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.fit import Fit
from calibration.posterior.draws import Draws, DrawStatus
from calibration.posterior.samplers import values_of
from calibration.problem import AbstractProblem
from physio.solve import Status

LARGEST_K = 0.7
_FREEDOM = 5.0


def smoothed(log_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normalised log weights and k-hat (lanes,) of log weights (draws, lanes); k-hat is inf where no weight is positive."""
    weights = np.asarray(log_weights, float)
    columns = [_smoothed_one(column) for column in weights.T]
    return np.stack([w for w, _ in columns], axis=1), np.asarray([k for _, k in columns])


def _smoothed_one(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    count = log_weights.size
    nothing = -np.log(count) * np.ones(count), np.inf
    usable = log_weights < np.inf
    weights = np.where(usable, log_weights, -np.inf)
    if not (weights > -np.inf).sum() > 5 or not usable.all():
        return nothing
    weights = weights - weights.max()
    tail = int(np.ceil(min(0.2 * count, 3.0 * np.sqrt(count))))
    order = np.argsort(weights)
    largest = order[count - tail :]
    # below the smallest normal number exp is zero
    cutoff = max(weights[order[count - tail - 1]], np.log(np.finfo(float).tiny))
    largest = largest[weights[largest] > cutoff]
    k = np.inf
    if largest.size > 4:
        beyond = np.exp(weights[largest]) - np.exp(cutoff)
        k, sigma = generalised_pareto(beyond)
        if np.isfinite(k):
            level = (np.arange(largest.size) + 0.5) / largest.size
            expected = sigma * (np.expm1(-k * np.log1p(-level)) / k if k != 0.0 else -np.log1p(-level))
            weights = weights.copy()
            weights[largest] = np.minimum(np.log(np.exp(cutoff) + expected), 0.0)
    total = np.logaddexp.reduce(weights)
    return weights - total, float(k)


def generalised_pareto(ascending: np.ndarray) -> tuple[float, float]:
    """Shape k and scale of exceedances in ascending order: the posterior mean of Zhang and Stephens, k pulled towards 0.5."""
    n = ascending.size
    grid = 30 + int(np.sqrt(n))
    quartile = ascending[int(n / 4.0 + 0.5) - 1]
    b = (1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3.0 * quartile) + 1.0 / ascending[-1]
    shape = np.log1p(-b[:, None] * ascending).mean(axis=1)
    height = n * (np.log(-b / shape) - shape - 1.0)
    weight = np.exp(height - np.logaddexp.reduce(height))
    chosen = (b * weight).sum()
    k = np.log1p(-chosen * ascending).mean()
    sigma = -k / chosen
    return float((n * k + 5.0) / (n + 10.0)), float(sigma)


@compiled_once
def joint(problem: AbstractProblem, z: Array) -> Array:
    """log p(z, y) (draws, lanes) at z (draws, unknowns, lanes); -inf where the body cannot be solved."""
    draws, unknowns, lanes = z.shape
    flat = jnp.moveaxis(z, 0, -1).reshape(unknowns, lanes * draws)
    at_z = problem.tiled(draws).evaluate(flat)
    good = (at_z.status == Status.OK) & (jnp.abs(at_z.log_density) < jnp.inf)
    return jnp.where(good, at_z.log_density, -jnp.inf).reshape(lanes, draws).T


def weighed(fit: Fit, keys: Array, draws: int) -> tuple[Array, np.ndarray, np.ndarray]:
    """Draws of Student's t about a fit (draws, unknowns, lanes), their normalised log weights and k-hat."""
    sound = fit.quantified()
    unknowns = fit.z.shape[0]
    centre = jnp.where(sound, fit.z, 0.0)
    covariance = jnp.where(sound, fit.covariance, jnp.eye(unknowns)[..., None])
    root = jnp.linalg.cholesky(jnp.moveaxis(covariance, -1, 0))

    def person(key, centre, root):
        normal, chi = jax.random.split(key)
        squares = 2.0 * jax.random.gamma(chi, 0.5 * _FREEDOM, (draws, 1))
        e = jax.random.normal(normal, (draws, unknowns)) * jnp.sqrt(_FREEDOM / squares)
        log_q = -0.5 * (_FREEDOM + unknowns) * jnp.log1p((e**2).sum(-1) / _FREEDOM) - jnp.log(jnp.diagonal(root)).sum()
        return centre + e @ root.T, log_q

    z, log_q = jax.vmap(person, in_axes=(0, 1, 0), out_axes=-1)(keys, centre, root)
    weights, k_hat = smoothed(np.asarray(joint(fit.problem, z) - log_q))
    return z, weights, np.where(np.asarray(sound), k_hat, np.inf)


def corrected(fit: Fit, keys: Array, *, draws: int = 1000, tried: int = 4000) -> Draws:
    """``draws`` of every lane chosen among ``tried`` by their weights; lanes with k-hat above 0.7 are flagged, not dropped."""
    split = jax.vmap(jax.random.split)(keys)
    z, weights, k_hat = weighed(fit, split[:, 0], tried)
    picked = chosen(z, weights, split[:, 1], draws)
    started = np.asarray(fit.quantified())
    status = np.where(k_hat <= LARGEST_K, DrawStatus.OK, DrawStatus.WEIGHTS_UNRELIABLE)
    status = np.where(started, status, DrawStatus.NO_START).astype(np.int32)
    picked = jnp.where(jnp.asarray(started), picked, jnp.nan)[None]
    method = f"{fit.method}, importance weights"
    values = values_of(fit.problem, picked)
    return Draws(picked, values, fit.problem.names, jnp.asarray(status), method, k_hat=jnp.asarray(k_hat))


def chosen(z: Array, log_weights: np.ndarray, keys: Array, count: int) -> Array:
    """(count, unknowns, lanes) by systematic resampling with one uniform number a lane, in random order."""
    cumulative = np.cumsum(np.exp(log_weights), axis=0)
    start = np.asarray(jax.vmap(lambda k: jax.random.uniform(k))(keys))
    order = np.asarray(jax.vmap(lambda k: jax.random.permutation(jax.random.fold_in(k, 1), count))(keys)).T
    places = (np.arange(count)[:, None] + start) / count * cumulative[-1]
    index = np.stack([np.searchsorted(c, p) for c, p in zip(cumulative.T, places.T, strict=True)], axis=1)
    index = np.take_along_axis(np.minimum(index, len(cumulative) - 1), order, axis=0)
    return jnp.take_along_axis(z, jnp.asarray(index)[:, None], axis=0)
