"""What a scan shows of a field of cells.

    Density   N itself, as from diffusion imaging
    Outline   1 / (1 + exp(-(N - threshold) / softness)): nearly 1 where a segmentation is 1, nearly 0 where it is 0

A segmentation knows where N crosses a threshold and nothing of N elsewhere; the threshold is an assumption, and with one
scan it trades against the age of the tumour.
"""

import abc

import equinox as eqx
import jax
from jaxtyping import Array

from physio.component import as_float


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
