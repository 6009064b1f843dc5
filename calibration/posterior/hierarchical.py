"""The joint posterior of a population: what all share, x, and every person's parameters, as one target.

    log p(x, phi | y) = log p(x) + sum_i [ log p(y_i | phi_i, x) + log N(log phi_i; log typical_i(x), Omega(x)) ] + constant

Chains do not move in phi but in u, by a change of variables that depends on x and on the person:

    log phi_i = m_i(x) + P_i(x)^(-1/2)' u_i,     P_i = L_i + Omega^-1,     P_i m_i = v_i - B_i (k - k0) + Omega^-1 log typical_i

where N(L_i^-1 v_i, L_i^-1) approximates person i's likelihood about the mode of a pilot fit, and B_i is how it moves with the
parameters k that have no random effect. With much data it is the centred parameterisation, with none the non-centred one, each
person by its own data; were the likelihoods normal, u would be standard normal given any x. The density carries the
Jacobian, so the posterior is exact whatever the pilot. x = x0 + C w with the pilot's covariance and the priors.

Solvers differentiate predictions along individual parameters only, however many numbers are shared: forward, or where a
structure for reverse mode is given, by one walk back, which pays from about four parameters on.

Sources: O. Papaspiliopoulos, G. O. Roberts, M. Skold, Stat. Sci. 22:59-73 (2007), on what lies between centred and non-centred.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.population.density import log_det_omega, of_effects, of_readings, of_scale, omega_inverse, weights
from calibration.population.model import Population
from calibration.population.structure import AbstractStructure
from calibration.posterior.draws import Draws, mixed
from calibration.posterior.pilot import Pilot
from calibration.posterior.samplers import Chees, Run, run
from calibration.lane_cholesky import backward, cholesky, forward, log_det
from calibration.posterior.targets import AbstractTarget
from physio.solve import Status
from physio.solve.lanes import lane_jacobian


class PopulationTarget(AbstractTarget):
    """One group: x and all people's u, in this order, the people of one effect side by side.

    ``reverse`` is the population's structure once more, solved so that it can be differentiated backward.
    """

    population: Population
    wide: Population
    prior_mean: Array
    prior_sd: Array
    centre: Array
    root: Array
    precision: Array
    informed: Array
    follows: Array
    others: Array
    backward: bool = eqx.field(static=True)
    chains: int = eqx.field(static=True)
    groups: int = eqx.field(static=True)
    size: int = eqx.field(static=True)

    def __init__(self, known: Pilot, chains: int, reverse: AbstractStructure | None = None):
        population = known.population
        if not np.asarray(known.solved).all():
            lost = np.flatnonzero(~np.asarray(known.solved))
            raise ValueError(
                f"person {lost[0]} (counted from 0) could not be solved at the pilot's mode: leave {lost.size} such people out"
            )
        self.backward = reverse is not None
        twin = eqx.tree_at(lambda p: p.structure, population, reverse) if self.backward else population
        self.population, self.wide = population, twin.tiled(chains)
        self.prior_mean, self.prior_sd, self.centre = known.prior_mean, known.prior_sd, known.x
        self.root = jnp.linalg.cholesky(known.covariance)
        self.precision, self.informed, self.follows = _likelihoods(known)
        self.others = population.log_typical(population.shared(self.centre))[len(population.random) :]
        self.chains, self.groups = chains, 1
        self.size = len(population.names) + len(population.random) * population.people

    def taken_apart(self, u: Array) -> tuple[Array, Array, Array]:
        """x, logarithms of individual parameters (addresses, people) and the log Jacobian of one chain's u (size,)."""
        population = self.population
        shared_count, effects = len(population.names), len(population.random)
        x = self.centre + self.root @ u[:shared_count]
        own = u[shared_count:].reshape(effects, population.people)
        shared = population.shared(x)
        typical = population.log_typical(shared)
        inverse = omega_inverse(shared)
        rows = cholesky(self.precision + inverse[..., None])
        pull = self.informed + inverse @ typical[:effects]
        pull -= jnp.einsum("rol,ol->rl", self.follows, typical[effects:] - self.others)
        random = backward(rows, forward(rows, pull) + own)
        jacobian = -0.5 * log_det(rows).sum()
        return x, jnp.concatenate([random, typical[effects:]]), jacobian

    def predictions(self, log_values: Array) -> tuple[Array, Callable[[Array], Array], Array]:
        """Predictions (chains, numbers, people) at log_values (chains, addresses, people), who is solved (chains,), and what a
        slope along predictions is worth along log_values.
        """

        def by_chain(a):
            return jnp.moveaxis(a.reshape(*a.shape[:-1], self.population.people, self.chains), -1, 0)

        def by_lane(a):
            return jnp.moveaxis(a, 0, -1).reshape(*a.shape[1:-1], self.population.people * self.chains)

        if self.backward:
            value, pull, status = jax.vjp(self.wide.predict, by_lane(log_values), has_aux=True)
        else:
            value, slopes, status = lane_jacobian(self.wide.predict, by_lane(log_values), has_aux=True)

            def pull(g):
                return (jnp.einsum("anl,nl->al", slopes, g),)

        return by_chain(value), lambda g: by_chain(pull(by_lane(g))[0]), (by_chain(status) == Status.OK).all(-1)

    def evaluate(self, u):
        (x, log_values, jacobian), back = jax.vjp(jax.vmap(self.taken_apart), u[0])
        predicted, pull, solved = self.predictions(log_values)
        value, slopes = jax.vmap(jax.value_and_grad(self._density, (0, 1, 2)))(x, log_values, predicted)
        # a person who could not be solved has predictions that are no numbers: what they are worth must not be walked back
        along = jnp.where(solved[:, None, None], slopes[2], 0.0)
        (slope,) = back((slopes[0], slopes[1] + pull(along), jnp.ones_like(jacobian)))
        value = value + jacobian
        good = solved & (jnp.abs(value) < jnp.inf) & (jnp.abs(slope) < jnp.inf).all(-1)
        return jnp.where(good, value, -jnp.inf)[None], jnp.where(good[:, None], slope, 0.0)[None]

    def _density(self, x, log_values, predicted):
        """log p(x, phi | y) of one chain as a function of x, log phi and predictions."""
        population = self.population
        shared = population.shared(x)
        eta = (log_values - population.log_typical(shared))[: len(population.random)]
        people = of_readings(population, shared, predicted, predicted).sum(0) + of_effects(shared, eta) + of_scale(population)
        prior = (((x - self.prior_mean) / self.prior_sd) ** 2).sum()
        return -0.5 * (people.sum() + population.people * log_det_omega(shared) + prior)


