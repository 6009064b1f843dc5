"""Value and gradient of a cohort by the discrete adjoint against its own primal and diffrax's checkpointed adjoint.

One beat of the Regazzoni circulation from rest, phase 0 to 1, every resistance, elastance and compliance of each person an
unknown of its own and drawn at +-10 % (seed 0); the loss is the sum over states of (y / scale)^2 at the end. Both solvers
use Tsitouras' pair at rtol = atol = 1e-6. The error of a gradient is that against the same adjoint at 1e-12, as
|a - b| / (|b| + 1e-3 of the largest of that unknown); valves have kinks, across which it falls like the square root of the
tolerance.
"""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.contract import Baseline, Figure, Result, Target, measure
from physio.bodies.regazzoni import regazzoni
from physio.solve import Diffrax, DiscreteAdjoint, ForwardMode, Tsit5, solve
from physio.system import System

VARIED = ("resistance", "elastance", "compliance")
WORKING = 1e-6
LADDER = (1e-4, 1e-6, 1e-8)


def run(data: str | None, quick: bool) -> Result:
    lanes, base_lanes = (32, 4) if quick else (256, 64)
    body = regazzoni()
    addresses = sorted(a for a in body.parameters if any(word in a.split(".")[1] for word in VARIED))
    rng = np.random.default_rng(0)
    values = np.stack([body.value(a) * rng.uniform(0.9, 1.1, lanes) for a in addresses])
    scale = jnp.maximum(jnp.abs(System.of(body, 1).rest()), 1.0)
    end = jnp.asarray([1.0])

    def at(values):
        return body.with_values(dict(zip(addresses, values, strict=True)))

    def primal(values, rtol):
        path = solve(at(values), at=end, lanes=lanes, method=Tsit5(rtol, rtol), adjoint=ForwardMode())
        return ((path.final / scale) ** 2).sum(), path.steps

    most = int(np.asarray(jax.jit(primal)(values, WORKING)[1]).max())

    def both(values, rtol, rows):
        def loss(values):
            adjoint = DiscreteAdjoint(rows=rows)
            path = solve(at(values), at=end, lanes=lanes, method=Tsit5(rtol, rtol), adjoint=adjoint)
            return ((path.final / scale) ** 2).sum()

        return jax.value_and_grad(loss)(values)

    def other(values, rtol):
        def loss(values):
            method = Diffrax(diffrax.Tsit5(), rtol, rtol, max_steps=4096)
            return ((solve(at(values), at=end, method=method).final / scale[:, 0]) ** 2).sum()

        return jax.vmap(jax.value_and_grad(loss), in_axes=-1, out_axes=(0, -1))(values)

    # rows of a lane count rejected steps too, and its chunk's slowest lane
    rows = -(-most * 5 // 4 // 16) * 16
    forward = measure(primal, values, WORKING)
    ours = measure(lambda v: both(v, WORKING, rows), values)
    few = values[:, :base_lanes]
    theirs = measure(other, few, WORKING, repeats=1 if quick else 3)
    speed = (theirs.run_s / base_lanes) / (ours.run_s / lanes)
    gradient = jax.jit(lambda v, rtol: both(v, rtol, 2048)[1])
    truth = np.asarray(gradient(values, 1e-12))
    floor = 1e-3 * np.abs(truth).max(axis=1, keepdims=True)
    medians, figures = {}, []
    for rtol in LADDER:
        error = np.abs(np.asarray(gradient(values, rtol)) - truth) / (np.abs(truth) + floor)
        medians[rtol] = float(np.median(error))
        figures += [
            Figure(f"error of the gradient at rtol {rtol:g}, median", medians[rtol], "1"),
            Figure(f"error of the gradient at rtol {rtol:g}, 90 %", float(np.quantile(error, 0.9)), "1"),
        ]
    falling = bool(medians[1e-4] > medians[1e-6] > medians[1e-8])
    ratio = ours.run_s / forward.run_s
    name = f"value and gradient of {len(addresses)} parameters over the primal"
    return Result(
        name="solver-gradient",
        figures=[
            Figure(name, ratio, "1"),
            Figure("primal, ms a person", 1e3 * forward.run_s / lanes, "ms"),
            Figure("speed against diffrax.RecursiveCheckpointAdjoint", speed, "1"),
            *figures,
        ],
        targets=[
            Target.at_most(name, ratio, 3.0, ""),
            Target.at_least("speed against diffrax.RecursiveCheckpointAdjoint", speed, 4.0, ""),
            Target.at_most("error of the gradient at rtol 1e-06, median", medians[1e-6], 1e-4, ""),
            Target("error of the gradient", "falls with rtol", falling, falling),
        ],
        precision="float64",
        compile_s=ours.compile_s,
        achieved_error=medians[WORKING],
        error_meaning="median error of the gradient at the working tolerance",
        baselines=[
            Baseline("diffrax.RecursiveCheckpointAdjoint, ms a person", 1e3 * theirs.run_s / base_lanes, "ms"),
        ],
    )
