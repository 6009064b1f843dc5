"""Share of random starts that reach the best known fit of four problems of the PEtab collection, against Data2Dynamics.

A start is one random point, uniform in log10 in the problem's own bounds, and everything that is spent on it. It counts as a
hit when minus the log likelihood of where it ended, without prior and with all constants, solved again at a relative tolerance
of 1e-10, is within 0.1 of the best known value. Every start is in the denominator, failed ones as misses; no start is drawn
again. Scales, offsets and spreads follow from the inner problem, so starts are drawn for the parameters of the equations alone.

Two more figures stand outside that share. A start that perseveres goes on from its own end with some unknowns drawn anew,
as long as starts take on average no more Jacobians than Data2Dynamics took iterations; it gives plateaus up soon, and takes its
best end to the bottom at last. And the best ends are recombined: children start as one batch, with hits and seconds of their
own.
"""

import dataclasses
import math
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from calibration.box_search import persevere, search_box
from calibration.diagnostics.coverage import wilson
from calibration.fit import FitStatus
from calibration.lane_pool import run_pool
from calibration.problem import gradient
from calibration.recombination import elite_of, recombined
from calibration.trust_region import TrustRegion
from experiments.benchmarks.contract import Figure, Result, Target
from experiments.problems.petab.cases import CASES, Case
from experiments.problems.petab.kinetic import KineticProblem, kinetic_problem
from experiments.problems.shared_data import shared_data
from physio.solve import Rodas5P, Status

HIT = 0.1
_APART = 0.1
_JUDGED = 2.0
_TIGHT = (1e-10, 1e-14)
_ELITE, _CHILDREN = 12, 48
# of starts that go on: Jacobians that gain less than so much before a descent is given up, and those kept for the last descent
_HASTE, _POLISH = (8, 1.0), 150
_SEED = 20260101


def run(data: str | None, quick: bool, only: tuple[str, ...] = (), starts: int | None = None) -> Result:
    """``only`` and ``starts`` make a part of the full run."""
    where = shared_data("petab", data)
    if where is None:
        targets = [Target.not_run("all shares of hits", ">= 2 x Data2Dynamics", "no data: give --data the folder petab")]
        return Result("multistart", [], targets, "float64", 0.0, None)
    figures, targets, compile_s, worst = [], [], 0.0, 0.0
    for case in CASES:
        if (quick and case.name != "Boehm") or (only and case.name not in only):
            reason = "a quick run" if quick else "a part of the run was asked for"
            asked = f">= {2.0 * case.hits:g} with {case.asked} starts"
            targets.append(Target.not_run(_share(case), asked, reason))
            continue
        count = starts or (48 if quick else case.starts)
        problem = kinetic_problem(case.model, where, min(case.lanes, count), _method(case.rtol, case.atol))
        exact = _exactness(case, problem)
        found = _search(case, problem, count, further=not quick)
        figures += exact[0] + found[0]
        targets += exact[1] + found[1]
        compile_s += found[2]
        worst = max(worst, exact[2])
    return Result(
        "multistart",
        figures,
        targets,
        "float64",
        compile_s,
        worst,
        "largest distance of an objective at the nominal parameters from its reference, over 1 + its size",
    )


def _method(rtol: float, atol: float) -> Rodas5P:
    # arrays, so that all tolerances share one compiled program
    return Rodas5P(rtol=jnp.asarray(rtol), atol=jnp.asarray(atol), max_steps=3000)


def _share(case: Case) -> str:
    return f"{case.name}, lower bound (95 %) of the share of hits"


@eqx.filter_jit
def _given(problem: KineticProblem, z):
    return problem.with_given(z)


@eqx.filter_jit
def _value(problem: KineticProblem, z):
    at_z = problem.evaluate(z)
    return at_z.log_density, at_z.status


@eqx.filter_jit
def _slope(problem: KineticProblem, z):
    return gradient(problem, z)[1]


