"""FOCEI of a two-compartment cohort given as ordinary differential equations, at rising numbers of people; a GPU gets the most.

Seconds from the start of a fit, compilation apart, to within 0.1 of its converged objective; memory by person; and how far each
variance is from what made the data, with the standard error that the scores of people give. FOCEI itself is biased where
people's data are few, and errors promise nothing about that.
"""

import resource
import time

import jax
import jax.numpy as jnp
import numpy as np

from calibration.population import FOCEI, Cohort, PopulationFit, SearchStatus, fit_population, from_scores, with_errors
from experiments.benchmarks.contract import Figure, Result, Target
from experiments.problems.two_compartment_cohort import FRACTION, VARIANCE, cohort

SEED = 20
SIZES, LARGEST = (1_000, 10_000), 100_000
NEAR = 0.1


def run(data: str | None, quick: bool) -> Result:
    on_gpu = jax.default_backend() == "gpu"
    sizes = (200,) if quick else (LARGEST,) if on_gpu else SIZES
    figures, targets, compile_s, error = [], [], 0.0, None
    memory = []
    for people in sizes:
        population = cohort(people, SEED)
        width = people if on_gpu else 512
        began = time.perf_counter()
        # blocks of all sizes are equally wide: one is enough to compile
        block = population.picked(np.arange(-(-people // -(-people // width))))
        Cohort(block, FOCEI(), width).at(np.asarray(population.start()), np.zeros((5, block.people)))
        compile_s += time.perf_counter() - began
        trace: list[tuple[float, float]] = []
        began = time.perf_counter()

        def note(_, value, began=began, trace=trace):
            trace.append((time.perf_counter() - began, value))

        fit = fit_population(population, FOCEI(), width=width, progress=note)
        seconds = time.perf_counter() - began
        near = next(t for t, value in trace if value <= fit.value + NEAR)
        memory.append(_peak_mib())
        label = f"{people} people"
        figures += [
            Figure(f"{label}, seconds to within {NEAR} of the converged objective", near, "s"),
            Figure(f"{label}, seconds to convergence", seconds, "s"),
            Figure(f"{label}, evaluations of the objective and its gradient", len(trace), "1"),
            Figure(f"{label}, objective", fit.value, "1"),
            Figure(f"{label}, peak memory so far", memory[-1], "MiB"),
        ]
        good = fit.status == SearchStatus.CONVERGED and bool(fit.counted.all())
        targets.append(Target(f"{label}, search", "converged with everybody counted", good, good))
        figures += _biases(label, fit)
        if error is None:
            error = _integration_error(people, fit)
            figures.append(Figure(f"{label}, objective at rtol 1e-6 and at 1e-9 apart, a person", error, "1"))
    if len(memory) > 1:
        growth = (memory[-1] - memory[0]) / (sizes[-1] - sizes[0]) * 1024.0
        figures.append(Figure("memory for one more person", growth, "KiB"))
    if LARGEST not in sizes:
        targets.append(Target.not_run(f"{LARGEST} people", "seconds to within 0.1", "quick" if quick else "no GPU"))
    return Result(
        "nlme-scale",
        figures,
        targets,
        "float64",
        compile_s,
        error,
        "mean distance of people's terms of the objective from the same with bodies solved at rtol 1e-9; compile_s holds the first "
        "evaluations too",
    )


def _peak_mib() -> float:
    """Of the device where it says so, else of the process."""
    device = jax.devices()[0].memory_stats()
    return device["peak_bytes_in_use"] / 2**20 if device else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def _biases(label: str, fit: PopulationFit) -> list[Figure]:
    """Of the variances and of the residual spread, relative to the truth."""
    found = with_errors(fit, from_scores).estimates()[5:]
    truth = [VARIANCE] * 5 + [FRACTION]
    figures = []
    for estimate, true in zip(found, truth, strict=True):
        figures.append(Figure(f"{label}, {estimate.name}, off the truth", estimate.value / true - 1.0, "1"))
        error = None if estimate.se is None else estimate.se / true
        figures.append(Figure(f"{label}, {estimate.name}, its standard error", error, "1"))
    return figures


def _integration_error(people: int, fit: PopulationFit) -> float:
    """Of a person's term, from the first of them, up to 200."""
    some = min(people, 200)
    # arrays, so that both tolerances share one compiled program
    both = [cohort(some, SEED, rtol=jnp.asarray(rtol)) for rtol in (1e-6, 1e-9)]
    terms = [Cohort(p, FOCEI(), some).at(fit.x, fit.eta[:, :some]).terms for p in both]
    return float(abs(terms[0].sum() - terms[1].sum())) / some
