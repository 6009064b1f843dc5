"""Minus twice the log density of a person's readings and random effects together.

    Phi(eta) = sum_j [ e_j^2 / v_j + log v_j - 2 log h'(y_j) ] + eta' Omega^-1 eta,      e = h(y) - h(f),  v = sd^2

A reading below its limit L counts -2 log Phi((h(L) - h(f)) / sd). Constants log(2 pi) of readings are left out, as NONMEM
does; those of random effects cancel with the integral over them.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array

from calibration.population.model import Population, Shared


def of_readings(population: Population, shared: Shared, predicted: Array, spread_at: Array) -> Array:
    """(numbers, people): what each reading adds; the spread is that at the prediction ``spread_at``."""
    read, noise = population.readings, shared.noise
    seen = read.present & ~read.below
    target = noise.transform(jnp.where(read.present, read.value, 1.0))
    sd = noise.sd(spread_at)
    error = (target - noise.transform(predicted)) / sd
    censored = -2.0 * norm.logcdf(jnp.where(read.below, error, 0.0))
    return jnp.where(seen, error**2 + 2.0 * jnp.log(sd), jnp.where(read.below, censored, 0.0))


def of_scale(population: Population) -> Array:
    """(people,): what the change of scale h adds, a constant of the data."""
    read = population.readings
    seen = read.present & ~read.below
    value = jnp.where(seen, read.value, 1.0)
    return jnp.where(seen, -2.0 * jnp.log(slopes(population.noise.transform, value)), 0.0).sum(0)


def of_effects(shared: Shared, eta: Array) -> Array:
    """(people,): eta' Omega^-1 eta."""
    return (jax.scipy.linalg.solve_triangular(shared.root, eta, lower=True) ** 2).sum(0)


def log_det_omega(shared: Shared) -> Array:
    return 2.0 * jnp.log(jnp.diagonal(shared.root)).sum()


def omega_inverse(shared: Shared) -> Array:
    half = jax.scipy.linalg.solve_triangular(shared.root, jnp.eye(shared.root.shape[0]), lower=True)
    return half.T @ half


def slopes(function: Callable[[Array], Array], x: Array) -> Array:
    """Derivative of a function that acts on every number alone."""
    return jax.jvp(function, (x,), (jnp.ones_like(x),))[1]


def weights(population: Population, shared: Shared, predicted: Array, spread_at: Array, interaction: bool) -> Array:
    """(numbers, people): w in the expected half Hessian sum_j w_j f_a f_b + Omega^-1 of Phi.

    h'^2 / v + (log v)'^2 / 2 where a reading was seen, the last only with ``interaction``; half the second derivative where it
    was below its limit.
    """
    read, noise = population.readings, shared.noise
    seen = read.present & ~read.below
    sd = noise.sd(spread_at)
    expected = (slopes(noise.transform, predicted) / sd) ** 2
    if interaction:
        expected += 2.0 * slopes(lambda f: jnp.log(noise.sd(f)), predicted) ** 2

    def reading(f):
        return of_readings(population, shared, f, f if interaction else spread_at)

    curved = 0.5 * slopes(lambda f: slopes(reading, f), predicted)
    return jnp.where(seen, expected, jnp.where(read.below, curved, 0.0))
