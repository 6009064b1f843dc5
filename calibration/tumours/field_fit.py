"""Whole fields of diffusivity and growth from two or more scans, and how sure they are.

    cost = |r(w)|^2 / 2 + |w|^2 / 2,        w = (w_D, w_rho), standard normal in every cell
    (J'J + 1) step = - (J'r + w)            conjugate gradients: J v in forward mode, J'v in reverse mode
    J'J ~ V diag(lambda) V'                 the largest ``rank`` eigenvalues, by random probes in two passes
    covariance of w = 1 - V diag(lambda / (1 + lambda)) V'

Data tell a few tens of directions of w however many cells there are; the others keep their prior. The rest of the eigenvalues
is left out, which makes the answer less sure, never more; the smallest kept one is below 1 where ``rank`` was enough.
Sources: T. Bui-Thanh et al., SIAM J. Sci. Comput. 35:A2494-A2523 (2013), the low-rank Laplace approximation; N. Halko,
P. G. Martinsson, J. A. Tropp, SIAM Rev. 53:217-288 (2011), the random probes.
"""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.tumours.image_problem import ImageProblem
from calibration.tumours.smooth_field import SmoothField
from calibration.tumours.start import AGE
from physio.fields import Checkpointed, Forward, TissueDiffusion, solve_field
from physio.fields.adjoint import AbstractFieldAdjoint


class FieldProblem(eqx.Module):
    """Two fields around the scalars of ``image``, which stand at ``z`` (unknowns, 1)."""

    image: ImageProblem
    z: Array
    diffusivity: SmoothField = SmoothField()
    growth: SmoothField = SmoothField(sd=0.3)
    rows: int = eqx.field(static=True, default=16)

    def __check_init__(self):
        if AGE in self.image.names:
            raise ValueError(f"'{AGE}' is an unknown of the image; fields are fitted from a start whose age is known")

    def zero(self) -> Array:
        """The scalars everywhere: w (2, ...)."""
        return jnp.zeros((2, *self.image.brain.domain.grid.shape))

    def residuals(self, w: Array, adjoint: AbstractFieldAdjoint) -> Array:
        """Those of the scans, flat; none of the prior."""
        image, grid = self.image, self.image.brain.domain.grid
        value = dict(zip(image.names, image.values(self.z[:, 0]), strict=True))
        model = image.model(value, image.brain)
        # what spreads along an axis is scaled on faces by the mean of the factor in both cells
        factor = self.diffusivity.factor(grid, w[0])
        faces = TissueDiffusion.of(image.brain.domain, factor).faces
        operator = dataclasses.replace(
            model.operator, faces=tuple(a * b for a, b in zip(model.operator.faces, faces, strict=True))
        )
        model = dataclasses.replace(model, operator=operator, growth=model.growth * self.growth.factor(grid, w[1]))
        cells = image.brain.domain.kept(image.start.cells(grid, value))
        path = solve_field(
            model, model.start(cells), image.course.schedule(), at=image.course.at, step=image.step, method=image.method,
            adjoint=adjoint,
        )  # fmt: skip
        errors = (image.sight.shown(path.seen.cells[1:]) - image.measured) / image.sd
        return jnp.where(image.brain.domain.inside, errors, 0.0).reshape(-1)

    def cost(self, w: Array) -> Array:
        return 0.5 * (self.residuals(w, Forward()) ** 2).sum() + 0.5 * (w**2).sum()

    def curvature(self, w: Array, v: Array) -> Array:
        """J'J v at w."""
        pushed = jax.jvp(lambda w: self.residuals(w, Forward()), (w,), (v,))[1]
        return jax.vjp(lambda w: self.residuals(w, Checkpointed(self.rows)), w)[1](pushed)[0]

    def slope(self, w: Array) -> Array:
        """J'r at w."""
        residuals, pull = jax.vjp(lambda w: self.residuals(w, Checkpointed(self.rows)), w)
        return pull(residuals)[0]


class FieldFit(NamedTuple):
    """``w`` and ``costs`` after each step; eigenvalues (rank,) and directions (rank, 2, ...) of J'J."""

    problem: FieldProblem
    w: Array
    costs: tuple[float, ...]
    eigenvalues: Array
    directions: Array

    def log_sd(self, which: int) -> Array:
        """Posterior SD in every cell of log D (0) or log rho (1)."""
        grid = self.problem.image.brain.domain.grid
        field = (self.problem.diffusivity, self.problem.growth)[which]
        smooth = jax.vmap(lambda v: field.smoothed(grid, v))(self.directions[:, which])
        told = jnp.einsum("k,k...->...", self.eigenvalues / (1.0 + self.eigenvalues), smooth**2)
        return jnp.sqrt(jnp.maximum(field.variance(grid) - told, 0.0))


_COST = eqx.filter_jit(lambda problem, w: problem.cost(w))
_CURVED = eqx.filter_jit(lambda problem, w, v: problem.curvature(w, v))
_SLOPE = eqx.filter_jit(lambda problem, w: problem.slope(w))
_LENGTHS = (1.0, 0.5, 0.25, 0.125)


def fit_fields(problem: FieldProblem, key: Array, *, steps: int = 4, inner: int = 12, rank: int = 20) -> FieldFit:
    """Gauss-Newton steps of ``inner`` conjugate gradients, halved until the cost falls, then the low-rank curvature."""
    w = problem.zero()
    costs = [float(_COST(problem, w))]
    for _ in range(steps):
        move = _descent(problem, w, -(_SLOPE(problem, w) + w), inner)
        trials = [(float(_COST(problem, w + length * move)), length) for length in _LENGTHS]
        best, length = min(trials)
        # a comparison with nan is false: such a step is not taken
        if not best < costs[-1]:
            break
        w = w + length * move
        costs.append(best)
    values, directions = _eigen(problem, w, key, rank)
    return FieldFit(problem, w, tuple(costs), values, directions)


def _descent(problem: FieldProblem, w: Array, right: Array, inner: int) -> Array:
    """Conjugate gradients for (J'J + 1) x = right from zero."""
    x, r, p = jnp.zeros_like(right), right, right
    square = (r * r).sum()
    for _ in range(inner):
        image = _CURVED(problem, w, p) + p
        length = square / (p * image).sum()
        x, r = x + length * p, r - length * image
        square, before = (r * r).sum(), square
        p = r + square / before * p
    return x


def _eigen(problem: FieldProblem, w: Array, key: Array, rank: int) -> tuple[Array, Array]:
    """The largest eigenvalues of J'J and their directions."""
    probes = jax.random.normal(key, (min(rank + 5, w.size), w.size), w.dtype)

    def applied(rows: Array) -> Array:
        return jnp.stack([_CURVED(problem, w, row.reshape(w.shape)).reshape(-1) for row in rows])

    basis = jnp.linalg.qr(applied(probes).T)[0].T
    small = basis @ applied(basis).T
    values, vectors = jnp.linalg.eigh(0.5 * (small + small.T))
    kept = jnp.argsort(-values)[:rank]
    return jnp.maximum(values[kept], 0.0), (vectors[:, kept].T @ basis).reshape(-1, *w.shape)
