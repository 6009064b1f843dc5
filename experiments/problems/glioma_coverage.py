"""Bias and coverage of fitted virtual people: unknowns that the scans tell, people as clusters."""

import numpy as np
from scipy.special import ndtri

from calibration.tumours.image_problem import parameter_info
from experiments.benchmarks.contract import Figure, Target
from experiments.problems.glioma_cohort import LEVEL, WIDTHS, Person
from experiments.problems.glioma_course import UNKNOWNS

FITS = ("grid taken as exact", "grid's error fitted")
ASKED = "(b) coverage of 90 % intervals, wide fronts, grid's error fitted"


def identifiable(person: Person) -> np.ndarray:
    """(fits, unknowns): posterior SD at most half the prior's, which is 1 on the scale of z."""
    priors = [parameter_info(name).prior for name in UNKNOWNS]
    width = np.stack([np.asarray(p.to_z(person.high[:, k]) - p.to_z(person.low[:, k])) for k, p in enumerate(priors)], axis=1)
    return width / (2.0 * ndtri(0.5 + 0.5 * LEVEL)) <= 0.5


def coverage(people: list[Person], fit: int) -> tuple[float, float, float]:
    """Share of true values inside, its standard error with people as clusters, and the share of unknowns that count."""
    told = np.stack([identifiable(p)[fit] & p.converged[fit] for p in people])
    inside = np.stack([(p.low[fit] <= p.truth) & (p.truth <= p.high[fit]) for p in people]) & told
    share = inside.sum() / max(told.sum(), 1)
    spread = inside.sum(1) - share * told.sum(1)
    return float(share), float(np.sqrt((spread**2).sum()) / max(told.sum(), 1)), float(told.mean())


def figures(people: list[Person]) -> list[Figure]:
    """By width of the front and by fit."""
    found = [
        Figure("(b) virtual people", len(people), "1"),
        Figure("(b) a person, made and fitted twice, median", float(np.median([p.seconds for p in people])), "s"),
    ]
    for width in WIDTHS:
        some = [p for p in people if p.width == width]
        found.append(Figure(f"(b) warned of a coarse grid, {width} fronts", float(np.mean([p.warned for p in some])), "1"))
        for fit, name in enumerate(FITS):
            place = f"{width} fronts, {name}"
            share, error, told = coverage(some, fit)
            found += [
                Figure(f"(b) converged, {place}", float(np.mean([p.converged[fit] for p in some])), "1"),
                Figure(f"(b) coverage of 90 % intervals, {place}", share, "1"),
                Figure(f"(b) its standard error, {place}", error, "1"),
                Figure(f"(b) unknowns that the scans tell, {place}", told, "1"),
            ]
            for k, unknown in enumerate(UNKNOWNS):
                inside = np.mean([p.low[fit, k] <= p.truth[k] <= p.high[fit, k] for p in some])
                found.append(Figure(f"(b) coverage of {unknown} alone, {place}", float(inside), "1"))
                bias = np.median([p.found[fit, k] / p.truth[k] - 1.0 for p in some])
                found.append(Figure(f"(b) bias of {unknown}, median, {place}", float(bias), "1"))
    return found


def target(people: list[Person], quick: bool) -> Target:
    share = coverage([p for p in people if p.width == "wide"], 1)[0]
    asked = Target.between(ASKED, share, 0.85, 0.95, "")
    return Target.not_run(ASKED, asked.asked, f"{len(people)} people tell no coverage") if quick else asked