def _exactness(case: Case, problem: KineticProblem):
    """The objective at the nominal parameters, and its slope beside them against differences."""
    one = problem.with_lanes(1).with_method(_method(*_TIGHT))
    at_z = _given(one, problem.nominal[:, None])
    value = -float(at_z.log_density[0])
    away = abs(value - case.nominal) / (1.0 + abs(case.nominal))
    lower, upper = (np.asarray(x) for x in problem.bounds())
    beside = np.clip(np.asarray(problem.nominal), lower + 0.2, upper - 0.2)
    slope = np.asarray(_slope(one, jnp.asarray(beside)[:, None]))[:, 0]
    unknowns, step = len(beside), 1e-3
    shifts = np.concatenate([s * np.eye(unknowns) for s in (step, -step, 0.5 * step, -0.5 * step)], axis=1)
    many = problem.with_lanes(4 * unknowns).with_method(_method(*_TIGHT))
    density = np.asarray(_value(many, jnp.asarray(beside[:, None] + shifts))[0]).reshape(4, unknowns)
    coarse, fine = (density[0] - density[1]) / (2 * step), (density[2] - density[3]) / step
    differences = (4.0 * fine - coarse) / 3.0
    scale = np.abs(differences).max()
    off = float((np.abs(slope - differences) / (np.abs(differences) + 1e-3 * scale)).max())
    figures = [Figure(f"{case.name}, minus log likelihood at the nominal parameters", value, "1")]
    targets = [
        Target.at_most(f"{case.name}, distance from {case.nominal}, over 1 + its size", away, 1e-6, ""),
        Target.at_most(f"{case.name}, gradient against central differences", off, 1e-4, ""),
    ]
    return figures, targets, away


def _search(case: Case, problem: KineticProblem, count: int, further: bool):
    """Share of hits of the plain search, and what perseverance and recombination add."""
    name = case.name
    calibrator = TrustRegion(iterations=case.iterations, ftol=1e-7, patience=15, progress=1e-3)
    nothing = np.full((len(problem.names), 1), np.nan)
    began = time.perf_counter()
    run_pool(problem, calibrator, nothing)
    compile_s = time.perf_counter() - began
    keys = jax.random.split(jax.random.key(_SEED), count)
    began, burned = time.perf_counter(), time.process_time()
    ends, _ = search_box(problem, calibrator, keys)
    seconds, burned = time.perf_counter() - began, time.process_time() - burned
    judged = _judge(case, problem, ends.z, ends.cost)
    hits = int((judged <= case.best + HIT).sum())
    bounds = wilson(hits, count)
    lower, upper = bounds.low, bounds.high
    costs = np.sort(ends.cost[np.isfinite(ends.cost)])
    distinct = int(1 + (np.diff(costs) > _APART).sum()) if costs.size else 0
    failed = ends.status == FitStatus.SOLVE_FAILED
    figures = [
        Figure(f"{name}, starts", count, "1"),
        Figure(f"{name}, hits", hits, "1"),
        Figure(f"{name}, share of hits", hits / count, "1"),
        Figure(f"{name}, share of hits, upper bound (95 %)", upper, "1"),
        Figure(f"{name}, starts within 2", int((ends.cost <= case.best + 2.0).sum()), "1"),
        Figure(f"{name}, least minus log likelihood", float(judged.min()), "1"),
        Figure(f"{name}, distinct ends", distinct, "1"),
        Figure(f"{name}, ends in steps of a tenth of the starts", _steps(costs), "1"),
        Figure(f"{name}, starts that never gave a finite value", int(failed.sum()), "1"),
        Figure(f"{name}, Jacobians of a start", float(ends.iterations.mean()), "1"),
        Figure(f"{name}, seconds of a start", seconds / count, "s"),
        Figure(f"{name}, processor seconds of a start", burned / count, "s"),
        Figure(f"{name}, seconds of a hit", seconds / hits if hits else math.nan, "s"),
    ]
    met, reason = lower >= 2.0 * case.hits, None
    if count < case.asked:
        met, reason = None, f"{count} starts instead of {case.asked}, {hits} of them hits"
    targets = [
        Target(_share(case), f">= {2.0 * case.hits:g} with {case.asked} starts", lower, met, reason),
        Target.at_most(f"{name}, least value above the best known", float(judged.min()) - case.best, HIT, ""),
    ]
    if further:
        more = _perseverance(case, problem, calibrator, ends)
        figures += more[0] + _recombination(case, problem, calibrator, ends)
        targets += more[1]
    return figures, targets, compile_s


