"""Population fits of theophylline, phenobarbital and warfarin against published and independent reference fits.

FOCEI from textbook starting values; then the marginal likelihood by adaptive quadrature from there, and its value at the
minimum with more nodes, which shows that it has converged; and SAEM from the same starting values, with importance sampling.
Standard errors: R matrix (theophylline), sandwich, NONMEM's default (phenobarbital: its published errors are those, the R
matrix is 4 to 7 % away from them).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from calibration.population import (
    FOCEI,
    Cohort,
    ImportanceSampling,
    Population,
    PopulationFit,
    Quadrature,
    SearchStatus,
    fit_population,
    from_curvature,
    saem,
    sandwich,
    terms_at,
    with_errors,
)
from experiments.benchmarks.contract import Figure, Result, Target
from experiments.problems.nlme_cases import phenobarbital, theophylline, warfarin
from experiments.problems.shared_data import shared_data

SEED = 4


@dataclass(frozen=True)
class _Reference:
    """``fixed`` thetas of the FOCEI fit; ``errors`` of thetas, of log thetas where ``relative``; nodes to fit and to judge with."""

    make: Callable
    focei: float
    exact: float
    exact_bound: float
    fixed: tuple[float, ...]
    errors: tuple[float, ...]
    relative: bool
    covariance: Callable
    nodes: tuple[int, int]


REFERENCES = {
    "theophylline": _Reference(
        theophylline,
        116.8034,
        118.1009,
        0.02,
        (1.590, 2.752, 31.81),
        (0.1918, 0.0835, 0.0466),
        True,
        from_curvature,
        (15, 25),
    ),
    "phenobarbital": _Reference(
        phenobarbital,
        586.27606,
        585.9032,
        0.02,
        (0.00469555, 0.984258, 0.158920),
        (2.10036e-4, 0.0268952, 0.0837623),
        False,
        sandwich,
        (15, 25),
    ),
    "warfarin": _Reference(
        warfarin, 423.3273, 424.99345, 0.02, tuple(np.exp([-0.56909663, -2.007179, 2.05851985])), (), False, from_curvature, (15, 25)
    ),
}


def run(data: str | None, quick: bool) -> Result:
    where = shared_data("nlme", data)
    if where is None:
        targets = [Target.not_run("all fits", "reference values", "no data: give --data the folder nlme")]
        return Result("nlme-classic", [], targets, "float64", 0.0, None)
    figures, targets, worst, seconds = [], [], 0.0, 0.0
    for name, reference in REFERENCES.items():
        population = reference.make(where)
        began = time.perf_counter()
        fit = fit_population(population, FOCEI(), gtol=1e-3)
        seconds += time.perf_counter() - began
        figures.append(Figure(f"{name}, FOCEI, seconds with compilation", time.perf_counter() - began, "s"))
        away = abs(fit.value - reference.focei)
        worst = max(worst, away)
        figures.append(Figure(f"{name}, FOCEI, objective", fit.value, "1"))
        targets += _converged(f"{name}, FOCEI", fit)
        bound = 1e-4 if name == "phenobarbital" else 1e-2
        targets.append(Target.at_most(f"{name}, FOCEI, distance from {reference.focei}", away, bound, ""))
        targets += _estimates(name, with_errors(fit, reference.covariance), reference)
        if not quick:
            for more in (_exact(name, fit, reference), _sampled(name, population, reference)):
                figures += more[0]
                targets += more[1]
    return Result(
        "nlme-classic",
        figures,
        targets,
        "float64",
        seconds,
        worst,
        "largest distance of a FOCEI objective from its reference; compile_s holds the FOCEI fits too",
    )


def _converged(name: str, fit: PopulationFit) -> list[Target]:
    good = fit.status == SearchStatus.CONVERGED and bool(fit.counted.all())
    return [Target(f"{name}, search", "converged with everybody counted", good, good)]


def _estimates(name: str, fit: PopulationFit, reference: _Reference) -> list[Target]:
    found = fit.estimates()
    off = max(abs(e.value / r - 1.0) for e, r in zip(found, reference.fixed, strict=False))
    targets = [Target.at_most(f"{name}, FOCEI, fixed effects, relative", off, 1e-3, "")]
    if reference.errors:
        errors = [(e.se or np.nan) / (e.value if reference.relative else 1.0) for e in found]
        off = max(abs(e / r - 1.0) for e, r in zip(errors, reference.errors, strict=False))
        targets.append(Target.at_most(f"{name}, FOCEI, standard errors, relative", off, 2e-2, ""))
    return targets


def _exact(name: str, start: PopulationFit, reference: _Reference) -> tuple[list[Figure], list[Target]]:
    """The marginal likelihood's minimum, and its value with more nodes."""
    few, many = reference.nodes
    fit = fit_population(start.population, Quadrature(few), x=jnp.asarray(start.x), gtol=2e-2)
    value = float(Cohort(start.population, Quadrature(many), fit.width).at(fit.x, fit.eta).terms.sum())
    return [
        Figure(f"{name}, quadrature of {few} nodes, objective", fit.value, "1"),
        Figure(f"{name}, there with {many} nodes", value, "1"),
    ], [
        *_converged(f"{name}, quadrature", fit),
        Target.at_most(f"{name}, {few} and {many} nodes apart", abs(fit.value - value), 2e-2, ""),
        Target.at_most(f"{name}, exact, distance from {reference.exact}", abs(value - reference.exact), 2e-2, ""),
    ]


def _sampled(name: str, population: Population, reference: _Reference) -> tuple[list[Figure], list[Target]]:
    """SAEM, and importance sampling where it ended against quadrature there."""
    fit, _ = saem(population, jax.random.key(SEED), rounds=4, judge=ImportanceSampling(log2_points=13))
    terms, good = terms_at(population, Quadrature(reference.nodes[1]), fit.x)
    exact = float(np.asarray(terms).sum()) if np.asarray(good).all() else float("nan")
    return [
        Figure(f"{name}, SAEM, objective by importance sampling", fit.value, "1"),
        Figure(f"{name}, SAEM, objective by quadrature of {reference.nodes[1]} nodes", exact, "1"),
    ], [
        Target.at_most(f"{name}, importance sampling, distance from quadrature", abs(fit.value - exact), 0.1, ""),
        Target.at_most(f"{name}, SAEM, distance from {reference.exact}", abs(exact - reference.exact), 0.1, ""),
        *_converged(f"{name}, SAEM", fit),
    ]
