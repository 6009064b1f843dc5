"""How fast days of people with type 1 diabetes are fitted and predicted: the UVA/Padova family, 25 unknowns of the person.

Fitting: the days of ``t1d_counterfactual_insilico`` (without it, of as many people of the Hovorka model) are repeated with
fresh sensor noise and fitted on all processors that the process may use; seconds are scaled to 1000 person-days. Everything is
fitted twice: the second time nothing is compiled any more, and that one counts; what the first took longer is compilation.

Forward: plasma every 5 min of a day, each lane a fitted person with the meals of its day, eaten at once. The gradient, with its
value, is that of a day's log density along 20 parameters, each lane for itself: in reverse mode, and of fewer lanes in forward
mode, which must agree. Speeds are lanes over seconds of processor time, all threads added up: figures of one core however many
work.

Units: s, 1/s. Asked: 1000 person-days in 300 s on two processors, 30 s on a GPU; 2000 days forward a second on one core.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.diabetes.day_problem import DayProblem, Doubt
from calibration.diabetes.fitting import DayFits, fit_days
from calibration.diabetes.s2008 import S2008
from calibration.diabetes.sensor import Trace
from calibration.fit import FitStatus
from calibration.processors import processors
from calibration.records.insilico import BASE, read_truth
from experiments.benchmarks.contract import Baseline, Figure, Result, Target
from experiments.problems.hovorka_people import write_hovorka_people
from experiments.problems.shared_data import shared_data
from experiments.problems.t1d_simulators import replay_seconds, simglucose_seconds
from experiments.problems.what_if_days import HIGHEST, LOWEST, sensed
from experiments.problems.what_if_folder import SENSOR, WhatIfFolder, read_what_if_folder
from physio.solve import AbstractAdjoint, DiscreteAdjoint, ForwardMode, Status, Tsit5
from physio.solve.lanes import lane_jacobian

SEED = 31
PARAMETERS, ALONG = 20, 64
# all steps of a day in one block, so that none is taken twice
REVERSE = DiscreteAdjoint(rows=2048, blocks=1)
# meals as they are written, and eaten at once
AT_ONCE = Doubt(0.0, 0.0, 0.0, False)
FIT, GPU_FIT = "1000 person-days fitted, on two processors", "1000 person-days fitted, on a GPU"
FORWARD = "days forward a second of one core"


class _Size(NamedTuple):
    people: int
    repeats: int
    lanes: int


FULL, QUICK = _Size(20, 10, 1024), _Size(4, 2, 64)


def run(data: Path | None, quick: bool) -> Result:
    """Quick: 8 person-days and 64 lanes, which say nothing of the speeds asked."""
    size = QUICK if quick else FULL
    folder = shared_data("t1d_counterfactual_insilico", data)
    if folder is not None:
        return _measured(folder, size, quick)
    with tempfile.TemporaryDirectory() as made:
        write_hovorka_people(Path(made), size.people)
        return _measured(Path(made), size, quick)


def _measured(folder: Path, size: _Size, quick: bool) -> Result:
    people = read_what_if_folder(folder, size.people)
    problem = _repeated(folder, people, size.repeats)
    seconds = []
    for _ in range(2):
        began, worked = time.perf_counter(), time.process_time()
        fits = fit_days(problem)
        seconds.append(time.perf_counter() - began)
        worked = time.process_time() - worked
    thousand = 1000.0 * seconds[1] / problem.lanes
    forward, speed, forward_compile = _timed(lambda p, z: p.predict(z), *_lanes(people, fits, size.lanes))
    reverse, slopes_speed, reverse_compile = _timed(_reverse, *_lanes(people, fits, size.lanes, REVERSE))
    along, along_speed, along_compile = _timed(_along, *_lanes(people, fits, ALONG))
    compile_s = seconds[0] - seconds[1] + forward_compile + reverse_compile + along_compile
    figures = [
        Figure("person-days fitted", problem.lanes, "1"),
        Figure("processors used", processors(), "1"),
        Figure("1000 person-days fitted", thousand, "s"),
        Figure("1000 person-days fitted, processor time of all threads", 1000.0 * worked / problem.lanes, "s"),
        Figure("compilation of the fit", seconds[0] - seconds[1], "s"),
        Figure("iterations, mean", float(fits.iterations.mean()), "1"),
        Figure("fits converged", float((fits.status == FitStatus.CONVERGED).mean()), "1"),
        Figure("lanes forward", size.lanes, "1"),
        Figure("lanes forward solved", float((np.asarray(forward.status) == Status.OK).mean()), "1"),
        Figure(FORWARD, speed, "1/s"),
        Figure(f"log densities and gradients along {PARAMETERS} parameters, reverse", slopes_speed, "1/s"),
        Figure(f"the same of {ALONG} lanes, forward mode", along_speed, "1/s"),
        Figure("both modes apart, relative to a lane's largest slope", _apart(reverse[:, :ALONG], along), "1"),
        Figure("compilation forward", forward_compile, "s"),
        Figure("compilation of the gradient, reverse", reverse_compile, "s"),
    ]
    return Result(
        "t1d-speed", figures, _targets(thousand, speed, quick), "float64", compile_s, _solver_error(people, fits),
        "largest difference of plasma glucose forward from that at rtol 1e-8, mg/dL", _baselines(people, 1 if quick else 3),
    )  # fmt: skip


def _repeated(folder: Path, people: WhatIfFolder, repeats: int) -> DayProblem:
    """Every person's day ``repeats`` times, each with a sensor of its own."""
    truth = read_truth(folder)
    tissue = np.stack([truth[name][BASE].interstitial for name in people.people], axis=1)
    value = sensed(np.random.default_rng(SEED), np.tile(tissue, repeats))
    at = np.tile(np.asarray(people.trace.at), repeats)
    trace = Trace.of(at, value, value <= LOWEST, value >= HIGHEST, SENSOR)
    return people._replace(days=people.days * repeats, trace=trace).problem(S2008())


