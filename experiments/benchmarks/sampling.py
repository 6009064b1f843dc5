"""Effective draws a second from the whole posterior of two cohorts, beside what Stan and NONMEM are published to reach.

120 people with two compartments after intravenous doses, 12 with neutropenia under an oral drug: all that is shared and
everybody's parameters together, 489 and 102 unknowns, by many-chain Hamiltonian Monte Carlo. Seconds of drawing count warm-up,
but neither the pilot nor compilation, which have their own figures; published ones leave their hardware and designs unknown.
CPU seconds are those of all threads of the process: on a machine that others use, too, they say more than the clock.

A GPU gets many more chains, which cost it little more time than few. Quick: 40 people with two compartments only, four chains.
"""

import dataclasses
import time
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from calibration.posterior.hierarchical import sample_population
from calibration.posterior.pilot import pilot
from calibration.posterior.samplers import Chees, require_blackjax
from experiments.benchmarks.contract import Baseline, Figure, Result, Target
from experiments.problems import sampled_cohorts as cohorts
from physio.solve import Tsit5

SEED = 20261127
MOST_R_HAT = 1.01
# mean effective draws a second over parameters: PumasAI-Labs/Bayesian-Benchmarks (2023), results/all.csv
PUBLISHED = {"two compartments": (16.3, 11.8), "neutropenia": (0.106, 0.457)}
AIMS = {"two compartments": 1000.0, "neutropenia": 20.0}


class Sampled(NamedTuple):
    """Figures of one cohort, and seconds of the first call of its sampler, almost all of them compilation."""

    figures: list[Figure]
    targets: list[Target]
    compile_s: float


def run(data: Path | None, quick: bool) -> Result:
    try:
        require_blackjax()
    except ImportError as error:
        return _not_run(str(error))
    if quick:
        small = _sampled("two compartments", cohorts.two_compartments(40), Chees(4, 100, 400))
        # the speed of a third of the cohort is no answer to what was asked of all
        runs = [small._replace(targets=small.targets[-1:])]
        targets = [
            Target.not_run(f"two compartments: {f}", a, "the quick run has 40 people instead of 120")
            for f, a in _asked("two compartments")[:-1]
        ]
        targets += [Target.not_run(f"neutropenia: {f}", a, "left out of the quick run") for f, a in _asked("neutropenia")]
    else:
        on_gpu = jax.default_backend() == "gpu"
        two, marrow = (Chees(256, 150, 150), Chees(256, 150, 100)) if on_gpu else (Chees(8, 200, 2000), Chees(8, 150, 1000))
        runs = [
            _sampled("two compartments", cohorts.two_compartments(), two),
            _sampled("neutropenia", cohorts.neutropenia_cohort(), marrow),
        ]
        targets = []
    baselines = [
        Baseline(f"{name}: mean effective draws a second, {tool}, published, hardware unknown", value, "1/s")
        for name, values in PUBLISHED.items()
        for tool, value in zip(("Stan/Torsten", "NONMEM BAYES/NUTS"), values, strict=True)
    ]
    return Result(
        "sampling",
        [f for r in runs for f in r.figures],
        [t for r in runs for t in r.targets] + targets,
        "float64",
        sum(r.compile_s for r in runs),
        None if quick else _solver_error(),
        "largest difference of the logarithm of a prediction of the neutropenia cohort from that at rtol 1e-8",
        baselines,
    )


