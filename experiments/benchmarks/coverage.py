"""Coverage of every posterior method on people of three models, simulation-based calibration, and one arm of another model
family.

1000 people drawn from the priors: 550 with an oral dose, 300 with a glucose test, 150 with a drug on their neutrophils. An
unknown counts where the method's own posterior SD is at most half the prior's, decided before the truth is looked at; people
are clusters; the band is nominal +- 3 standard errors. A person for whom a method has no answer counts as a miss. 300 more
people have two concentrations each, where normal approximations at the mode are expected to fail, and 200 have a second
compartment that the fitted model lacks: their loss is reported, no bound was asked.

Each person's problem has its population's prior, so the Laplace intervals are those of empirical Bayes estimates.

Quick: 100 people with an oral dose, a small network, shorter chains.
"""

import time
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from calibration.abstract_fit import AbstractFit
from calibration.calibrator import calibrate
from calibration.diagnostics.coverage import Coverage, coverage, inside, marks_of
from calibration.diagnostics.ranks import ranks, uniformity
from calibration.identifiability import IDENTIFIED_BELOW
from calibration.laplace import gauss_newton, laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.posterior.amortised import Amortised, Source, Training, amortised, train
from calibration.posterior.draws import Draws, DrawStatus
from calibration.posterior.importance import corrected
from calibration.posterior.samplers import Chees, require_blackjax, sample
from calibration.posterior.variational import variational
from experiments.benchmarks.contract import Figure, Result, Target
from experiments.problems.keys import keys_of
from experiments.problems.posterior_models import People, design, people

SEED, LEVELS, LEAST_P = 20261128, (0.5, 0.8, 0.95), 0.01
PEOPLE = {"oral": 550, "glucose": 300, "marrow": 150, "oral, sparse": 300, "oral, other": 200}
POOLED = ("oral", "glucose", "marrow")
# posteriors of the glucose test are thin bent sheets, which take short steps
SAMPLER = Chees(chains=4, warmup=300, draws=750, most_steps=64, acceptance=0.95)
QUICK_SAMPLER = Chees(chains=4, warmup=200, draws=250, most_steps=32)
METHODS = (
    "Laplace, exact curvature", "Laplace, Gauss-Newton", "variational", "Laplace with weights", "ChEES-HMC", "amortised",
)  # fmt: skip
RANKED, RANKED_DRAWS = ("ChEES-HMC", "amortised"), 99


class Arm(NamedTuple):
    """One model's people: what every method says of them, their truth, and figures of the methods."""

    people: People
    answers: dict[str, AbstractFit]
    figures: list[Figure]


def run(data: Path | None, quick: bool) -> Result:
    try:
        require_blackjax()
    except ImportError as error:
        return _not_run(str(error))
    began = time.perf_counter()
    counts = {"oral": 100} if quick else PEOPLE
    training = Training(people=5000, steps=600, batch=128) if quick else Training(steps=5000)
    networks: dict[str, Amortised] = {}
    arms, figures, targets = {}, [], []
    for model, count in counts.items():
        key = "oral" if model == "oral, other" else model
        if key not in networks:
            networks[key] = train(design(key), jax.random.fold_in(jax.random.key(SEED), len(networks)), training)
        arms[model] = _arm(model, count, networks[key], QUICK_SAMPLER if quick else SAMPLER, quick)
        figures += arms[model].figures
        if model != "oral, other":
            for method in RANKED:
                found = _p_values(_draws(arms[model], method), arms[model].people.z)
                named = f"{model}: smallest corrected p of the ranks, {method}"
                targets.append(Target(named, f"> {LEAST_P:g} 1", float(found.min()), bool(found.min() > LEAST_P)))
    for method in METHODS:
        for level in LEVELS:
            for model in arms:
                found = _coverage({model: arms[model]}, method, level)
                figures.append(Figure(f"{model}: coverage of {100 * level:g} % intervals, {method}", found.share, "1"))
                figures.append(Figure(f"{model}: its standard error, {100 * level:g} %, {method}", found.standard_error, "1"))
            pooled = _coverage({m: arms[m] for m in POOLED if m in arms}, method, level)
            low, high = pooled.band(level)
            named = f"coverage of {100 * level:g} % intervals of {pooled.people} people, {method}"
            targets.append(Target.between(named, pooled.share, low, high, "1"))
    seconds = time.perf_counter() - began
    figures.append(Figure("seconds in all", seconds, "s"))
    return Result(
        "coverage", figures, targets, "float64", seconds, 1e-6, "relative tolerance of the solver; compilation is not kept apart"
    )


