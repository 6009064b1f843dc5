"""Where a population's posterior lies, roughly and soon: what a sampler begins from.

In turn, until x no longer moves:

    the modes of all people given x, by Gauss-Newton steps
    the x that is most probable if everybody's predictions were linear about these modes,

        -2 log p(y | x) ~ sum_i e_i' V_i^-1 e_i + log det V_i,      V_i = A_i Omega A_i' + diag(sd^2)
        e_i = h(y_i) - h(f_i) - A_i (log typical_i(x) - log phi_i),  A_i = dh(f_i) / dlog phi

First derivatives of solves are all it needs. The curvature of the last linear model together with the priors is the covariance.

Source: M. J. Lindstrom, D. M. Bates, Biometrics 46:673-687 (1990).
"""

from collections.abc import Mapping
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy import optimize

from calibration.compiled import compiled_once
from calibration.population.density import slopes
from calibration.population.local import Local
from calibration.population.model import Population
from calibration.population.modes import rough_modes
from physio.priors import Normal
from physio.solve import Status

_ROUNDS, _STILL = 20, 0.05


class Pilot(eqx.Module):
    """``x`` (shared numbers,) and its covariance, the modes ``eta`` (effects, people), predictions near them, who is ``solved``
    (people,), and whether x had stopped moving.
    """

    population: Population
    prior_mean: Array
    prior_sd: Array
    x: Array
    covariance: Array
    eta: Array
    near: Local
    solved: Array
    settled: bool = eqx.field(static=True)


class _Linear(NamedTuple):
    """h(f) at the modes (numbers, people), its slopes (addresses, numbers, people), f there and where it is."""

    value: Array
    slope: Array
    f: Array
    at: Array


def pilot(population: Population, priors: Mapping[str, Normal]) -> Pilot:
    """``priors`` is a ``Normal`` for every number in x, so of logarithms where x holds logarithms."""
    missing = [name for name in population.names if name not in priors]
    if missing or len(priors) != len(population.names):
        raise ValueError(
            f"priors are needed for exactly {', '.join(population.names)}; "
            f"missing: {', '.join(missing) or 'none'}, given: {', '.join(priors)}"
        )
    mean, sd = (jnp.asarray([getattr(priors[n], part) for n in population.names]) for part in ("mean", "sd"))
    x, eta, settled = population.start(), jnp.zeros((len(population.random), population.people)), False
    for _ in range(_ROUNDS):
        eta, near, solved = _modes(population, x, eta)
        linear = _linear(population, near)

        def cost(x, linear=linear, solved=solved):
            value, slope = _cost_and_slope(population, linear, solved, mean, sd, jnp.asarray(x))
            return float(value), np.asarray(slope)

        found = optimize.minimize(cost, np.asarray(x), jac=True, method="BFGS")
        covariance = jnp.linalg.inv(_curvature(population, linear, solved, mean, sd, jnp.asarray(found.x)))
        moved = jnp.abs(found.x - x) / jnp.sqrt(jnp.diagonal(covariance))
        x, settled = jnp.asarray(found.x), bool(moved.max() < _STILL)
        if settled:
            break
    eta, near, solved = _modes(population, x, eta)
    return Pilot(population, mean, sd, x, covariance, eta, near, solved, settled)


@compiled_once
def _modes(population: Population, x: Array, eta: Array):
    found = rough_modes(population, population.shared(x), eta)
    return found.eta, found.near, found.near.status == Status.OK


@compiled_once
def _linear(population: Population, near: Local) -> _Linear:
    steep = slopes(population.noise.transform, near.value)
    return _Linear(population.noise.transform(near.value), steep * near.higher[0], near.value, near.at)


def _cost(population: Population, linear: _Linear, solved: Array, mean: Array, sd: Array, x: Array) -> Array:
    """Half of -2 log p(x, y) up to a constant; people who could not be solved are left out."""
    shared, read = population.shared(x), population.readings
    seen = read.present & ~read.below
    noise = shared.noise
    away = population.log_typical(shared) - linear.at
    expected = linear.value + jnp.einsum("anl,al->nl", linear.slope, away)
    error = jnp.where(seen, noise.transform(jnp.where(seen, read.value, 1.0)) - expected, 0.0)
    steep = jnp.where(seen, linear.slope[: len(population.random)], 0.0)
    # readings that are absent count as independent ones of variance 1 without error
    variance = jnp.where(seen, noise.sd(linear.f) ** 2, 1.0)
    half = jnp.einsum("anl,ab->bnl", steep, shared.root)
    whole = jnp.einsum("bnl,bml->lnm", half, half) + variance.T[:, :, None] * jnp.eye(error.shape[0])
    factor = jnp.linalg.cholesky(whole)
    scaled = jax.scipy.linalg.solve_triangular(factor, error.T[..., None], lower=True)[..., 0]
    log_det = 2.0 * jnp.log(jnp.diagonal(factor, axis1=1, axis2=2)).sum(-1)
    people = jnp.where(solved, (scaled**2).sum(-1) + log_det, 0.0)
    return 0.5 * people.sum() + 0.5 * (((x - mean) / sd) ** 2).sum()


@compiled_once
def _cost_and_slope(population, linear, solved, mean, sd, x):
    return jax.value_and_grad(_cost, 5)(population, linear, solved, mean, sd, x)


@compiled_once
def _curvature(population, linear, solved, mean, sd, x):
    return jax.hessian(_cost, 5)(population, linear, solved, mean, sd, x)
