"""What derivatives cost: seconds of a gradient and of a Jacobian beside one evaluation of the same problem.

All are compiled first, then called in turn, each call waited for; the median of each is reported.
With few lanes of a small body the call itself takes most of the time, and every ratio is near 1.
"""

import time
from typing import NamedTuple

import jax
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.problem import AbstractProblem, gradient, linearize


class GradientCost(NamedTuple):
    """Seconds of one call, for all lanes together, of a problem with ``unknowns``."""

    unknowns: int
    lanes: int
    evaluation_s: float
    gradient_s: float
    jacobian_s: float

    @property
    def gradient_ratio(self) -> float:
        return self.gradient_s / self.evaluation_s

    @property
    def jacobian_ratio(self) -> float:
        return self.jacobian_s / self.evaluation_s


@compiled_once
def _evaluation(problem: AbstractProblem, z: Array):
    there = problem.evaluate(z)
    return there.residuals, there.log_density


@compiled_once
def _gradient(problem: AbstractProblem, z: Array):
    return gradient(problem, z)[1]


@compiled_once
def _jacobian(problem: AbstractProblem, z: Array):
    return linearize(problem, z)[1]


def gradient_cost(problem: AbstractProblem, z: Array, repeats: int = 9) -> GradientCost:
    """Measured at z (unknowns, lanes), on the device where it lies."""
    programs = (_evaluation, _gradient, _jacobian)
    taken = {program: [] for program in programs}
    for round_ in range(-1, repeats):
        for program in programs:
            began = time.perf_counter()
            jax.block_until_ready(program(problem, z))
            if round_ >= 0:
                taken[program].append(time.perf_counter() - began)
    return GradientCost(*z.shape, *(sorted(taken[program])[repeats // 2] for program in programs))
