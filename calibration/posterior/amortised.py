"""A posterior learnt once for everybody measured in the same way: a network reads the readings and answers at once.

    q(z | y) = sum_k w_k(y) N(z; m_k(y), C_k(y) C_k(y)'),     w, m, C from one network, C lower triangular

trained on people drawn from the prior, their predictions and fresh errors of the instruments in every step, by minimising the
mean of -log q(z | y). Readings enter on the scale of their errors, standardised; those that are missing enter as 0 with their
mask.

Nobody's answer is taken on trust. Importance weights p(z, y) / q(z | y) correct it, and their k-hat says whether they can;
where not, the person falls back to a Laplace approximation with weights, and from there to a sampler, and is marked so.

Sources: G. Papamakarios, I. Murray, NeurIPS 29 (2016); M. Schmitt et al., Amortized Bayesian Workflow, arXiv:2409.04332 (2024).
"""

import enum
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from calibration.calibrator import AbstractCalibrator, calibrate
from calibration.compiled import compiled_once
from calibration.fit import Fit
from calibration.laplace import exact_curvature, laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.posterior.draws import Draws, DrawStatus
from calibration.posterior.importance import LARGEST_K, chosen, corrected, joint, smoothed
from calibration.posterior.samplers import Chees, sample, values_of
from calibration.problem import Problem
from physio.solve import Status


_FAR, _REACH = 0.2, 2.0


class Training(eqx.Module):
    """``people`` simulated once, ``steps`` of ``batch`` people; ``missing`` is the chance that a reading is left out.

    ``components`` normal distributions, layers of ``width`` units, ``depth`` of them; the learning rate falls from ``rate`` to
    0.
    """

    people: int = 20_000
    steps: int = 6000
    batch: int = 256
    components: int = 4
    width: int = 128
    depth: int = 3
    rate: float = 2e-3
    missing: float = 0.0


class Mixture(NamedTuple):
    """log w (components,), means (components, n), rows of C (components, n, n)."""

    log_weight: Array
    mean: Array
    root: Array


class Amortised(eqx.Module):
    """A trained network with the design it was trained for, and how its loss fell (steps / 100,)."""

    network: eqx.nn.MLP
    location: Array
    scale: Array
    design: Problem
    losses: Array
    failed: int = eqx.field(static=True)
    components: int = eqx.field(static=True)
    missing: float = eqx.field(static=True)

    def mixture(self, features: Array, present: Array) -> Mixture:
        """q(z | y) of one person, from readings on the scale of their errors (numbers,) and their mask."""
        return _mixture(self.network, (features - self.location) / self.scale, present, self.components)


class Source(enum.IntEnum):
    """What a person's draws come from."""

    NETWORK = 0
    LAPLACE = 1
    SAMPLER = 2


def _mixture(network, standard: Array, present: Array, components: int) -> Mixture:
    mask = present.astype(jnp.float32)
    given = jnp.concatenate([jnp.clip(standard, -10.0, 10.0).astype(jnp.float32) * mask, mask])
    rows = network(given).reshape(components, -1)
    unknowns = int((np.sqrt(8 * rows.shape[1] + 1) - 3) / 2)
    lower = np.tril_indices(unknowns, -1)
    diagonal = jnp.exp(jnp.clip(rows[:, 1 + unknowns : 1 + 2 * unknowns], -8.0, 3.0))
    below = rows[:, 1 + 2 * unknowns :] * diagonal[:, lower[0]]
    root = jnp.zeros((components, unknowns, unknowns), rows.dtype).at[:, lower[0], lower[1]].set(below)
    root = root + diagonal[..., None] * jnp.eye(unknowns, dtype=rows.dtype)
    return Mixture(jax.nn.log_softmax(rows[:, 0]), rows[:, 1 : 1 + unknowns], root)


def log_q(mixture: Mixture, z: Array) -> Array:
    """log q(z | y) of one point (n,), up to the constant of a standard normal."""
    away = z - mixture.mean
    scaled = jax.vmap(lambda c, d: jax.scipy.linalg.solve_triangular(c, d, lower=True))(mixture.root, away)
    log_det = jnp.log(jnp.diagonal(mixture.root, axis1=1, axis2=2)).sum(-1)
    return jax.scipy.special.logsumexp(mixture.log_weight - 0.5 * (scaled**2).sum(-1) - log_det)


@compiled_once
def _simulated(design: Problem, z: Array):
    predictions, spreads, status, _ = design.predict(z)
    scaled = [o.noise.transform(f) for o, f in zip(design.observations, predictions, strict=True)]
    return jnp.concatenate(scaled), jnp.concatenate(spreads), status == Status.OK


