"""Markov chains of people's random effects given what all share: three kinds of Metropolis proposals, all lanes at once.

    from the population    eta' ~ N(0, Omega)                         accepted by the readings alone
    in all directions      eta' = eta + s L u,   L L' = Omega          s the same for all lanes
    in one direction       eta_a' = eta_a + s_a omega_a u              one after the other

Scales s move so that 0.4 of the proposals of single directions, and 0.25 of those in all, are accepted (Robbins and Monro).
One lane is one chain of a person; a lane where the body cannot be solved at a proposal stays where it is.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.population.density import of_effects, of_readings
from calibration.population.model import Population, Shared
from physio.solve import Status

_WANTED_ALL, _WANTED_ONE = 0.25, 0.4


class Chains(NamedTuple):
    """``eta`` (effects, lanes), Phi of the readings alone (lanes,), and logarithms of the scales: (1 + effects,)."""

    eta: Array
    readings: Array
    scales: Array


def readings_at(population: Population, shared: Shared, eta: Array) -> Array:
    """(lanes,): Phi of the readings alone; infinite where the body cannot be solved."""
    typical = population.log_typical(shared)
    f, status = population.predict(typical.at[: eta.shape[0]].add(eta))
    value = of_readings(population, shared, f, f).sum(0)
    return jnp.where((status == Status.OK) & (jnp.abs(value) < jnp.inf), value, jnp.inf)


def moved(population: Population, shared: Shared, chains: Chains, key: Array, rounds: int, rate: Array) -> Chains:
    """``rounds`` of all three kinds; scales move by ``rate``."""
    effects, lanes = chains.eta.shape
    omegas = jnp.sqrt((shared.root**2).sum(1))

    def accepted(now: Chains, eta: Array, key: Array, prior: bool):
        there = readings_at(population, shared, eta)
        drop = now.readings - there
        if not prior:
            drop = drop + of_effects(shared, now.eta) - of_effects(shared, eta)
        chance = jnp.minimum(jnp.exp(0.5 * jnp.minimum(drop, 0.0)), 1.0)
        # comparisons with nan are false: from and to infinity nothing moves
        yes = (there < jnp.inf) & (jax.random.uniform(key, (lanes,)) < chance)
        return now._replace(eta=jnp.where(yes, eta, now.eta), readings=jnp.where(yes, there, now.readings)), yes.mean()

    def round_(now: Chains, key: Array):
        keys = jax.random.split(key, 4)
        now, _ = accepted(now, shared.root @ jax.random.normal(keys[0], (effects, lanes)), jax.random.fold_in(keys[0], 1), True)
        step = jnp.exp(now.scales[0]) * (shared.root @ jax.random.normal(keys[1], (effects, lanes)))
        now, share = accepted(now, now.eta + step, jax.random.fold_in(keys[1], 1), False)
        now = now._replace(scales=now.scales.at[0].add(rate * (share - _WANTED_ALL)))

        def one(now: Chains, given):
            a, key = given
            step = jnp.exp(now.scales[1 + a]) * omegas[a] * jax.random.normal(key, (lanes,))
            now, share = accepted(now, now.eta.at[a].add(step), jax.random.fold_in(key, 1), False)
            return now._replace(scales=now.scales.at[1 + a].add(rate * (share - _WANTED_ONE))), None

        return jax.lax.scan(one, now, (jnp.arange(effects), jax.random.split(keys[2], effects)))

    now = chains._replace(readings=readings_at(population, shared, chains.eta))
    return jax.lax.scan(round_, now, jax.random.split(key, rounds))[0]
