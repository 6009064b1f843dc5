"""What a scan shows of a field of cells.

    Density   N itself, as from diffusion imaging
    Outline   1 / (1 + exp(-(N - threshold) / softness)): nearly 1 where a segmentation is 1, nearly 0 where it is 0
    Contour   the same with softness = width |grad N|: an edge as wide in mm on steep fronts as on flat ones

A segmentation knows where N crosses a threshold and nothing of N elsewhere; the threshold is an assumption, and with one
scan it trades against the age of the tumour.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import as_float
from physio.fields import Domain
from physio.fields.grid import ahead, behind, padded

# share of cells a mm: where cells are even, an edge is no sharper than this
_FLATTEST = 5e-3


class AbstractSight(eqx.Module):
    """From cells to what is measured."""

    @abc.abstractmethod
    def shown(self, cells: Array) -> Array:
        """On the same grid."""


class Density(AbstractSight):
    """The share of cells in each voxel."""

    def shown(self, cells):
        return cells


class Outline(AbstractSight):
    """Inside or outside of a visible edge; ``threshold`` and ``softness`` are shares of cells, assumed."""

    threshold: Array = eqx.field(converter=as_float, default=0.2)
    softness: Array = eqx.field(converter=as_float, default=0.03)

    def shown(self, cells):
        return jax.nn.sigmoid((cells - self.threshold.astype(cells.dtype)) / self.softness.astype(cells.dtype))


class Contour(AbstractSight):
    """An edge of ``width`` [mm] at ``threshold``, assumed; slopes are those between cells of ``domain``; (scans, ...)."""

    domain: Domain
    width: Array = eqx.field(converter=as_float)
    threshold: Array = eqx.field(converter=as_float, default=0.2)

    def shown(self, cells):
        slope = jnp.sqrt(_FLATTEST**2 + jax.vmap(self._steep)(cells))
        return jax.nn.sigmoid((cells - self.threshold) / (self.width * slope))

    def _steep(self, cells: Array) -> Array:
        """|grad N|^2: along each axis the mean of the squares on both faces, 0 on closed ones."""
        grid, total = self.domain.grid, jnp.zeros_like(cells)
        for axis in grid.axes:
            slope = (cells[ahead(axis)] - cells[behind(axis)]) / grid.spacing[axis]
            square = self.domain.open(slope**2, axis)
            total = total + 0.5 * (padded(square, axis, 1, 0) + padded(square, axis, 0, 1))
        return total
