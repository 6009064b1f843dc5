"""Objective functions at fixed parameters on the ten people of Wang (2007), against published values.

FOCEI, FO and FOCE of NONMEM and nlmixr2 (FOCE has two forms: the spread of errors at the typical prediction of a closed form,
as here, or of an ordinary differential equation), two nodes of quadrature on the expected Hessian, and the exact marginal
likelihood by 51 nodes on the exact one.
"""

import time

import numpy as np

from calibration.population import FO, FOCE, FOCEI, Laplace, Quadrature, terms_at
from experiments.benchmarks.contract import Figure, Result, Target
from experiments.problems.nlme_cases import WANG_ERRORS, wang
from experiments.problems.shared_data import shared_data

METHODS = {
    "FOCEI": FOCEI(),
    "FO": FO(),
    "FOCE": FOCE(),
    "quadrature, 2 nodes on the FOCEI Hessian": Quadrature(2, FOCEI()),
    "Laplace, exact Hessian": Laplace(),
    "quadrature, 51 nodes": Quadrature(51),
}
# published, or computed independently (Laplace and 51 nodes), in the order of METHODS; None where there is none
REFERENCE = {
    "additive": (-2.059, 0.026, -2.059, -1.938, -1.936123, -1.989614),
    "proportional": (39.458, 39.213, 39.207, 39.297, 39.226847, 39.354803),
    "log-normal": (40.039, 40.055, 40.039, 40.054, 40.030209, 40.076938),
    "combined, variances added": (39.735, 39.505, 39.499, 39.581, 39.515689, 39.635447),
    "combined, deviations added": (43.554, 43.398, 43.394, 43.400, 43.358675, 43.442542),
    "power 0.5": (9.966, 9.651, 9.331, 10.069, 9.955440, 9.991406),
    "Yeo-Johnson 0.5": (11.279, 11.738, 11.279, 11.366, 11.34282, 11.33588),
    "logit, 0 to 12": (0.612, 0.786, 0.612, 0.650, 0.63489, 0.64855),
    "probit, 0 to 12": (12.827, 12.847, 12.827, 12.848, 12.84182, 12.85107),
}


def run(data: str | None, quick: bool) -> Result:
    where = shared_data("nlme", data)
    if where is None:
        targets = [Target.not_run("all objective functions", "<= 0.001", "no data: give --data the folder nlme")]
        return Result("nlme-wang", [], targets, "float64", 0.0, None)
    figures, targets, worst = [], [], 0.0
    began = time.perf_counter()
    for error, wanted in list(REFERENCE.items())[: 2 if quick else None]:
        population = wang(where, WANG_ERRORS[error])
        for (method, objective), reference in zip(METHODS.items(), wanted, strict=True):
            terms, good = terms_at(population, objective, population.start())
            value = float(np.asarray(terms).sum()) if np.asarray(good).all() else float("nan")
            name = f"{error}, {method}"
            figures.append(Figure(name, value, "1"))
            away = abs(value - reference)
            worst = max(worst, away)
            targets.append(Target.at_most(f"{name}, distance from {reference:g}", away, 1e-3, ""))
    return Result(
        "nlme-wang",
        figures,
        targets,
        "float64",
        time.perf_counter() - began,
        worst,
        "largest distance of an objective function from its published value",
    )
