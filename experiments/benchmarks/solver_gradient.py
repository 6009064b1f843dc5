"""Value and gradient of a cohort by the discrete adjoint against its own primal and diffrax's checkpointed adjoint.

Two circulations from t = 0 to 1, every number of each person an unknown of its own and drawn at +-10 % (seed 0): the smooth
loop of twenty states (10 unknowns) and the Regazzoni circulation from rest, whose valves have kinks (resistances,
elastances and compliances, 24 unknowns). The loss is the sum over states of (y / scale)^2 at the end; both solvers use
Tsitouras' pair at the same tolerance, ours with lanes sorted by the steps of the last solve. Errors of a gradient are
|a - b| / (|b| + 1e-3 of the largest of that unknown), against the same adjoint at 1e-12 and against differences: central,
twice extrapolated, of solves at 1e-12 where the gradient's is at 1e-10. Derivatives of doses are checked against the closed
form of one oral dose.
"""

from collections.abc import Callable
from dataclasses import dataclass

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.contract import Baseline, Figure, Result, Target, Timing, measure
from experiments.problems.dose_derivatives import worst_dose_derivative
from experiments.problems.timing_loop import spread, timing_loop
from experiments.problems.varied import varied
from physio.bodies.regazzoni import regazzoni
from physio.body import Body
from physio.solve import Diffrax, DiscreteAdjoint, ForwardMode, Rodas4, Tsit5, solve
from physio.system import System

WORKING = 1e-6
LADDER = (1e-4, 1e-6, 1e-8)
END = (1.0,)
# people whose differences are taken
CHECKED = 4


@dataclass(frozen=True)
class _Cohort:
    """A body and the numbers in which people differ (unknowns, lanes)."""

    name: str
    body: Body
    addresses: list[str]
    values: np.ndarray
    scale: np.ndarray
    atol: float

    @property
    def lanes(self) -> int:
        return self.values.shape[1]

    def at(self, values) -> Body:
        return self.body.with_values(dict(zip(self.addresses, values, strict=True)))

    def losses(self, values, rtol, adjoint, scheme=Tsit5, order=None):
        """Loss of each person (lanes,), and its steps."""
        lanes = values.shape[1]
        method = scheme(rtol, rtol * self.atol)
        path = solve(self.at(values), at=jnp.asarray(END), lanes=lanes, method=method, adjoint=adjoint, order=order)
        return ((path.final / self.scale) ** 2).sum(0), path.steps

    def gradient(self, values, rtol, adjoint, scheme=Tsit5, order=None):
        return jax.value_and_grad(lambda v: self.losses(v, rtol, adjoint, scheme, order)[0].sum())(values)

    def by_diffrax(self, values, rtol):
        def loss(values):
            method = Diffrax(diffrax.Tsit5(), rtol, rtol * self.atol, max_steps=4096)
            return ((solve(self.at(values), at=jnp.asarray(END), method=method).final / self.scale[:, 0]) ** 2).sum()

        return jax.vmap(jax.value_and_grad(loss), in_axes=-1, out_axes=(0, -1))(values)


def _smooth(lanes: int) -> _Cohort:
    body, drawn = timing_loop(), spread(lanes)
    scale = np.maximum(np.abs(np.asarray(System.of(body, 1).rest())), 1.0)
    return _Cohort("smooth loop", body, list(drawn), np.stack(list(drawn.values())), scale, 10.0)


def _kinked(lanes: int) -> _Cohort:
    body = regazzoni()
    addresses, values = varied(body, lanes)
    scale = np.maximum(np.abs(np.asarray(System.of(body, 1).rest())), 1.0)
    return _Cohort("Regazzoni", body, addresses, values, scale, 1.0)


def run(data: str | None, quick: bool) -> Result:
    lanes, base_lanes = (64, 16) if quick else (256, 64)
    figures, baselines, targets, compile_s = [], [], [], 0.0
    for cohort in (_smooth(lanes), _kinked(lanes)):
        speeds = _speeds(cohort, base_lanes, quick)
        errors, median = _errors(cohort)
        figures += [*speeds[0], *errors[0]]
        baselines += speeds[1]
        targets += [*speeds[2], *errors[1]]
        compile_s += speeds[3]
    if not quick:
        figures += _errors_of_rodas4(_kinked(CHECKED))
    name = "smooth loop, gradient at 1e-10 against extrapolated differences, worst"
    worst = _against_differences(_smooth(CHECKED))
    figures.append(Figure(name, worst, "1"))
    targets.append(Target.at_most(name, worst, 1e-7, ""))
    name = "derivatives of doses (amount, time, lag, bioavailability) against the closed form, worst"
    worst = worst_dose_derivative()
    figures.append(Figure(name, worst, "1"))
    targets.append(Target.at_most(name, worst, 1e-8, ""))
    return Result(
        name="solver-gradient",
        figures=figures,
        targets=targets,
        precision="float64",
        compile_s=compile_s,
        achieved_error=median,
        error_meaning="median error of the gradient of the Regazzoni circulation at the working tolerance",
        baselines=baselines,
    )


