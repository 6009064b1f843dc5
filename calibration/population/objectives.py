"""Approximations of minus twice the log marginal likelihood, summed over people, in NONMEM's scale (no N log 2 pi).

    FO       linear in eta about 0, spread at the typical prediction:  e' V^-1 e + log det V,  V = G Omega G' + diag v
    FOCE     Phi(eta*) + log det Omega + log det H, spread of errors at the typical prediction
    FOCEI    the same with the spread at the individual prediction ("interaction")
    Laplace  the same with half the exact Hessian of Phi in the place of H

eta* minimises Phi, and H = sum_j (a a'/v + c c'/2) + Omega^-1 is its expected half Hessian, a = dh(f)/deta, c = dlog v/deta.
Some programs call "Laplace" what keeps the expected Hessian; here it is the exact one.

    eta(x) = eta* - (half Hessian)^-1 (half gradient)(eta*, x)

is eta* to second order in value and exact in its derivative, so that derivatives with respect to x are those of the implicit
function theorem.

Sources: Y. Wang, J. Pharmacokinet. Pharmacodyn. 34:575-593 (2007); M. Davidian, D. M. Giltinan (1995), chapter 6.
"""

import abc
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.lane_cholesky import cholesky, log_det
from calibration.population.density import (
    log_det_omega,
    of_effects,
    of_readings,
    of_scale,
    omega_inverse,
    slopes,
    weights,
)
from calibration.population.local import Local, local
from calibration.population.model import Population, Shared
from calibration.population.modes import modes
from physio.solve import Status
from physio.solve.lane_solve import lane_solver
from physio.solve.lanes import lane_jacobian


class Expansion(NamedTuple):
    """Predictions near the modes, and near eta = 0 where the objective needs them; ``phi`` (people,) tells which of several
    modes is the lowest; ``good`` (people,) can be counted.
    """

    eta: Array
    phi: Array
    near: Local
    typical: Local | None
    good: Array


class AbstractObjective(eqx.Module):
    """One approximation of the marginal likelihood."""

    label: eqx.AbstractClassVar[str]

    @abc.abstractmethod
    def expand(self, population: Population, x: Array, eta: Array) -> Expansion:
        """All that needs solving at x, from a guess of the modes."""

    @abc.abstractmethod
    def terms(self, population: Population, x: Array, known: Expansion) -> tuple[Array, Array]:
        """``(terms (people,), modes (effects, people))`` at x near where ``known`` was found: no solves, differentiable."""


class FO(AbstractObjective):
    label: ClassVar[str] = "FO"

    def expand(self, population, x, eta):
        near, zeros = _at_typical(population, x, 2), jnp.zeros_like(eta)
        return Expansion(zeros, zeros[0], near, None, near.status == Status.OK)

    def terms(self, population, x, known):
        shared = population.shared(x)
        read = population.readings
        seen = read.present & ~read.below
        f, slope = _with_slopes(population, shared, known.near, jnp.zeros_like(known.eta))
        noise = shared.noise
        steep = slopes(noise.transform, f) * slope
        error = jnp.where(seen, noise.transform(jnp.where(seen, read.value, 1.0)) - noise.transform(f), 0.0)
        # readings that are absent count as independent ones of variance 1 without error
        steep = jnp.where(seen, steep, 0.0)
        variance = jnp.where(seen, noise.sd(f) ** 2, 1.0)
        half = jnp.einsum("anl,ab->bnl", steep, shared.root)
        whole = jnp.einsum("bnl,bml->lnm", half, half) + variance.T[:, :, None] * jnp.eye(f.shape[0])
        factor = jnp.linalg.cholesky(whole)
        scaled = jax.scipy.linalg.solve_triangular(factor, error.T[..., None], lower=True)[..., 0]
        spread = 2.0 * jnp.log(jnp.diagonal(factor, axis1=1, axis2=2)).sum(-1)
        return (scaled**2).sum(-1) + spread + of_scale(population), known.eta