def train(design: Problem, key: Array, how: Training = Training(), *, chunk: int = 1000) -> Amortised:
    """``design`` is a problem of one lane: body, protocol, instruments and priors; its readings do not matter."""
    if design.lanes != 1 or not design.informed:
        raise ValueError(f"a design has one lane and priors; this one has {design.lanes} lanes, informed={design.informed}")
    draw, begin, go = jax.random.split(key, 3)
    unknowns = len(design.names)
    chunk = min(chunk, how.people)
    wide = design.tiled(chunk)
    z = jax.random.normal(draw, (-(-how.people // chunk), unknowns, chunk))
    found = [_simulated(wide, one) for one in z]
    signal, spread = (jnp.concatenate([f[i] for f in found], axis=1).T for i in (0, 1))
    solved = jnp.concatenate([f[2] for f in found]) & (jnp.abs(signal) < jnp.inf).all(1)
    keep = np.flatnonzero(np.asarray(solved))
    if keep.size < 2:
        raise ValueError("no person drawn from the prior could be solved: there is nothing to learn from")
    z = jnp.moveaxis(z, 1, -1).reshape(-1, unknowns)[keep]
    signal, spread = signal[keep], spread[keep]
    scale = jnp.sqrt(signal.var(axis=0) + (spread**2).mean(axis=0))
    numbers = signal.shape[1]
    outputs = how.components * (1 + 2 * unknowns + unknowns * (unknowns - 1) // 2)
    network = eqx.nn.MLP(2 * numbers, outputs, how.width, how.depth, jax.nn.gelu, dtype=jnp.float32, key=begin)
    location = signal.mean(axis=0)
    bank = tuple(x.astype(jnp.float32) for x in (z, (signal - location) / scale, spread / scale))
    network, losses = _trained(network, how, bank, go)
    return Amortised(network, location, scale, design, losses, int(solved.size - keep.size), how.components, how.missing)


@compiled_once
def _trained(network, how: Training, bank: tuple[Array, Array, Array], key: Array):
    arrays, rest = eqx.partition(network, eqx.is_inexact_array)
    optimiser = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adam(optax.warmup_cosine_decay_schedule(0.0, how.rate, max(how.steps // 20, 1), how.steps)),
    )

    def loss(arrays, z, features, present):
        network = eqx.combine(arrays, rest)
        return -jax.vmap(lambda z, y, p: log_q(_mixture(network, y, p, how.components), z))(z, features, present).mean()

    def step(state, key):
        arrays, moments = state
        which, error, mask = jax.random.split(key, 3)
        index = jax.random.randint(which, (how.batch,), 0, bank[0].shape[0])
        z, signal, spread = (x[index] for x in bank)
        features = signal + spread * jax.random.normal(error, signal.shape, signal.dtype)
        present = jax.random.uniform(mask, signal.shape) >= how.missing
        value, slope = jax.value_and_grad(loss)(arrays, z, features, present)
        update, moments = optimiser.update(slope, moments)
        return (optax.apply_updates(arrays, update), moments), value

    (arrays, _), losses = jax.lax.scan(step, (arrays, optimiser.init(arrays)), jax.random.split(key, how.steps))
    return eqx.combine(arrays, rest), losses[: how.steps // 100 * 100].reshape(-1, min(100, how.steps)).mean(1)


@eqx.filter_jit
def _proposed(model: Amortised, features: Array, present: Array, keys: Array, count: int):
    """Draws (count, unknowns, lanes) of q with a fifth of them twice as far out, their log density, and draws of q itself.

    A network's tails are those of normal distributions; the posterior's may reach further, and weights would then be unbounded.
    """

    def person(features, present, key):
        mixture = jax.tree.map(lambda x: x.astype(jnp.float64), model.mixture(features, present))
        outer = mixture._replace(root=_REACH * mixture.root)
        component, noise, far = jax.random.split(key, 3)
        index = jax.random.categorical(component, mixture.log_weight, shape=(count,))
        step = jnp.einsum("sij,sj->si", mixture.root[index], jax.random.normal(noise, (count, mixture.mean.shape[1])))
        reach = jnp.where(jax.random.uniform(far, (count, 1)) < _FAR, _REACH, 1.0)
        z = mixture.mean[index] + reach * step

        def density(z):
            return jnp.logaddexp(jnp.log1p(-_FAR) + log_q(mixture, z), jnp.log(_FAR) + log_q(outer, z))

        return z, jax.vmap(density)(z), mixture.mean[index] + step

    z, density, raw = jax.vmap(person, in_axes=(1, 1, 0))(features, present, keys)
    return jnp.moveaxis(z, 0, -1), density.T, jnp.moveaxis(raw, 0, -1)


class Answer(NamedTuple):
    """``draws`` of every lane, ``source`` (lanes,) a ``Source``, ``k_hat`` (lanes,) of the network's own weights, and the
    network's
    ``raw`` draws (count, unknowns, lanes) before any correction.
    """

    draws: Draws
    source: np.ndarray
    k_hat: np.ndarray
    raw: Array


def amortised(
    model: Amortised,
    problem: Problem,
    keys: Array,
    *,
    draws: int = 500,
    tried: int = 2000,
    calibrator: AbstractCalibrator = LevenbergMarquardt(),
    curvature: Callable[[Fit], Array] = exact_curvature,
    sampler: Chees | None = Chees(),
) -> Answer:
    """The posterior of every lane of a problem of the design that the model was trained for; ``keys`` (lanes,).

    ``sampler=None`` stops at the Laplace approximation, which needs no extra; a lane whose weights are unreliable there too
    stays flagged.
    """
    _require_same_design(model, problem)
    split = jax.vmap(lambda k: jax.random.split(k, 3))(keys)
    features = jnp.concatenate(
        [
            o.noise.transform(jnp.where(r.present & ~r.below, r.value, 1.0))
            for o, r in zip(problem.observations, problem.readings, strict=True)
        ]
    )
    present = jnp.concatenate([r.present & ~r.below for r in problem.readings])
    censored = np.concatenate([np.asarray(r.below) for r in problem.readings]).any(0)
    unknown = censored if model.missing > 0.0 else censored | ~np.asarray(present).all(0)
    z, density, raw = _proposed(model, features, present, split[:, 0], tried)
    weights, k_hat = smoothed(np.asarray(joint(problem, z) - density))
    k_hat = np.where(unknown, np.inf, k_hat)
    picked = np.array(chosen(z, weights, split[:, 1], draws))
    status = np.where(k_hat <= LARGEST_K, DrawStatus.OK, DrawStatus.WEIGHTS_UNRELIABLE).astype(np.int32)
    source, final_k = np.full(status.shape, int(Source.NETWORK)), k_hat.copy()
    left = np.flatnonzero(status != DrawStatus.OK)
    if left.size:
        # what is written twice is the same person's
        left = _padded(left)
        part, own = problem.picked(left), split[left, 2]
        fit = laplace(calibrate(part, calibrator), curvature)
        second = corrected(fit, own, draws=draws, tried=tried)
        picked[..., left] = np.asarray(second.z)[0]
        source[left], status[left] = Source.LAPLACE, np.asarray(second.status)
        final_k[left] = np.asarray(second.k_hat)
        still = np.flatnonzero(np.asarray(second.status) == DrawStatus.WEIGHTS_UNRELIABLE)
        if sampler is not None and still.size:
            still = _padded(still)
            third = sample(_picked(fit, still), own[still], sampler)
            flat = np.asarray(third.z).reshape(-1, len(problem.names), still.size)
            picked[..., left[still]] = flat[np.linspace(0, len(flat) - 1, draws).astype(int)]
            source[left[still]], status[left[still]] = Source.SAMPLER, np.asarray(third.status)
    whole = jnp.asarray(picked)[None]
    method = "amortised, importance weights"
    found = Draws(whole, values_of(problem, whole), problem.names, jnp.asarray(status), method, k_hat=jnp.asarray(final_k))
    return Answer(found, source, k_hat, raw[:draws])


def _padded(lanes: np.ndarray) -> np.ndarray:
    """The last repeated up to a power of two, so that few numbers of lanes are compiled for."""
    return np.pad(lanes, (0, (1 << (lanes.size - 1).bit_length()) - lanes.size), mode="edge")


def _picked(fit: Fit, lanes: np.ndarray) -> Fit:
    """The fit of some of the lanes of a ``Problem``."""
    index = jnp.asarray(lanes)
    return Fit(
        fit.problem.picked(index),
        fit.z[..., index],
        fit.cost[index],
        fit.status[index],
        fit.iterations[index],
        None,
        fit.covariance[..., index],
        fit.method,
    )


def _require_same_design(model: Amortised, problem: Problem) -> None:
    """Lanes with another body, other times or doses would get an answer to another question."""
    if problem.names != model.design.names:
        raise ValueError(f"the network was trained for {', '.join(model.design.names)}, not {', '.join(problem.names)}")
    # what is estimated differs between people by nature; all else is the design's
    for label in ("protocol", "body"):
        ours, theirs = (jax.tree.leaves(eqx.filter(getattr(p, label), eqx.is_array)) for p in (problem, model.design))
        for a, b in zip(ours, theirs, strict=True):
            a, b = np.asarray(a), np.asarray(b)
            same = a.shape[:-1] == b.shape[:-1] and ((a == b) | (np.isnan(a) & np.isnan(b)) if a.dtype.kind == "f" else a == b)
            if not np.all(same):
                lane = int(np.argwhere(~np.asarray(same))[0, -1]) if np.ndim(same) else 0
                raise ValueError(f"lane {lane} has another {label} than the design the network was trained for")
