"""L(D) u for D on faces: linear in D and in u.

L(D) u = - d^T A D A d u / h^2          A a polynomial in K, see ``physio.fields.diffusion``
"""

import jax.numpy as jnp
from jaxtyping import Array

from physio.fields.domain import Domain
from physio.fields.grid import ahead, behind, padded

# of each gradient, as a polynomial in K
STAGGERED = (1.0, 1.0 / 24.0, 3.0 / 640.0)


def bilinear(domain: Domain, order: int, faces: tuple[Array, ...], u: Array) -> Array:
    """div(D grad u) with D on inner faces, zero on closed ones."""
    total = 0.0
    for axis in domain.grid.axes:
        flux = faces[axis] * _slope(domain, order, u, axis)
        if order > 2:
            flux = polynomial(domain, flux, axis, STAGGERED[: order // 2])
        total = total + inflow(flux * jnp.asarray(domain.grid.spacing[axis] ** -2, u.dtype), axis)
    return total


def _slope(domain: Domain, order: int, u: Array, axis: int) -> Array:
    """A d u on inner faces; what stands on closed faces is anything at order 2, since D is zero there."""
    slope = u[ahead(axis)] - u[behind(axis)]
    if order == 2:
        return slope
    return polynomial(domain, domain.open(slope, axis), axis, STAGGERED[: order // 2])


def inflow(flux: Array, axis: int) -> Array:
    """What enters each cell through the faces at both its ends, from ``flux`` against the axis on inner faces."""
    return padded(flux, axis, 0, 1) - padded(flux, axis, 1, 0)


def polynomial(domain: Domain, on_faces: Array, axis: int, coefficients: tuple[float, ...]) -> Array:
    """(c0 + c1 K + c2 K^2) of values on open faces, K minus their second difference with zeros on closed ones."""
    total, power = on_faces, on_faces
    for c in coefficients[1:]:
        low, high = padded(power[behind(axis)], axis, 1, 0), padded(power[ahead(axis)], axis, 0, 1)
        power = domain.open(2.0 * power - low - high, axis)
        total = total + c * power
    return total
