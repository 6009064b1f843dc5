"""Displacements on faces and their strains: what lies where.

    w_a       on inner faces normal to axis a                             zero on the walls of the box
    eps_aa    = dw_a / dx_a                          in cells
    gamma_ab  = dw_a / dx_b + dw_b / dx_a            on edges where faces of a and b meet, those in walls included

Every strain is a difference between neighbours, so that no pattern but rest is without strain. From a face to a wall it is half
a cell, and the difference is taken over a whole one: half of the strain, made good by twice the modulus of such an edge.
Source: the grid is that of J. Virieux, Geophysics 51:889-901 (1986).
"""

import jax
from jaxtyping import Array

from physio.fields.grid import Grid, ahead, behind, padded

Faces = tuple[Array, ...]


def pairs(grid: Grid) -> list[tuple[int, int]]:
    """The planes of shear, in the order of every tuple of edges."""
    return [(a, b) for a in grid.axes for b in grid.axes if a < b]


def strain(grid: Grid, w: Faces) -> tuple[Faces, Faces]:
    """``(eps_aa in cells, gamma_ab on edges)`` of displacements [mm]."""
    slope = [[_difference(x, b) / grid.spacing[b] for b in grid.axes] for x in w]
    shear = tuple(padded(slope[a][b], a, 1, 1) + padded(slope[b][a], b, 1, 1) for a, b in pairs(grid))
    return tuple(slope[a][a] for a in grid.axes), shear


def forces(grid: Grid, w: Faces, normal: Faces, shear: Faces) -> Faces:
    """Minus the divergence of a stress on the faces of ``w``: the transpose of ``strain``."""
    return jax.linear_transpose(lambda x: strain(grid, x), w)((normal, shear))[0]


def on_edges(cells: Array, a: int, b: int) -> Array:
    """The sum over the four cells around each edge, zeros beyond the box."""
    for axis in (a, b):
        cells = padded(cells, axis, 1, 1)
        cells = cells[ahead(axis)] + cells[behind(axis)]
    return cells


def in_cells(edges: Array, a: int, b: int) -> Array:
    """The mean of the four edges around each cell."""
    for axis in (a, b):
        edges = 0.5 * (edges[ahead(axis)] + edges[behind(axis)])
    return edges


def centred(w: Faces) -> Faces:
    """Displacements in cells, the mean of both faces."""
    walled = [padded(x, a, 1, 1) for a, x in enumerate(w)]
    return tuple(0.5 * (x[ahead(a)] + x[behind(a)]) for a, x in enumerate(walled))


def _difference(x: Array, axis: int) -> Array:
    """Between neighbours along an axis, zeros beyond both ends."""
    x = padded(x, axis, 1, 1)
    return x[ahead(axis)] - x[behind(axis)]