class AbstractConditional(AbstractObjective):
    """Those that expand about the modes, with a determinant of half a Hessian of Phi."""

    interaction: eqx.AbstractClassVar[bool]
    order: eqx.AbstractClassVar[int]

    def expand(self, population, x, eta):
        shared = population.shared(x)
        typical = None if self.interaction else _at_typical(population, x, 1)
        found = modes(population, shared, eta, None if typical is None else typical.value)
        near = found.near if self.order == 2 else local(population.predict, found.near.at, self.order)
        good = found.arrived & (near.status == Status.OK)
        return Expansion(found.eta, found.phi, near, typical, good)

    @abc.abstractmethod
    def half_hessian(self, population: Population, shared: Shared, known: Expansion, eta: Array) -> Array:
        """(effects, effects, people) whose determinant is counted."""

    def terms(self, population, x, known):
        shared = population.shared(x)
        eta = self.moved(population, shared, known)
        counted = log_det(cholesky(self.half_hessian(population, shared, known, eta)))
        value = self.joint(population, shared, known, eta) + log_det_omega(shared) + counted + of_scale(population)
        return value, eta

    def joint(self, population: Population, shared: Shared, known: Expansion, eta: Array) -> Array:
        """Phi (people,) without its constant."""
        f = known.near(_point(population, shared, eta))
        spread = f if self.interaction else self._still(population, shared, known)
        return of_readings(population, shared, f, spread).sum(0) + of_effects(shared, eta)

    def exact_half_hessian(self, population: Population, shared: Shared, known: Expansion, eta: Array) -> Array:
        def gradient(eta):
            return lane_jacobian(lambda e: self.joint(population, shared, known, e), eta)[1]

        return 0.5 * lane_jacobian(gradient, eta)[1]

    def _still(self, population: Population, shared: Shared, known: Expansion) -> Array:
        return known.typical(population.log_typical(shared))

    def moved(self, population: Population, shared: Shared, known: Expansion) -> Array:
        """eta as it follows x."""
        held = jax.lax.stop_gradient(shared)
        matrix = jax.lax.stop_gradient(self.exact_half_hessian(population, held, known, known.eta))
        gradient = lane_jacobian(lambda e: self.joint(population, shared, known, e), known.eta)[1]
        return known.eta - lane_solver(matrix)(0.5 * gradient)


class FOCE(AbstractConditional):
    label: ClassVar[str] = "FOCE"
    interaction: ClassVar[bool] = False
    order: ClassVar[int] = 2

    def half_hessian(self, population, shared, known, eta):
        return _expected(population, shared, known, eta, self._still(population, shared, known))


class FOCEI(AbstractConditional):
    label: ClassVar[str] = "FOCEI"
    interaction: ClassVar[bool] = True
    order: ClassVar[int] = 2

    def half_hessian(self, population, shared, known, eta):
        return _expected(population, shared, known, eta, None)


class Laplace(AbstractConditional):
    label: ClassVar[str] = "Laplace, exact Hessian"
    interaction: ClassVar[bool] = True
    order: ClassVar[int] = 3

    def half_hessian(self, population, shared, known, eta):
        return self.exact_half_hessian(population, shared, known, eta)


def _expected(population: Population, shared: Shared, known: Expansion, eta: Array, spread_at: Array | None) -> Array:
    f, slope = _with_slopes(population, shared, known.near, eta)
    w = weights(population, shared, f, f if spread_at is None else spread_at, spread_at is None)
    return jnp.einsum("nl,anl,bnl->abl", w, slope, slope) + omega_inverse(shared)[..., None]


def _point(population: Population, shared: Shared, eta: Array) -> Array:
    return population.log_typical(shared).at[: len(population.random)].add(eta)


def _with_slopes(population: Population, shared: Shared, near: Local, eta: Array) -> tuple[Array, Array]:
    """Predictions (numbers, people) and their derivatives along eta (effects, numbers, people)."""
    return lane_jacobian(lambda e: near(_point(population, shared, e)), eta)


def _at_typical(population: Population, x: Array, order: int) -> Local:
    return local(population.predict, population.log_typical(population.shared(x)), order)