def _sampled(name: str, cohort: cohorts.Simulated, sampler: Chees) -> Sampled:
    began = time.perf_counter()
    known = pilot(cohort.population, cohort.priors)
    pilot_s = time.perf_counter() - began
    # trajectories of one step: the same program for a fraction of its time
    began = time.perf_counter()
    short = dataclasses.replace(sampler, most_steps=1)
    sample_population(known, jax.random.key(SEED + 1), short, reverse=cohort.reverse)
    first = time.perf_counter() - began
    began, began_cpu = time.perf_counter(), time.process_time()
    shared, own, _ = sample_population(known, jax.random.key(SEED), sampler, reverse=cohort.reverse)
    jax.block_until_ready(own.points)
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    bulk, tail, r_hat = (np.asarray(f)[:, 0] for f in (shared.ess_bulk(), shared.ess_tail(), shared.r_hat()))
    effects = len(cohort.population.random)
    own_bulk, own_r_hat = own.ess_bulk()[:effects], own.r_hat()[:effects]
    truth = np.array(list(cohort.truth.values()))
    values = np.asarray(shared.points)[..., 0].reshape(-1, truth.size)
    away = np.abs(values.mean(0) - truth) / values.std(0)
    figures = [
        Figure(f"{name}: people", cohort.population.people, "1"),
        Figure(f"{name}: unknowns", truth.size + effects * cohort.population.people, "1"),
        Figure(f"{name}: chains", sampler.chains, "1"),
        Figure(f"{name}: draws after warm-up, all chains", sampler.chains * sampler.draws, "1"),
        Figure(f"{name}: seconds of the pilot, compilation included", pilot_s, "s"),
        Figure(f"{name}: seconds of warm-up and draws", seconds, "s"),
        Figure(f"{name}: CPU seconds of warm-up and draws", cpu, "s"),
        Figure(f"{name}: gradients of a chain after warm-up", int(shared.gradients[0]), "1"),
        Figure(f"{name}: divergent transitions", int(shared.diverged[0]), "1"),
        Figure(f"{name}: minimum bulk ESS a second, shared", bulk.min() / seconds, "1/s"),
        Figure(f"{name}: mean bulk ESS a second, shared", bulk.mean() / seconds, "1/s"),
        Figure(f"{name}: minimum tail ESS a second, shared", tail.min() / seconds, "1/s"),
        Figure(f"{name}: minimum bulk ESS a second, everybody's parameters", own_bulk.min() / seconds, "1/s"),
        Figure(f"{name}: mean bulk ESS a CPU second, shared", bulk.mean() / cpu, "1/s"),
        Figure(f"{name}: largest R-hat, everybody's parameters", own_r_hat.max(), "1"),
        Figure(f"{name}: smallest E-BFMI", shared.e_bfmi().min(), "1"),
        Figure(f"{name}: furthest posterior mean from the truth, in posterior SD", away.max(), "1"),
    ]
    asked = dict(_asked(name))
    stan, nonmem = PUBLISHED[name]
    values = {
        "minimum bulk ESS a second, shared": bulk.min() / seconds,
        "mean bulk ESS over Stan's": bulk.mean() / seconds / stan,
        "mean bulk ESS over NONMEM's": bulk.mean() / seconds / nonmem,
    }
    aim = next(iter(asked))
    met = bool(values[aim] >= AIMS[name])
    where = f"the aim is for a GPU; this is {jax.devices()[0].platform}"
    targets = [
        Target(f"{name}: {aim}", asked[aim], values[aim], met, None if met else where),
        *(Target.at_least(f"{name}: {f}", values[f], 1.0, "1") for f in list(values)[1:]),
        Target.at_most(f"{name}: largest R-hat, shared", float(r_hat.max()), MOST_R_HAT, "1"),
    ]
    return Sampled(figures, targets, first)


def _asked(name: str) -> list[tuple[str, str]]:
    return [
        ("minimum bulk ESS a second, shared", f">= {AIMS[name]:g} 1/s"),
        ("mean bulk ESS over Stan's", ">= 1 1"),
        ("mean bulk ESS over NONMEM's", ">= 1 1"),
        ("largest R-hat, shared", f"<= {MOST_R_HAT:g} 1"),
    ]


def _not_run(reason: str) -> Result:
    targets = [Target.not_run(f"{name}: {f}", a, reason) for name in PUBLISHED for f, a in _asked(name)]
    return Result("sampling", [], targets, "float64", 0.0, None)


def _solver_error() -> float:
    """Of the cohort's solver at its truth."""
    cohort = cohorts.neutropenia_cohort().population
    logs = cohort.log_typical(cohort.shared(cohort.start()))
    tight = cohorts.with_method(cohort.structure, Tsit5(rtol=1e-8, atol=1e-9, max_steps=10_000))
    values = dict(zip(cohort.addresses, jnp.exp(logs), strict=True))
    loose, fine = (jax.jit(lambda s=s: s.predict(values, cohort.people)[0])() for s in (cohort.structure, tight))
    return float(jnp.abs(jnp.log(loose / fine)).max())
