"""Static linear elasticity of a body that grows and is held at its surface.

    div sigma + f = 0,      eps = (grad w + grad w^T) / 2,      w = 0 on the surface
    sigma = lambda tr(eps - g I) I + 2 mu (eps - g I) = lambda tr(eps) I + 2 mu eps - (3 lambda + 2 mu) g I

    w       displacement [mm]           g    growth strain, of length: 3 g of volume [1]
    sigma   stress [kPa]                f    force on a volume [kPa/mm]
    lambda = E nu / ((1 + nu)(1 - 2 nu)),      mu = E / (2 (1 + nu)),      E Young's modulus [kPa], nu Poisson's ratio [1]

The surface is that of the domain's mask, or of the box without one: the skull, not the border of the cells. On grids of one or
two axes nothing moves along the others (uniaxial and plane strain), and growth presses on them too. Moduli are those of a cell;
on an edge mu is the harmonic mean of its cells, which is right for layers across an axis.

Order 2 in w inside and at walls normal to an axis; shear in such a wall is of order 1, and a staircase is met to order 1 in its
shape. Strains are small: where w stretches tissue by more than a tenth or so, the result is a sketch.
Sources: L. D. Landau, E. M. Lifshitz, Theory of Elasticity, ch. 1; growth as a strain without stress, J. D. Eshelby, Proc. R.
Soc. A 241:376-396 (1957).
"""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.fields.diffusion import concrete
from physio.fields.domain import Domain
from physio.fields.grid import FieldError
from physio.fields.staggered import Faces, forces, in_cells, on_edges, pairs, strain

_PLANES = ((0, 1), (0, 2), (1, 2))


class Stress(eqx.Module):
    """``normal`` in cells, along the axes of the grid and then those it lacks; ``shear`` on edges [kPa].

    Cells outside have no stress, but share edges with those at the surface.
    """

    normal: tuple[Array, Array, Array]
    shear: Faces

    def pressure(self) -> Array:
        """Minus a third of the trace, in cells [kPa]."""
        return -sum(self.normal) / 3.0

    def von_mises(self) -> Array:
        """sqrt(3/2 s:s), s the deviator, in cells [kPa]; shear with its mean square on a cell's edges. Its slope at 0 is 0."""
        a, b, c = self.normal
        square = 0.5 * ((a - b) ** 2 + (b - c) ** 2 + (c - a) ** 2)
        square = square + sum(3.0 * in_cells(x**2, *plane) for x, plane in zip(self.shear, _PLANES, strict=False))
        # nan is some: what did not converge stays not finite
        some = square != 0.0
        return jnp.where(some, jnp.sqrt(jnp.where(some, square, 1.0)), 0.0)


class ElasticBody(eqx.Module):
    """Moduli [kPa]: ``lame`` and ``shear`` in cells, ``edges`` the shear modulus on edges."""

    domain: Domain
    lame: Array
    shear: Array
    edges: Faces

    @classmethod
    def of(cls, domain: Domain, young: Array, poisson: Array) -> "ElasticBody":
        """From Young's modulus [kPa] and Poisson's ratio in each cell; what stands in cells outside does not matter."""
        young = _checked(domain, young, "Young's modulus", "positive and finite [kPa]", lambda x: (x > 0.0) & (x < np.inf))
        poisson = _checked(domain, poisson, "Poisson's ratio", "above -1 and below 0.5", lambda x: (x > -1.0) & (x < 0.5))
        shear = 0.5 * young / (1.0 + poisson)
        lame = 2.0 * shear * poisson / (1.0 - 2.0 * poisson)
        if domain.inside is not None:
            shear = jnp.where(domain.inside, shear, jnp.ones((), shear.dtype))
        return cls(domain, lame, shear, tuple(_edge_modulus(domain, shear, a, b) for a, b in pairs(domain.grid)))

    def stress(self, w: Faces, growth: Array) -> Stress:
        """At displacements on inner faces and growth strain in cells."""
        along, across = strain(self.domain.grid, w)
        same = self.lame * sum(along) - self.domain.kept((3.0 * self.lame + 2.0 * self.shear) * growth)
        normal = [same + 2.0 * self.shear * x for x in along] + [same] * (3 - len(along))
        return Stress(tuple(normal), tuple(mu * x for mu, x in zip(self.edges, across, strict=True)))

    def pull(self, w: Faces, growth: Array) -> Faces:
        """Minus the divergence of the stress, on inner faces [kPa/mm]."""
        stress = self.stress(w, growth)
        return forces(self.domain.grid, w, stress.normal[: len(w)], stress.shear)

    def sound(self) -> Array:
        """Whether every strain costs energy: mu > 0 and 3 lambda + 2 mu > 0 in all cells."""
        return ((self.shear > 0.0) & (3.0 * self.lame + 2.0 * self.shear > 0.0)).all()


def _checked(domain: Domain, x: Array, name: str, wanted: str, good: Callable[[Array], Array]) -> Array:
    """One value for each cell, 0 outside."""
    if x.shape != domain.grid.shape:
        raise FieldError(f"{name} of shape {x.shape} on a grid of {domain.grid.shape}: give one value for each cell")
    inside = np.ones(x.shape, bool) if domain.inside is None else domain.inside
    if concrete(x) and concrete(inside):
        bad = ~good(np.asarray(x)) & np.asarray(inside)
        if bad.any():
            raise FieldError(f"{name} is {np.asarray(x)[bad][0]:g} in {bad.sum()} cells inside: expected {wanted}")
    return domain.kept(jnp.asarray(x))


def _edge_modulus(domain: Domain, shear: Array, a: int, b: int) -> Array:
    """Harmonic mean of the cells inside; twice that on the surface, see ``physio.fields.staggered``."""
    count = on_edges(domain.kept(jnp.ones_like(shear)), a, b)
    soft = on_edges(domain.kept(1.0 / shear), a, b)
    mean = count / jnp.where(count > 0.0, soft, jnp.ones((), soft.dtype))
    return jnp.where(count < 4.0, 2.0 * mean, mean)
