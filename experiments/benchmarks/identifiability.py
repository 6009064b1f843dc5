"""What the data support: a published profile interval, coverage and ranks of simulated people, profiles in one batch.

The Puromycin interval is R's (confint of nls on the data of Bates and Watts 1988), recomputed from the sum of squares
concentrated in one dimension. Simulated people get truths from the prior and readings by a closed form. Quick: 200 people
instead of 2000.
"""

import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy import stats

from calibration.calibrator import calibrate
from calibration.diagnostics import convergence, coverage, fit_coverage, gradient_cost, inside, marks_of, ranks, uniformity
from calibration.identifiability import End, Held, contraction, profile, spectrum
from calibration.laplace import exact_curvature, laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.multistart import multistart
from calibration.problem import AbstractProblem, Evaluation
from experiments.benchmarks.contract import Baseline, Figure, Result, Target
from experiments.problems.bolus_people import bolus_people
from experiments.problems.glucose_test import least_squares_problem
from experiments.problems.keys import keys_of
from experiments.tables import packaged, read_glucose_test
from physio.solve import Status

SEED, DRAWS, LEVELS = 20261125, 99, (0.5, 0.8, 0.95)
CONC_PPM = np.repeat([0.02, 0.06, 0.11, 0.22, 0.56, 1.10], 2)
RATE = np.asarray([76, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200.0])
RESIDUAL_SS = 1195.44881443936
PUBLISHED = {"Vm lower": 197.30193, "Vm upper": 229.28906, "K lower": 0.0469203420, "K upper": 0.0861569134}
UNITS = {"Vm": "counts/min^2", "K": "ppm"}


class Kinetics(AbstractProblem):
    """rate = Vm c / (K + c) of the treated cells, errors of the residual standard deviation; logarithms are unknown."""

    names: tuple[str, ...] = eqx.field(static=True, default=("Vm", "K"))
    lanes: int = eqx.field(static=True, default=1)
    informed: bool = eqx.field(static=True, default=False)

    def evaluate(self, z, memory=None):
        vm, k = self.values(z)
        error = (RATE[:, None] - vm * CONC_PPM[:, None] / (k + CONC_PPM[:, None])) / np.sqrt(RESIDUAL_SS / 10)
        status = jnp.where((error**2).sum(0) < jnp.inf, Status.OK, Status.STEP_TOO_SMALL)
        return Evaluation(error, -0.5 * (error**2).sum(0), status, None)

    def tiled(self, times):
        return Kinetics(self.names, self.lanes * times)

    def values(self, z: Array) -> Array:
        return jnp.asarray([[200.0], [0.05]]) * jnp.exp(z)


def run(data: Path | None, quick: bool) -> Result:
    """All figures; seeds are fixed."""
    figures, targets, baselines = [], [], []
    errors = _published(targets)
    compile_s = _glucose(data, figures, baselines)
    _simulated(200 if quick else 2000, figures, targets)
    return Result(
        "identifiability",
        figures,
        targets,
        "float64",
        compile_s,
        max(errors),
        "largest relative difference from the published ends of the Puromycin profiles",
        baselines,
    )


def _published(targets: list[Target]) -> list[float]:
    """Ends of the profile-t intervals at 95 %, 10 degrees of freedom."""
    level = float(stats.chi2.cdf(stats.t.ppf(0.975, 10) ** 2, 1))
    found = profile(calibrate(Kinetics(), LevenbergMarquardt()), level).interval()
    ends = {f"{n} {side}": float(x[i, 0]) for side, x in zip(("lower", "upper"), found, strict=True) for i, n in enumerate(("Vm", "K"))}
    for name, value in PUBLISHED.items():
        targets.append(Target.within(f"Puromycin, {name}", ends[name], value, 1e-4, UNITS[name.split()[0]]))
    return [abs(ends[name] / value - 1.0) for name, value in PUBLISHED.items()]


def _glucose(data: Path | None, figures: list[Figure], baselines: list[Baseline]) -> float:
    """A real test from many starts; its profiles in one batch and one after the other. Returns seconds of compilation."""
    test = read_glucose_test(packaged("fsigt", data))
    problem = least_squares_problem(test, 8.0, 92.0, 11.0)
    fit, starts = multistart(problem, LevenbergMarquardt(), keys_of(SEED, "bench", ["test"]), starts=32, spread=2.0)
    for found in convergence(starts):
        figures.append(Figure(f"glucose test: starts of 32 within {found.delta:g} of the best", int(found.hits[0]), "1"))
    near = convergence(starts)[0]
    figures.append(Figure("glucose test: expected running time, iterations", float(near.expected_running_time[0]), "1"))
    seen = spectrum(fit)
    figures.append(Figure("glucose test: rank of the information", int(seen.rank[0]), "1"))
    figures.append(Figure("glucose test: largest over smallest information", float(seen.values[0, 0] / seen.values[-1, 0]), "1"))
    began = time.perf_counter()
    profile(fit)
    first = time.perf_counter() - began
    began = time.perf_counter()
    whole = profile(fit)
    batch = time.perf_counter() - began
    rounds = int(np.isfinite(whole.at).any(axis=(1, 2, 3)).sum())
    visited = np.isfinite(whole.at).sum()
    figures.append(Figure("glucose test: all 8 profile ends in one batch", batch, "s"))
    figures.append(Figure("glucose test: rounds of the batch", rounds, "1"))
    figures.append(Figure("glucose test: ends closed, of 8", int((whole.code == End.CLOSED).sum()), "1"))
    baselines.append(Baseline("glucose test: the same points of the profiles one after the other", _one_by_one(fit, whole), "s"))
    figures.append(Figure("glucose test: points of the profiles", int(visited), "1"))
    return max(0.0, first - batch)


