"""What the grid and the scans can bear: width of the front in cells, and an estimate of what the grid does wrong.

    width = sqrt(D / rho) / h           below 2 cells, fronts run at the grid's speed and intervals do not hold
    e     = r^2 / (r^2 - 1) (mean over the r^3 cells in a cell of N on a grid r times finer - N)

e is Richardson's estimate of the error of order 2 at the fitted unknowns; tissue borders and staircase walls stay where they
are, since every cell is split as it is. It goes into a second fit, with its size unknown (``ImageProblem.grid_error``).
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.fit import Fit
from calibration.tumours.image_problem import DISCREPANCY, ImageProblem
from physio.fields import Domain, Grid
from physio.tumours.infiltration import Brain

ENOUGH_CELLS = 2.0


def front_cells(fit: Fit) -> float:
    """Width of the front in white matter over the largest spacing; unknowns not fitted stand at their medians."""
    table = fit.problem.info_table()
    value = dict(zip(fit.names, np.asarray(fit.values())[:, 0], strict=True))
    white, growth = (value.get(name, table[name].prior.median) for name in ("white", "growth"))
    return float(np.sqrt(white / growth) / max(fit.problem.brain.domain.grid.spacing))


def warning(fit: Fit) -> str | None:
    """One sentence where the grid is too coarse for the fitted front, else None."""
    cells = front_cells(fit)
    if cells >= ENOUGH_CELLS:
        return None
    return (
        f"the front is {cells:.2g} cells wide, sqrt(D / rho); below {ENOUGH_CELLS:g} cells it runs at the grid's speed, and "
        "intervals of D and rho do not hold: use a finer grid"
    )


def refined(brain: Brain, times: int) -> Brain:
    """Every cell in times^axes equal ones."""
    grid, inside, white = brain.domain.grid, brain.domain.inside, brain.white
    for axis in grid.axes:
        inside, white = (jnp.repeat(x, times, axis) for x in (inside, white))
    fine = Grid([n * times for n in grid.shape], [h / times for h in grid.spacing])
    return Brain(Domain(fine, inside), white)


def cell_means(fine: Array, times: int) -> Array:
    """(..., n r, m r, l r) to (..., n, m, l): the mean of each block."""
    lead = fine.shape[:-3]
    split = fine.reshape(*lead, *(k for n in fine.shape[-3:] for k in (n // times, times)))
    first = len(lead)
    return split.mean(axis=(first + 1, first + 3, first + 5))


def finer(problem: ImageProblem, times: int, step: float) -> ImageProblem:
    """The same person on a finer grid, to predict and not to fit."""
    brain = refined(problem.brain, times)
    empty = jnp.zeros((problem.measured.shape[0], *brain.domain.grid.shape), problem.measured.dtype)
    names = tuple(name for name in problem.names if name != DISCREPANCY)
    return dataclasses.replace(problem, brain=brain, measured=empty, step=step, names=names, grid_error=None)


def grid_error(coarse: ImageProblem, fine: ImageProblem, z: Array, times: int = 2) -> Array:
    """e at z (unknowns, 1) of ``coarse``, where ``fine`` is ``finer(coarse, times, ...)``."""
    gap = cell_means(fine.predict(z)[0], times) - coarse.predict(z)[0]
    return jax.lax.stop_gradient(gap * times**2 / (times**2 - 1.0))


def with_grid_error(problem: ImageProblem, error: Array) -> ImageProblem:
    """The problem with an estimate of the grid's error, whose size is one more unknown, the last."""
    return dataclasses.replace(problem, grid_error=error, names=(*problem.names, DISCREPANCY))
