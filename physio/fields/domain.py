"""Which cells of a grid belong to the tissue. Nothing flows through its surface.

A face between two cells is open when both are inside. The surface is a staircase of closed faces: a wall that is not normal
to an axis is met to first order of the spacing in its shape, whatever the order of the operator.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.fields.grid import FieldError, Grid, ahead, behind


class Domain(eqx.Module):
    """A grid and its cells inside, or None where the whole box is."""

    grid: Grid
    inside: Array | None

    def __init__(self, grid: Grid, inside: Array | None = None):
        self.grid = grid
        self.inside = None if inside is None else jnp.asarray(inside, bool)
        if inside is None:
            return
        if self.inside.shape != grid.shape:
            raise FieldError(f"mask of shape {self.inside.shape} on a grid of shape {grid.shape}: give one value for each cell")
        if not isinstance(self.inside, jax.core.Tracer) and not np.asarray(self.inside).any():
            raise FieldError("mask is empty: no cell is inside")

    def kept(self, u: Array) -> Array:
        """The field with zeros outside."""
        return u if self.inside is None else jnp.where(self.inside, u, jnp.zeros((), u.dtype))

    def total(self, u: Array) -> Array:
        """The integral of a field over the tissue [unit of u times mm^axes]."""
        return self.kept(u).sum() * self.grid.cell

    def open(self, faces: Array, axis: int) -> Array:
        """Values on the inner faces along ``axis`` with zeros on the closed ones."""
        if self.inside is None:
            return faces
        both = self.inside[ahead(axis)] & self.inside[behind(axis)]
        return jnp.where(both, faces, jnp.zeros((), faces.dtype))
