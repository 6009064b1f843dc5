"""What a diffusivity is on the faces between cells.

    arithmetic    (a + b) / 2
    harmonic      2 a b / (a + b)             the flux through two layers in series: right where D jumps at the face
    interpolated  mu (1 - d^2/8 + 3 d^4/128)  of order 4 or 6 where D is smooth; mu the mean, d the central difference

Beyond a wall D is mirrored. Closed faces are zero.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.fields.domain import Domain
from physio.fields.grid import FieldError, ahead, behind


class AbstractFaceMean(eqx.Module):
    """From a diffusivity in each cell to one on each inner face."""

    @abc.abstractmethod
    def faces(self, domain: Domain, cells: Array, axis: int) -> Array:
        """(..., n - 1, ...) along ``axis``; zero on closed faces."""


class Arithmetic(AbstractFaceMean):
    """The mean of both cells: order 2 for smooth D."""

    def faces(self, domain, cells, axis):
        return domain.open(0.5 * (cells[ahead(axis)] + cells[behind(axis)]), axis)


class Harmonic(AbstractFaceMean):
    """Two half cells in series; zero where either cell is."""

    def faces(self, domain, cells, axis):
        a, b = cells[ahead(axis)], cells[behind(axis)]
        both = a + b
        return domain.open(2.0 * a * b / jnp.where(both > 0.0, both, jnp.ones((), both.dtype)), axis)


class Interpolated(AbstractFaceMean):
    """Order 4 or 6 for smooth D. Where D jumps it overshoots and may turn negative: take ``Harmonic`` there."""

    order: int = eqx.field(static=True, default=4)

    def __check_init__(self):
        if self.order not in (4, 6):
            raise FieldError(f"Interpolated: order is 4 or 6, got {self.order}")

    def faces(self, domain, cells, axis):
        mean = _mirrored_mean(domain, cells, axis)
        bend = _curvature(domain, mean, axis)
        value = mean - bend / 8.0
        if self.order == 6:
            value = value + 3.0 / 128.0 * _curvature(domain, bend, axis)
        return domain.open(value[_inner(axis)], axis)


def _inner(axis: int) -> tuple[slice, ...]:
    return (slice(None),) * axis + (slice(1, -1),)


def _mirrored_mean(domain: Domain, cells: Array, axis: int) -> Array:
    """On all n + 1 faces; on a wall, whose other side is the mirror image, the value of the cell."""
    edges = [(1, 1) if k == axis else (0, 0) for k in range(cells.ndim)]
    value = jnp.pad(cells, edges, mode="edge")
    below, above = value[behind(axis)], value[ahead(axis)]
    if domain.inside is None:
        return 0.5 * (below + above)
    inside = jnp.pad(domain.inside, edges)
    low, high = inside[behind(axis)], inside[ahead(axis)]
    return jnp.where(low & high, 0.5 * (below + above), jnp.where(low, below, above))


def _curvature(domain: Domain, on_faces: Array, axis: int) -> Array:
    """Second difference between the n + 1 faces; beyond a wall the neighbour is the one on this side."""
    step = on_faces[ahead(axis)] - on_faces[behind(axis)]
    if domain.inside is not None:
        step = jnp.where(domain.inside, step, jnp.zeros((), step.dtype))
    edges = [(1, 1) if k == axis else (0, 0) for k in range(step.ndim)]
    forward, backward = jnp.pad(step, edges)[ahead(axis)], jnp.pad(step, edges)[behind(axis)]
    if domain.inside is None:
        place = jnp.arange(on_faces.shape[axis]).reshape([-1 if k == axis else 1 for k in range(on_faces.ndim)])
        wall = (place == 0) | (place == on_faces.shape[axis] - 1)
    else:
        inside = jnp.pad(domain.inside, edges)
        wall = inside[behind(axis)] != inside[ahead(axis)]
    plain = forward - backward
    return jnp.where(wall, 2.0 * plain, plain)
