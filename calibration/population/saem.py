"""SAEM: maximum likelihood by stochastic approximation, the random effects simulated and not expanded.

Each iteration moves chains of everybody's random effects (``calibration.population.chains``), averages what the maximum needs,

    s1_i <- s1_i + gamma (mean over chains of log phi_i - s1_i),      s2 <- the same for sum_i log phi_i log phi_i'

and takes the maximum: typical values by generalised least squares of s1, Omega from s2, and everything else, the parameters of
the noise and thetas of parameters without random effects, by steps of Fisher scoring from averaged scores and informations.
gamma is 1 while the chains explore, and variances then fall no faster than by a tenth; later gamma = k^-0.7, and the result is
the mean of x over the last three quarters of those iterations: with 1/k alone sparse data, where EM itself is slow, would stand
still too soon.

It needs no derivatives of the predictions where every parameter has a random effect. The objective of the result is that of
importance sampling there; it has converged where its gradient, x in standard errors, is small.

Sources: B. Delyon, M. Lavielle, E. Moulines, Ann. Stat. 27:94-128 (1999); E. Kuhn, M. Lavielle, Comput. Stat. Data Anal.
49:1020-1038 (2005); averages of iterates: B. T. Polyak, A. B. Juditsky, SIAM J. Control Optim. 30:838-855 (1992).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.population.chains import Chains, moved, readings_at
from calibration.population.cohort import Cohort
from calibration.population.density import of_readings, omega_inverse, weights
from calibration.population.fit import PopulationFit, SearchStatus
from calibration.population.importance import ImportanceSampling
from calibration.population.model import Population
from calibration.population.search import scaled_gradient

_SHRINK = 0.9
_DECAY = -0.7
# x moves no further in one step of scoring
_FURTHEST = 0.3
# least information that scoring believes in
_LEAST = 1e-8


class _Averages(NamedTuple):
    """s1 (effects, people), s2 (effects, effects), and score and information of the numbers that are scored."""

    s1: Array
    s2: Array
    score: Array
    information: Array


def saem(
    population: Population,
    key: Array,
    *,
    x: Array | None = None,
    explore: int = 200,
    average: int = 300,
    chains: int | None = None,
    rounds: int = 2,
    judge: ImportanceSampling = ImportanceSampling(),
    tolerance: float = 0.3,
    width: int = 1024,
) -> tuple[PopulationFit, np.ndarray]:
    """``(fit, trace (iterations, shared))``; ``chains`` for each person, by default as many as make a thousand lanes or more:
    with fewer a variance may wander to where it comes back slowly.

    A person whose body cannot be solved or whose readings have no density at the start is left out and flagged.
    """
    chains = max(1, -(-1000 // population.people)) if chains is None else chains
    x = jnp.asarray(population.start() if x is None else x, jnp.float64)
    if not population.random:
        raise ValueError("no parameter has a random effect: there is nothing to simulate; fit one person instead")
    trace, eta, counted = _run(population, x, key, (explore, average, chains, rounds), *_split(population))
    trace, eta, counted = np.asarray(trace), np.asarray(eta), np.asarray(counted)
    method, effects = f"SAEM, objective by {judge.label}", len(population.random)
    x = trace[explore + average // 4 :].mean(axis=0)
    if not counted.any():
        nothing = np.full(x.shape, np.nan)
        return PopulationFit(
            population, judge, method, x, np.nan, nothing, SearchStatus.NOBODY, 0, np.zeros((effects, population.people)), counted, width
        ), trace
    there = Cohort(population, judge, width).lowest(x, np.where(counted, eta, 0.0))
    counted = counted & there.good
    steep = scaled_gradient(population, there, counted)
    status = SearchStatus.CONVERGED if np.abs(steep).max() <= tolerance else SearchStatus.ITERATION_LIMIT
    value, gradient = float(there.terms[counted].sum()), there.slopes[counted].sum(axis=0)
    fit = PopulationFit(
        population, judge, method, x, value, gradient, status, explore + average, np.where(counted, there.eta, 0.0), counted, width
    )
    return fit, trace


def _split(population: Population) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Numbers of x that move typical values of random parameters, and all others but those of Omega."""
    thetas, effects = len(population.thetas), len(population.random)
    moves = np.asarray(jax.jacfwd(lambda x: population.log_typical(population.shared(x)))(population.start()))[..., :thetas]
    on_random = (moves[:effects] != 0.0).any(axis=(0, 1))
    on_fixed = (moves[effects:] != 0.0).any(axis=(0, 1))
    for theta, both in zip(population.thetas, on_random & on_fixed, strict=True):
        if both:
            raise ValueError(
                f"theta {theta.name!r} moves parameters with and without random effects: give it to one kind, or use FOCEI"
            )
    random = tuple(i for i in range(thetas) if on_random[i])
    spreads = range(len(population.names) - len(population.spreads), len(population.names))
    return random, (*(i for i in range(thetas) if not on_random[i]), *spreads)