def _lanes(
    people: WhatIfFolder, fits: DayFits, lanes: int, adjoint: AbstractAdjoint = ForwardMode()
) -> tuple[DayProblem, Array]:
    """As many days, their meals eaten at once, and the fitted people in them."""
    problem = DayProblem.of(S2008(), people.days, people.trace, sensor=SENSOR, doubt=AT_ONCE, adjoint=adjoint)
    index = np.arange(lanes)
    return problem.picked(index % problem.lanes), fits.z[:, index % fits.problem.lanes]


def _density(problem: DayProblem, part: Array, z: Array) -> Array:
    return problem.evaluate(jnp.concatenate([part, z[PARAMETERS:]])).log_density


def _reverse(problem: DayProblem, z: Array) -> Array:
    return jax.value_and_grad(lambda part: _density(problem, part, z).sum())(z[:PARAMETERS])[1]


def _along(problem: DayProblem, z: Array) -> Array:
    return lane_jacobian(lambda part: _density(problem, part, z), z[:PARAMETERS])[1]


def _apart(a: Array, b: Array) -> float:
    return float((jnp.abs(a - b).max(0) / jnp.abs(b).max(0)).max())


def _timed(function: Callable, problem: DayProblem, z: Array) -> tuple:
    """What it gives, lanes over the median of three runs' processor time [1/s], seconds to compile it."""
    began = time.perf_counter()
    compiled = jax.jit(function).lower(problem, z).compile()
    compile_s = time.perf_counter() - began
    found = jax.block_until_ready(compiled(problem, z))
    # a GPU works while processors wait: there it is the clock that counts
    clock = time.process_time if jax.default_backend() == "cpu" else time.perf_counter
    seconds = []
    for _ in range(3):
        began = clock()
        jax.block_until_ready(compiled(problem, z))
        seconds.append(clock() - began)
    return found, problem.lanes / sorted(seconds)[1], compile_s


def _targets(thousand: float, speed: float, quick: bool) -> list[Target]:
    on_cpu = jax.default_backend() == "cpu"
    here, elsewhere = (FIT, GPU_FIT) if on_cpu else (GPU_FIT, FIT)
    bound = {FIT: 300.0, GPU_FIT: 30.0}
    fit = Target.at_most(here, thousand, bound[here], "s")
    forward = Target.at_least(FORWARD, speed, 2000.0, "1/s")
    other = Target.not_run(elsewhere, f"<= {bound[elsewhere]:g} s", "no GPU" if on_cpu else "JAX computes on a GPU")
    found = [fit, other, forward]
    if not on_cpu:
        found[2] = Target.not_run(FORWARD, forward.asked, "JAX computes on a GPU")
    elif processors() != 2:
        found[0] = Target.not_run(FIT, fit.asked, f"processors that the process may use: {processors()}")
    return [Target.not_run(t.figure, t.asked, "the quick run is too small to time") for t in found] if quick else found


def _baselines(people: WhatIfFolder, days: int) -> list[Baseline]:
    """The means of a few days."""
    found = []
    for name, measure in (
        ("simglucose, a day forward", simglucose_seconds),
        ("py-replay-bg, one evaluation of its posterior of a day", replay_seconds),
    ):
        seconds = [measure(day) for day in people.days[:days]]
        missing = None in seconds
        found.append(Baseline(f"{name}: not installed" if missing else name, None if missing else float(np.mean(seconds)), "s"))
    return found


def _solver_error(people: WhatIfFolder, fits: DayFits) -> float:
    problem, z = _lanes(people, fits, len(people.people))
    tight = eqx.tree_at(lambda p: p.method, problem, Tsit5(rtol=1e-8, atol=1e-8, max_steps=100_000))
    loose, fine = (np.asarray(jax.jit(lambda p, z: p.predict(z).plasma)(p, z)) for p in (problem, tight))
    return float(np.abs(loose - fine).max())