def _speeds(cohort: _Cohort, base_lanes: int, quick: bool):
    """``(figures, baselines, targets, compile_s)`` of value and gradient beside the primal and diffrax."""
    steps = np.asarray(jax.jit(lambda v: cohort.losses(v, WORKING, ForwardMode())[1])(cohort.values))
    # lanes that wait leave rows too
    adjoint = DiscreteAdjoint(rows=-(-int(steps.max()) * 5 // 4 // 16) * 16, blocks=1)
    forward = measure(lambda v: cohort.losses(v, WORKING, ForwardMode(), order=steps), cohort.values)
    ours = measure(lambda v: cohort.gradient(v, WORKING, adjoint, order=steps), cohort.values)
    few = cohort.values[:, :base_lanes]
    theirs = measure(lambda v: cohort.by_diffrax(v, WORKING), few, repeats=1 if quick else 3)
    return _compared(cohort, forward, ours, theirs, base_lanes)


def _compared(cohort: _Cohort, forward: Timing, ours: Timing, theirs: Timing, base_lanes: int):
    ratio = ours.run_s / forward.run_s
    speed = (theirs.run_s / base_lanes) / (ours.run_s / cohort.lanes)
    over = f"{cohort.name}, value and gradient of {len(cohort.addresses)} unknowns over the primal"
    against = f"{cohort.name}, speed against diffrax.RecursiveCheckpointAdjoint"
    figures = [
        Figure(over, ratio, "1"),
        Figure(f"{cohort.name}, primal, ms a person", 1e3 * forward.run_s / cohort.lanes, "ms"),
        Figure(against, speed, "1"),
    ]
    label = f"{cohort.name}, diffrax.RecursiveCheckpointAdjoint, ms a person"
    baselines = [Baseline(label, 1e3 * theirs.run_s / base_lanes, "ms")]
    targets = [Target.at_most(over, ratio, 3.0, ""), Target.at_least(against, speed, 4.0, "")]
    return figures, baselines, targets, ours.compile_s


def _errors(cohort: _Cohort):
    """``((figures, targets), median at the working tolerance)`` against the same adjoint at 1e-12."""
    adjoint = DiscreteAdjoint(rows=2048)
    gradient: Callable = jax.jit(lambda v, rtol: cohort.gradient(v, rtol, adjoint)[1])
    truth = np.asarray(gradient(cohort.values, 1e-12))
    medians, figures = {}, []
    for rtol in LADDER:
        error = _relative(np.asarray(gradient(cohort.values, rtol)), truth)
        medians[rtol] = float(np.median(error))
        figures += [
            Figure(f"{cohort.name}, error of the gradient at rtol {rtol:g}, median", medians[rtol], "1"),
            Figure(f"{cohort.name}, error of the gradient at rtol {rtol:g}, 90 %", float(np.quantile(error, 0.9)), "1"),
        ]
    falling = bool(medians[1e-4] > medians[1e-6] > medians[1e-8])
    targets = [
        Target.at_most(f"{cohort.name}, error of the gradient at rtol 1e-06, median", medians[WORKING], 1e-4, ""),
        Target(f"{cohort.name}, error of the gradient", "falls with rtol", falling, falling),
    ]
    return (figures, targets), medians[WORKING]


def _errors_of_rodas4(cohort: _Cohort) -> list[Figure]:
    """The same errors by a method whose steps stability does not limit."""
    adjoint = DiscreteAdjoint(rows=2048)
    truth = np.asarray(jax.jit(lambda v: cohort.gradient(v, 1e-12, adjoint)[1])(cohort.values))
    gradient = jax.jit(lambda v, rtol: cohort.gradient(v, rtol, adjoint, Rodas4)[1])
    errors = {rtol: float(np.median(_relative(np.asarray(gradient(cohort.values, rtol)), truth))) for rtol in LADDER}
    name = f"{cohort.name} by Rodas4, error of the gradient at rtol"
    return [Figure(f"{name} {rtol:g}, median", error, "1") for rtol, error in errors.items()]


def _relative(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    floor = 1e-3 * np.abs(truth).max(axis=1, keepdims=True)
    return np.abs(found - truth) / (np.abs(truth) + floor)


def _against_differences(cohort: _Cohort) -> float:
    """Every unknown of every person, all at once: a person's loss depends on no other's numbers."""
    found = np.asarray(jax.jit(lambda v: cohort.gradient(v, 1e-10, DiscreteAdjoint(rows=2048))[1])(cohort.values))
    loss = jax.jit(lambda v: cohort.losses(v, 1e-12, ForwardMode())[0])

    def central(row: int, share: float) -> np.ndarray:
        step = np.zeros_like(cohort.values)
        step[row] = share * np.abs(cohort.values[row])
        up, down = (np.asarray(loss(cohort.values + sign * step)) for sign in (1.0, -1.0))
        return (up - down) / (2.0 * step[row])

    rows = []
    for row in range(len(cohort.addresses)):
        wide, middle, narrow = (central(row, share) for share in (2e-3, 1e-3, 5e-4))
        first, second = (4.0 * middle - wide) / 3.0, (4.0 * narrow - middle) / 3.0
        rows.append((16.0 * second - first) / 15.0)
    return float(_relative(found, np.stack(rows)).max())