def _perseverance(case: Case, problem: KineticProblem, calibrator: TrustRegion, ends):
    """Hits of starts that go on from their own ends within the mean iterations of Data2Dynamics.

    Their first descents are hasty too, so they begin anew from the same points.
    """
    count = min(case.persevering, len(ends.cost))
    name = f"{case.name}, persevering"
    share = f"{name}, lower bound (95 %) of the share of hits"
    began = time.perf_counter()
    keys = jax.random.split(jax.random.key(_SEED), len(ends.cost))[:count]
    patience, progress = _HASTE
    descent = dataclasses.replace(calibrator, patience=patience, progress=progress)
    ends, _ = search_box(problem, descent, keys)
    round_, last = 0, ends.iterations.mean()
    while ends.iterations.mean() + last + _POLISH <= case.effort:
        round_ += 1
        before = ends.iterations.mean()
        again = jax.random.split(jax.random.fold_in(jax.random.key(_SEED), round_), count)
        ends = persevere(problem, descent, ends, again)
        last = ends.iterations.mean() - before
    ends = persevere(problem, calibrator, ends, keys, redrawn=0.0)
    seconds = time.perf_counter() - began
    judged = _judge(case, problem, ends.z, ends.cost)
    hits = int((judged <= case.best + HIT).sum())
    lower = wilson(hits, count).low
    return [
        Figure(f"{name}: starts", count, "1"),
        Figure(f"{name}: descents of a start", round_ + 1, "1"),
        Figure(f"{name}: hits", hits, "1"),
        Figure(f"{name}: Jacobians of a start", float(ends.iterations.mean()), "1"),
        Figure(f"{name}: further seconds of a start", seconds / count, "s"),
        Figure(f"{name}: least minus log likelihood", float(judged.min()), "1"),
    ], [
        Target.at_least(share, lower, 2.0 * case.hits, ""),
        Target.at_most(f"{name}: Jacobians of a start, Data2Dynamics' iterations", float(ends.iterations.mean()), case.effort, ""),
    ]


def _recombination(case: Case, problem: KineticProblem, calibrator: TrustRegion, ends):
    """Children of the best ends, and how many of them hit."""
    elite = elite_of(ends.z, ends.cost, _ELITE, _APART)
    if elite.shape[1] < 2:
        return []
    lower, upper = problem.bounds()
    count = min(_CHILDREN, len(ends.cost))
    children = recombined(jnp.asarray(elite), lower, upper, jax.random.key(_SEED + 1), count)
    began = time.perf_counter()
    grown = run_pool(problem, calibrator, children)
    seconds = time.perf_counter() - began
    judged = _judge(case, problem, grown.z, grown.cost)
    hits = int((judged <= case.best + HIT).sum())
    return [
        Figure(f"{case.name}, recombination: children", count, "1"),
        Figure(f"{case.name}, recombination: hits", hits, "1"),
        Figure(f"{case.name}, recombination: least minus log likelihood", float(judged.min()), "1"),
        Figure(f"{case.name}, recombination: seconds of a child", seconds / count, "s"),
    ]


def _judge(case: Case, problem: KineticProblem, z: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Costs with those near the best, and the least of all, solved again at a tight tolerance inside the bounds."""
    out = cost.copy()
    near = np.flatnonzero((cost <= case.best + _JUDGED) | (cost == cost.min()))
    tight, lanes = problem.with_method(_method(*_TIGHT)), problem.lanes
    lower, upper = (np.asarray(x)[:, None] for x in problem.bounds())
    for begin in range(0, near.size, lanes):
        part = near[begin : begin + lanes]
        block = np.full((z.shape[0], lanes), np.nan)
        block[:, : part.size] = np.clip(z[:, part], lower, upper)
        density, status = (np.asarray(x)[: part.size] for x in _value(tight, jnp.asarray(block)))
        out[part] = np.where(status == Status.OK, -density, np.inf)
    return out


def _steps(costs: np.ndarray) -> str:
    """The waterfall in words: the least end and every tenth of the rest."""
    if not costs.size:
        return "none"
    return " ".join(f"{costs[int(q * (costs.size - 1))]:.4g}" for q in np.linspace(0.0, 1.0, 11))
