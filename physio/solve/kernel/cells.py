"""Arrays whose elements are pieces of C: how a kernel sees the values of a jaxpr.

A value of shape (k, m) is a numpy object array of the same shape. Each cell is the *name* of a C variable (``str``)
or a *number* known when the kernel is written (a numpy scalar). Moving cells about (slices, transposes,
concatenations) is numpy's work on the object array and leaves no trace in the C text.
"""

import numpy as np

Cell = str | np.generic


def cells(values, shape) -> np.ndarray:
    """An object array of ``shape`` from a flat sequence of cells."""
    out = np.empty(shape, dtype=object)
    flat = out.reshape(-1)  # a view: out is new and contiguous
    for index, value in enumerate(values):
        flat[index] = value
    return out


def names(prefix: str, shape) -> np.ndarray:
    """Cells ``prefix0``, ``prefix1``, ... in row-major order; a scalar is ``prefix`` itself."""
    size = int(np.prod(shape, dtype=int))
    return cells([prefix] if shape == () else [f"{prefix}{i}" for i in range(size)], shape)


def numbers(value) -> np.ndarray:
    """Cells of an array that is known: numpy scalars of its own dtype."""
    value = np.asarray(value)
    return cells(list(value.reshape(-1)), value.shape)


def known(array: np.ndarray) -> bool:
    """Whether every cell is a number."""
    return not any(isinstance(cell, str) for cell in array.reshape(-1))


def values(array: np.ndarray, dtype) -> np.ndarray:
    """The numbers of an array that is ``known``."""
    return np.asarray(list(array.reshape(-1)), dtype).reshape(array.shape)


def written(cell: Cell) -> str:
    """C text of a cell. ``R`` casts a literal to the precision of the model, so that none computes in another."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, (bool, np.bool_)):
        return "1" if cell else "0"
    if isinstance(cell, np.integer):
        return f"{cell}LL" if cell.dtype.itemsize == 8 else f"{cell}"
    number = float(cell)
    if np.isnan(number):
        return "NOT_A_NUMBER"
    if np.isinf(number):
        return "INFINITE" if number > 0 else "(-INFINITE)"
    text = f"{number:.17g}"
    return f"R({text if any(mark in text for mark in '.en') else text + '.0'})"


def equals(cell: Cell, number: float) -> bool:
    """Whether a cell is this number."""
    return not isinstance(cell, str) and bool(cell == number)
