"""The contract of a calibrator: init, step, finish; and the one loop that runs it."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.fit import Fit
from calibration.problem import AbstractProblem


class AbstractCalibrator(eqx.Module):
    """Moves every lane towards its best point; a lane that has finished stays where it is."""

    @abc.abstractmethod
    def init(self, problem: AbstractProblem, z: Array) -> Any:
        """State at the starting points z (unknowns, lanes)."""

    @abc.abstractmethod
    def step(self, problem: AbstractProblem, state: Any) -> Any:
        """One iteration of every lane that is not done."""

    @abc.abstractmethod
    def done(self, state: Any) -> Array:
        """Lanes that need no further iteration."""

    @abc.abstractmethod
    def finish(self, problem: AbstractProblem, state: Any) -> Fit:
        """The fit."""

    @abc.abstractmethod
    def limit(self) -> int:
        """Most iterations."""


@compiled_once
def started(calibrator, problem, z):
    """``calibrator.init``, compiled once for all problems of a shape."""
    return calibrator.init(problem, z)


@compiled_once
def stepped(calibrator, problem, state):
    """``calibrator.step``, compiled once for all problems of a shape."""
    return calibrator.step(problem, state)


def calibrate(
    problem: AbstractProblem,
    calibrator: AbstractCalibrator,
    z: Array | None = None,
    *,
    progress: Callable[[str, float | None], None] | None = None,
) -> Fit:
    """Run a calibrator from z (unknowns, lanes), by default the median of every prior.

    Each iteration is one compiled call for all lanes, shared by all problems of the same shape. ``progress`` is told
    the number of lanes done.
    """
    z = jnp.zeros((len(problem.names), problem.lanes)) if z is None else z
    state = started(calibrator, problem, z)
    for iteration in range(calibrator.limit()):
        finished = int(jax.device_get(calibrator.done(state)).sum())
        if progress is not None:
            progress(f"iteration {iteration}: {finished} of {problem.lanes} fits done", finished / problem.lanes)
        if finished == problem.lanes:
            break
        state = stepped(calibrator, problem, state)
    return calibrator.finish(problem, state)