def _arm(model: str, count: int, network: Amortised, sampler: Chees, quick: bool) -> Arm:
    made = people(model, count, SEED)
    names = [str(n) for n in range(count)]
    keys = {purpose: keys_of(SEED, f"{model} {purpose}", names) for purpose in ("weights", "chains", "network")}
    seconds, began = {}, time.perf_counter()

    def lap(label, answer):
        nonlocal began
        jax.block_until_ready(jax.tree.leaves(answer))
        seconds[label], began = time.perf_counter() - began, time.perf_counter()
        return answer

    fit = lap("fit", calibrate(made.problem, LevenbergMarquardt()))
    answers: dict[str, AbstractFit] = {
        "Laplace, exact curvature": lap("Laplace, exact curvature", laplace(fit)),
        "Laplace, Gauss-Newton": lap("Laplace, Gauss-Newton", laplace(fit, gauss_newton)),
    }
    answers["variational"] = lap("variational", variational(answers["Laplace, exact curvature"]))
    answers["Laplace with weights"] = weighted = lap(
        "Laplace with weights", corrected(answers["Laplace, exact curvature"], keys["weights"], draws=500, tried=1000)
    )
    answers["ChEES-HMC"] = chains = lap("ChEES-HMC", sample(answers["Laplace, exact curvature"], keys["chains"], sampler))
    learnt = lap("amortised", amortised(network, made.problem, keys["network"], draws=500, tried=1000, sampler=None if quick else sampler))
    answers["amortised"] = learnt.draws
    figures = [
        Figure(f"{model}: people", count, "1"),
        Figure(f"{model}: people whose readings could not be made", int((~made.made).sum()), "1"),
        *(Figure(f"{model}: seconds with compilation, {label}", value, "s") for label, value in seconds.items()),
        *(Figure(f"{model}: share without an answer, {m}", float(_failed(a).mean()), "1") for m, a in answers.items()),
        *(
            Figure(f"{model}: share of unknowns not identified, {m}", float((~_identified(a))[:, ~_failed(a)].mean()), "1")
            for m, a in answers.items()
        ),
        Figure(f"{model}: share with k-hat above 0.7, Laplace with weights", _share(weighted, DrawStatus.WEIGHTS_UNRELIABLE), "1"),
        Figure(f"{model}: share with an R-hat above 1.01, ChEES-HMC", _share(chains, DrawStatus.NOT_MIXED), "1"),
        Figure(f"{model}: median of the smallest bulk ESS, ChEES-HMC", float(np.nanmedian(chains.ess_bulk().min(0))), "1"),
        *(
            Figure(f"{model}: share answered by {source.name.lower()}, amortised", float((learnt.source == source).mean()), "1")
            for source in Source
        ),
        Figure(f"{model}: share flagged in the end, amortised", float((np.asarray(learnt.draws.status) != 0).mean()), "1"),
        Figure(
            f"{model}: smallest corrected p of the ranks, network without weights",
            float(_p_values(learnt.raw, made.z).min()),
            "1",
        ),
    ]
    return Arm(made, answers, figures)


def _share(draws: Draws, status: DrawStatus) -> float:
    return float((np.asarray(draws.status) == status).mean())


def _failed(answer: AbstractFit) -> np.ndarray:
    """(people,) for whom the method has no interval."""
    return ~np.asarray(answer.quantified())


def _identified(answer: AbstractFit) -> np.ndarray:
    """(unknowns, people) whose posterior SD is at most half the prior's; all of a person without an answer."""
    return (np.asarray(answer.posterior_sd()) <= IDENTIFIED_BELOW) | _failed(answer)


def _coverage(arms: dict[str, Arm], method: str, level: float) -> Coverage:
    marks = []
    for model, arm in arms.items():
        low, high = (np.asarray(x) for x in arm.answers[method].interval(level))
        holds = inside(low, high, arm.people.truth) & ~_failed(arm.answers[method])
        counted = _identified(arm.answers[method]) & arm.people.made
        marks += [((model, lane), held) for lane, held in marks_of(holds, counted)]
    return coverage(marks)


def _draws(arm: Arm, method: str) -> np.ndarray:
    """(draws, unknowns, people) of all chains."""
    z = np.asarray(arm.answers[method].z)
    return z.reshape(-1, *z.shape[2:])


def _p_values(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Of the ranks of truths among thinned draws, corrected for the number of unknowns."""
    draws = np.asarray(draws)
    kept = draws[np.linspace(0, len(draws) - 1, RANKED_DRAWS).astype(int)]
    # at least ten expected in a bin
    bins = int(np.clip(truth.shape[1] // 10, 2, 20))
    names = tuple(str(i) for i in range(len(truth)))
    return uniformity(ranks(kept, truth), RANKED_DRAWS, names, bins=bins).p_values


def _not_run(reason: str) -> Result:
    targets = [
        Target.not_run(f"coverage of {100 * level:g} % intervals, {method}", f"{level:g} +- 3 standard errors", reason)
        for method in METHODS
        for level in LEVELS
    ]
    targets += [
        Target.not_run(f"{model}: smallest corrected p of the ranks, {method}", f"> {LEAST_P:g} 1", reason)
        for model in (*POOLED, "oral, sparse")
        for method in RANKED
    ]
    return Result("coverage", [], targets, "float64", 0.0, None)