@compiled_once
def _likelihoods(known: Pilot) -> tuple[Array, Array, Array]:
    """L (effects, effects, people), v (effects, people) and B (effects, others, people) at the modes."""
    population = known.population
    shared, effects = population.shared(known.x), known.eta.shape[0]
    f, slope = known.near.value, known.near.higher[0]
    w = weights(population, shared, f, f, True)
    whole = jnp.einsum("nl,anl,bnl->abl", w, slope, slope)
    precision = whole[:effects, :effects]
    informed = jnp.einsum("abl,bl->al", precision, known.near.at[:effects]) + omega_inverse(shared) @ known.eta
    return precision, informed, whole[:effects, effects:]


def sample_population(
    known: Pilot, key: Array, sampler: Chees = Chees(), *, reverse: AbstractStructure | None = None
) -> tuple[Draws, Draws, Run]:
    """Draws of x (one lane), of individual parameters (a lane a person), and what the chains went through.

    ``z`` of the first is x on the scale of its priors, its values x itself; ``z`` of the second is log phi, its values phi.
    """
    target = PopulationTarget(known, sampler.chains, reverse)
    found = run(target, sampler, key[None])
    x, log_values = _apart(target, jnp.moveaxis(found.u[0], 0, 1))
    z = ((x - target.prior_mean) / target.prior_sd)[..., None]
    energy = found.energy[0].T[..., None]
    diverged, steps = found.diverged.sum((1, 2)), found.steps.sum(1).max(1)
    method = f"ChEES-HMC, {sampler.chains} chains"
    population = known.population

    def status(z):
        return jnp.asarray(mixed(np.asarray(z), np.ones(z.shape[-1], bool)))

    shared = Draws(z, x[..., None], population.names, status(z), method, energy, diverged, steps)
    own = Draws(log_values, jnp.exp(log_values), population.addresses, status(log_values), method)
    return shared, own, found


@eqx.filter_jit
def _apart(target: PopulationTarget, u: Array) -> tuple[Array, Array]:
    return jax.lax.map(jax.vmap(lambda one: target.taken_apart(one)[:2]), u)
