"""Many-chain Hamiltonian Monte Carlo by blackjax: ChEES-HMC, whose chains tune one step size and one trajectory length
together.

Trajectories have a fixed length, jittered, and not one chosen by each chain's own turn, so that many chains on a wide device
wait for nobody (a lone NUTS chain there is a trap). The second half of the warm-up scales every direction by its spread over
all chains. Chains of all groups are lanes of one batched evaluation, whose gradients are those of ``AbstractTarget.evaluate``:
by forward mode where unknowns are few. A group's draws depend on its own key and on nobody else.

Source: M. D. Hoffman, A. Radul, P. Sountsov, AISTATS 130:3907-3915 (2021).
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.custom_batching import custom_vmap
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.fit import Fit
from calibration.posterior.draws import Draws, mixed
from calibration.posterior.targets import AbstractTarget, PersonTarget

_FIRST_STEP, _RATE = 0.5, 0.05


class Chees(eqx.Module):
    """``chains`` a posterior, begun at ``dispersion`` standard deviations of the approximation that the target is centred at.

    ``most_steps`` bounds the leapfrog steps of one trajectory: all lanes wait for the longest, and about a good approximation a
    few steps are a trajectory.
    """

    chains: int = 8
    warmup: int = 200
    draws: int = 250
    dispersion: float = 1.5
    most_steps: int = 16
    acceptance: float = 0.8


class Run(NamedTuple):
    """What chains went through: ``u`` (groups, draws, chains, size), energy, divergence and steps (groups, draws, chains)."""

    u: Array
    energy: Array
    diverged: Array
    steps: Array
    step_size: Array


def require_blackjax() -> Any:
    """The sampling library, or how to get it."""
    try:
        import blackjax
    except ImportError:
        raise ImportError("sampling needs blackjax, which is in the extra 'bayes': pip install 'somagrad[bayes]'") from None
    return blackjax


def log_density(target: AbstractTarget) -> Callable[[Array, Array], Array]:
    """``f(group, u)`` of one chain of one group, to be mapped over chains and then over groups: all lanes at once."""
    whole = (target.groups, target.chains, target.size)
    # rules of mapping may close over no traced array: those of the target travel as an argument
    arrays, rest = eqx.partition(target, eqx.is_array)

    def everywhere(arrays, u):
        return eqx.combine(arrays, rest).evaluate(u)

    @custom_vmap
    def one(arrays, group, u):
        value, slope = everywhere(arrays, jnp.broadcast_to(u, whole))
        return value[group, 0], slope[group, 0]

    @custom_vmap
    def chains(arrays, group, u):
        value, slope = everywhere(arrays, jnp.broadcast_to(u, whole))
        return value[group], slope[group]

    @one.def_vmap
    def _(count, mapped, arrays, group, u):
        return chains(arrays, group, u), (True, True)

    @chains.def_vmap
    def _(count, mapped, arrays, group, u):
        value, slope = everywhere(arrays, jnp.zeros(whole, u.dtype).at[group].set(u))
        return (value[group], slope[group]), (True, True)

    @jax.custom_vjp
    def density(arrays, group, u):
        return one(arrays, group, u)[0]

    density.defvjp(lambda *given: one(*given), lambda slope, cotangent: (None, None, cotangent * slope))
    return lambda group, u: density(arrays, group, u)


def run(target: AbstractTarget, sampler: Chees, keys: Array) -> Run:
    """Warm up and draw; ``keys`` (groups,), one a group."""
    require_blackjax()
    # a number that the program need not be compiled for
    most = jnp.asarray(sampler.most_steps)
    return _run(target, dataclasses.replace(sampler, most_steps=0), most, keys)


@compiled_once
def _run(target: AbstractTarget, sampler: Chees, most: Array, keys: Array) -> Run:
    blackjax = require_blackjax()
    density = log_density(target)

    def of_group(group, key):
        begin, adapt, go = jax.random.split(key, 3)
        positions = sampler.dispersion * jax.random.normal(begin, (sampler.chains, target.size))

        def here(u):
            return density(group, u)

        warmup = blackjax.chees_adaptation(
            here,
            sampler.chains,
            target_acceptance_rate=sampler.acceptance,
            max_leapfrog_steps=most,
            mass_matrix_estimation="diagonal",
            adaptation_info_fn=lambda *_: None,
        )
        (states, tuned), _ = warmup.run(
            adapt, positions, _FIRST_STEP, optax.adam(_RATE), sampler.warmup, max_sampling_steps=sampler.draws
        )
        kernel = blackjax.dynamic_hmc.build_kernel(
            next_random_arg_fn=tuned["next_random_arg_fn"], integration_steps_fn=tuned["integration_steps_fn"]
        )

        def step(states, key):
            def chain(key, state):
                return kernel(
                    key, state, here, tuned["step_size"], tuned["inverse_mass_matrix"], tuned["integration_steps_params"]
                )

            after, info = jax.vmap(chain)(jax.random.split(key, sampler.chains), states)
            energy = -states.logdensity + 0.5 * (tuned["inverse_mass_matrix"] * info.momentum**2).sum(-1)
            return after, (after.position, energy, info.is_divergent, info.num_integration_steps)

        _, found = jax.lax.scan(step, states, jax.random.split(go, sampler.draws))
        return Run(*found, tuned["step_size"])

    return jax.vmap(of_group)(jnp.arange(target.groups), keys)


def sample(fit: Fit, keys: Array, sampler: Chees = Chees()) -> Draws:
    """Draws of every lane of a fit that has a covariance (``laplace`` or ``variational`` first); ``keys`` (lanes,)."""
    target = PersonTarget(fit, sampler.chains)
    found = run(target, sampler, keys)
    u = jnp.moveaxis(found.u, 1, 2)
    z = target.centre.T[:, None, None] + jnp.einsum("gij,gcdj->gcdi", target.root, u)
    z = jnp.where(target.started[:, None, None, None], z, jnp.nan)
    z = jnp.transpose(z, (1, 2, 3, 0))
    return Draws(
        z,
        values_of(fit.problem, z),
        fit.problem.names,
        jnp.asarray(mixed(np.asarray(z), np.asarray(target.started))),
        f"ChEES-HMC, {sampler.chains} chains",
        jnp.transpose(found.energy, (2, 1, 0)),
        found.diverged.sum((1, 2)),
        found.steps.sum(1).max(1),
    )


def values_of(problem, z: Array) -> Array:
    """z (chains, draws, unknowns, lanes) in own units."""
    return jax.vmap(jax.vmap(problem.values))(z)