@compiled_once
def _run(population: Population, x: Array, key: Array, sizes: tuple[int, ...], random: tuple, scored: tuple):
    explore, average, count, rounds = sizes
    effects, people = len(population.random), population.people
    wide = population.tiled(count)
    random, scored = np.asarray(random, int), np.asarray(scored, int)
    start = jnp.zeros((effects, people * count))
    first = readings_at(wide, population.shared(x), start)
    counted = (first < jnp.inf).reshape(people, count).all(-1)
    number = jnp.maximum(counted.sum(), 1)
    every = jnp.repeat(counted, count)

    def typical(x):
        return population.log_typical(population.shared(x))[:effects]

    def scores(x, log_phi):
        """Score and expected information of the scored numbers of x, at individual parameters held (effects, lanes)."""
        if scored.size == 0:
            return jnp.zeros(0), jnp.zeros((0, 0))

        def predictions(part):
            shared = wide.shared(x.at[scored].set(part))
            all_log = wide.log_typical(shared)
            f, _ = wide.predict(all_log.at[:effects].set(log_phi))
            return f, jnp.log(shared.noise.sd(f)), of_readings(wide, shared, f, f)

        (f, _, _), (steep, wider, each) = _along(predictions, x[scored])
        use = (wide.readings.present & ~wide.readings.below & every)[None]
        shared = wide.shared(x)
        w = weights(wide, shared, f, f, False)
        clean = [jnp.where(use, a, 0.0) for a in (steep, wider)]
        score = -0.5 * jnp.where(every, each, 0.0).sum((1, 2)) / count
        information = jnp.einsum("nl,anl,bnl->ab", jnp.where(use[0], w, 0.0), clean[0], clean[0])
        information += 2.0 * jnp.einsum("anl,bnl->ab", clean[1], clean[1])
        return score, information / count

    def maximum(x, s: _Averages, exploring):
        shared = population.shared(x)
        if random.size:
            inverse = omega_inverse(shared)

            def nearer(_, x):
                away = jnp.where(counted, s.s1 - typical(x), 0.0)
                moves = jnp.where(counted[None, :, None], jax.jacfwd(typical)(x)[..., random], 0.0)
                normal = jnp.einsum("ait,ab,biu->tu", moves, inverse, moves)
                right = jnp.einsum("ait,ab,bi->t", moves, inverse, away)
                return x.at[random].add(jnp.linalg.solve(normal, right))

            x = jax.lax.fori_loop(0, 2, nearer, x)
        mu, s1 = (jnp.where(counted, a, 0.0) for a in (typical(x), s.s1))
        omega = (s.s2 - s1 @ mu.T - mu @ s1.T + mu @ mu.T) / number
        old = shared.root @ shared.root.T
        least = jnp.where(exploring, _SHRINK * jnp.diagonal(old), 1e-10)
        omega = omega + jnp.diag(jnp.maximum(least - jnp.diagonal(omega), 0.0))
        x = population.with_omega(x, omega)
        if scored.size:
            known = s.information + _LEAST * jnp.eye(scored.size)
            x = x.at[scored].add(jnp.clip(jnp.linalg.solve(known, s.score), -_FURTHEST, _FURTHEST))
        return x

    def iteration(state, given):
        x, now, s, log_phi = state
        k, key = given
        exploring = k < explore
        gamma = jnp.where(exploring, 1.0, jnp.maximum(k - explore + 1.0, 1.0) ** _DECAY)
        shared = population.shared(x)
        mu = jnp.repeat(typical(x), count, axis=-1)
        # individual parameters stay where they are when typical values move
        now = moved(wide, shared, now._replace(eta=log_phi - mu), key, rounds, jnp.where(exploring, 0.5, 0.0))
        log_phi = mu + now.eta
        held = jnp.where(every, log_phi, 0.0)
        s1 = log_phi.reshape(effects, people, count).mean(-1)
        s2 = held @ held.T / count
        score, information = scores(x, log_phi)
        # a score is of this x only, so that its step is made shorter and not averaged; informations change little
        fresh = _Averages(s1, s2, score, information)
        s = jax.tree.map(lambda old, new: old + gamma * (new - old), s, fresh)._replace(score=gamma * score)
        x = maximum(x, s, exploring)
        return (x, now, s, log_phi), (x, s1)

    zero = _Averages(
        jnp.zeros((effects, people)), jnp.zeros((effects, effects)), jnp.zeros(scored.size), jnp.zeros((scored.size,) * 2)
    )
    chains = Chains(start, first, jnp.log(jnp.asarray([0.5] + [1.0] * effects)))
    state = (x, chains, zero, jnp.repeat(typical(x), count, axis=-1))
    steps = (jnp.arange(explore + average), jax.random.split(key, explore + average))
    (x, *_), (trace, s1) = jax.lax.scan(iteration, state, steps)
    return trace, s1[-1] - typical(x), counted


def _along(function, part: Array) -> tuple[Any, Any]:
    def of_one(direction):
        return jax.jvp(function, (part,), (direction,))

    return jax.vmap(of_one, out_axes=(None, 0))(jnp.eye(part.size, dtype=part.dtype))