def _one_by_one(fit, whole) -> float:
    """Seconds of fitting the same visited points, one lane a call, each started from the best point."""
    inner = LevenbergMarquardt(iterations=40, ftol=1e-10)
    places = [(k, z) for k in range(len(fit.problem.names)) for z in whole.at[:, k, :, 0].ravel() if np.isfinite(z)]

    def fit_at(k, z):
        mask = jnp.arange(len(fit.problem.names))[:, None] == k
        at = jnp.where(mask, z, fit.z)
        return calibrate(Held(fit.problem, mask, at), inner, at)

    fit_at(*places[0])
    began = time.perf_counter()
    for place in places:
        jax.block_until_ready(fit_at(*place).z)
    return time.perf_counter() - began


def _simulated(people: int, figures: list[Figure], targets: list[Target]) -> None:
    problem, truth = bolus_people(people, SEED)
    fit = laplace(calibrate(problem, LevenbergMarquardt()), exact_curvature)
    values = problem.values(truth)
    quantified = np.asarray(fit.quantified())
    figures.append(Figure("simulated people", people, "1"))
    figures.append(Figure("simulated people without a quantified fit, counted as misses", int((~quantified).sum()), "1"))
    share = float((np.asarray(contraction(fit)) >= 0.75).mean())
    figures.append(Figure("unknowns identified (posterior SD at most half the prior SD)", share, "1"))
    for level, found in fit_coverage(fit, values, LEVELS).items():
        low, high = found.band(level)
        targets.append(Target.between(f"coverage of {100 * level:g} % Laplace intervals", found.share, low, high, "1"))
    began = time.perf_counter()
    for level in LEVELS:
        ends = profile(fit, level)
        found = coverage(marks_of(inside(*ends.interval(), values)))
        low, high = found.band(level)
        targets.append(Target.between(f"coverage of {100 * level:g} % profile intervals", found.share, low, high, "1"))
        if level == LEVELS[-1]:
            targets.append(Target.between("coverage of 95 % profile intervals, asked band", found.share, 0.93, 0.97, "1"))
            figures.append(Figure("profile ends not closed", int((ends.code != End.CLOSED).sum()), "1"))
    figures.append(Figure(f"profiles of {people} people at three levels, compilation included", time.perf_counter() - began, "s"))
    _ranked(fit, truth, figures, targets)
    cost = gradient_cost(problem, truth)
    figures.append(Figure(f"time of a gradient / of an evaluation, 2 unknowns, {people} lanes", cost.gradient_ratio, "1"))
    figures.append(Figure(f"time of a Jacobian / of an evaluation, 2 unknowns, {people} lanes", cost.jacobian_ratio, "1"))
    targets.append(_isolated(problem, fit))


def _ranked(fit, truth, figures: list[Figure], targets: list[Target]) -> None:
    """Ranks among draws of the normal approximation, and of a linear model whose posterior is exactly normal."""
    people = truth.shape[1]
    draws = fit.draws(keys_of(SEED, "draws", [str(n) for n in range(people)]), DRAWS)
    judged = uniformity(ranks(draws, truth), DRAWS, fit.problem.names)
    figures.append(Figure("SBC replicates that failed", judged.failed, "1"))
    for name, p in zip(judged.names, judged.p_values, strict=True):
        targets.append(Target.at_least(f"SBC of the normal approximation, {name}: chi-square p, Bonferroni", float(p), 0.01, ""))
    rng = np.random.default_rng(SEED)
    exact = rng.standard_normal((2, people))
    seen = exact + 0.5 * rng.standard_normal(exact.shape)
    posterior = 0.8 * seen + np.sqrt(0.2) * rng.standard_normal((DRAWS, *exact.shape))
    linear = uniformity(ranks(posterior, exact), DRAWS, ("a", "b"))
    targets.append(Target.at_least("SBC of a conjugate model: chi-square p, Bonferroni", float(linear.p_values.min()), 0.01, ""))


def _isolated(problem, fit) -> Target:
    """Every eighth person without a finite dose: do the others' profiles keep every bit?"""
    bad = np.arange(problem.lanes) % 8 == 3
    dose = jnp.where(jnp.asarray(bad), jnp.nan, problem.protocol.schedule.amount)
    broken = eqx.tree_at(lambda p: p.protocol.schedule.amount, problem, dose)
    again = laplace(calibrate(broken, LevenbergMarquardt()), exact_curvature)
    changed = (np.asarray(again.z) != np.asarray(fit.z)) | (np.asarray(again.posterior_sd()) != np.asarray(fit.posterior_sd()))
    flagged = bool((np.asarray(again.status)[bad] != 0).all())
    name = "people whose fit or SD changes when an eighth of the others cannot be solved"
    count = int(changed[:, ~bad].any(axis=0).sum())
    return Target(name, "0, the failed ones flagged", count, count == 0 and flagged)
