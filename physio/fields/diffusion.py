"""div(D grad u) on a domain without flux through its surface, of order 2, 4 or 6 in the spacing.

With d the difference across an inner face and K minus the second difference between open faces with zeros on closed ones (a
gradient is odd about a wall):

    uniform D     L = - d^T (1 + K/12 + K^2/90) D d / h^2
    D on faces    L = - d^T A D A d / h^2,             A = 1 + K/24 + 3 K^2/640

cut after 1, K or K^2 for order 2, 4 or 6. Both are symmetric and take from one cell what they give to its neighbour, so the
integral of u is kept to rounding, and no eigenvalue is positive. The order holds inside and at walls normal to an axis;
across a jump of D every order falls to that of a kinked solution (2 with ``Harmonic`` where the jump lies on faces). A surface
that runs along a staircase is met to order 1 in its shape.

Largest eigenvalue: at most 4 c D sum(1 / h^2), c = 1, 4/3, 68/45 (uniform) or 1, 49/36, 22201/14400 (on faces).
Source: staggered and compact central differences, e.g. B. Fornberg, Math. Comp. 51:699-706 (1988).
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import as_float
from physio.fields.bilinear import STAGGERED, bilinear, inflow, polynomial
from physio.fields.domain import Domain
from physio.fields.faces import AbstractFaceMean, Harmonic
from physio.fields.grid import FieldError, ahead, behind

ORDERS = (2, 4, 6)
# of the operator, as a polynomial in K
UNIFORM = (1.0, 1.0 / 12.0, 1.0 / 90.0)


class AbstractDiffusion(eqx.Module):
    """A linear operator on fields of ``domain``, symmetric and without positive eigenvalues."""

    domain: eqx.AbstractVar[Domain]

    @abc.abstractmethod
    def __call__(self, u: Array) -> Array:
        """div(D grad u) [unit of u per unit of time]; zero outside."""

    @abc.abstractmethod
    def largest(self) -> Array:
        """A bound of the largest eigenvalue of minus the operator [1 / unit of time]."""

    @abc.abstractmethod
    def typical(self) -> Array:
        """One diffusivity for the whole box, whose cosine solver is near this operator's inverse [mm2 / unit of time]."""


class UniformDiffusion(AbstractDiffusion):
    """The same D [mm2 / unit of time] everywhere inside."""

    domain: Domain
    diffusivity: Array = eqx.field(converter=as_float)
    order: int = eqx.field(static=True, default=2)

    def __check_init__(self):
        check_order(self.order)

    def __call__(self, u):
        return sum(self._along(u, axis) for axis in self.domain.grid.axes)

    def _along(self, u, axis):
        flux = self.domain.open(u[ahead(axis)] - u[behind(axis)], axis)
        flux = polynomial(self.domain, flux, axis, UNIFORM[: self.order // 2])
        return inflow(flux * (self.diffusivity / self.domain.grid.spacing[axis] ** 2).astype(u.dtype), axis)

    def largest(self):
        return largest(self.domain, self.diffusivity, sum(c * 4.0**k for k, c in enumerate(UNIFORM[: self.order // 2])))

    def typical(self):
        return self.diffusivity


class TissueDiffusion(AbstractDiffusion):
    """D on the inner faces of each axis [mm2 / unit of time], zero on closed ones."""

    domain: Domain
    faces: tuple[Array, ...]
    order: int = eqx.field(static=True, default=2)

    def __check_init__(self):
        check_order(self.order)

    @classmethod
    def of(cls, domain: Domain, cells: Array, mean: AbstractFaceMean = Harmonic(), order: int = 2) -> "TissueDiffusion":
        """From D in every cell; what stands in cells outside does not matter."""
        if cells.shape != domain.grid.shape:
            raise FieldError(f"diffusivity of shape {cells.shape} on a grid of {domain.grid.shape}: give one for each cell")
        return cls(domain, tuple(mean.faces(domain, cells, axis) for axis in domain.grid.axes), order)

    def __call__(self, u):
        return bilinear(self.domain, self.order, self.faces, u)

    def largest(self):
        gain = sum(c * 4.0**k for k, c in enumerate(STAGGERED[: self.order // 2])) ** 2
        return largest(self.domain, jnp.stack([jnp.abs(f).max() for f in self.faces]).max(), gain)

    def typical(self):
        return sum(f.sum() for f in self.faces) / jnp.maximum(sum((f > 0.0).sum() for f in self.faces), 1)


def check_order(order: int) -> None:
    if order not in ORDERS:
        raise FieldError(f"order of a diffusion operator is one of {ORDERS}, got {order}")


def largest(domain: Domain, diffusivity: Array, gain: float) -> Array:
    return 4.0 * gain * diffusivity * sum(h**-2 for h in domain.grid.spacing)


def concrete(x: Array) -> bool:
    """Known now, not traced."""
    return not isinstance(x, jax.core.Tracer)
