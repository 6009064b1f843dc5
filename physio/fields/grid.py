"""Where a field lives: boxes of equal cells, values at cell centres.

x_i = (i + 1/2) h,   i = 0 ... n - 1,   along each of one to three axes; h the spacing [mm]
"""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array


class FieldError(ValueError):
    """A grid, a mask or a step that cannot be; the message names what is wrong and what to give instead."""


class Grid(eqx.Module):
    """``shape`` cells along each axis, ``spacing`` [mm] apart."""

    shape: tuple[int, ...] = eqx.field(static=True)
    spacing: tuple[float, ...] = eqx.field(static=True)

    def __init__(self, shape, spacing):
        self.shape = tuple(int(n) for n in shape)
        self.spacing = tuple(float(h) for h in spacing)
        if not 1 <= len(self.shape) <= 3 or len(self.shape) != len(self.spacing):
            raise FieldError(f"a grid has 1 to 3 axes with one spacing each, got shape {self.shape} and spacing {self.spacing}")
        if min(self.shape) < 2:
            raise FieldError(f"a grid needs 2 cells or more along each axis, got shape {self.shape}")
        if not all(0.0 < h < math.inf for h in self.spacing):
            raise FieldError(f"spacing must be positive and finite [mm], got {self.spacing}")

    @property
    def axes(self) -> range:
        return range(len(self.shape))

    @property
    def cell(self) -> float:
        """Size of a cell [mm^axes]."""
        return math.prod(self.spacing)

    @property
    def lengths(self) -> tuple[float, ...]:
        """Size of the box [mm]."""
        return tuple(n * h for n, h in zip(self.shape, self.spacing, strict=True))

    def centres(self, axis: int) -> Array:
        """Coordinates of the cells along one axis [mm], shaped so that they broadcast against a field."""
        along = (jnp.arange(self.shape[axis], dtype=jnp.float64) + 0.5) * self.spacing[axis]
        return along.reshape([-1 if k == axis else 1 for k in self.axes])


def ahead(axis: int) -> tuple[slice, ...]:
    """The cells behind each inner face: all but the first along ``axis``."""
    return (slice(None),) * axis + (slice(1, None),)


def behind(axis: int) -> tuple[slice, ...]:
    """The cells before each inner face: all but the last along ``axis``."""
    return (slice(None),) * axis + (slice(None, -1),)


def padded(x: Array, axis: int, before: int, after: int) -> Array:
    """Zeros at both ends of ``axis``."""
    return jnp.pad(x, [(before, after) if k == axis else (0, 0) for k in range(x.ndim)])
