"""Least-squares minima of the glucose minimal model on the test of Pacini and Bergman 1986.

20 samples from 8 min on, unit weights, insulin linear between samples and not clipped, G(0) = G0 free. Reference minima were
computed independently with two other integrators and confirmed from many random starts.
"""

import time
from pathlib import Path

import numpy as np

from calibration.least_squares import LevenbergMarquardt
from calibration.multistart import multistart
from experiments.benchmarks.contract import Baseline, Figure, Result, Target
from experiments.problems.glucose_test import KINETIC, least_squares_problem
from experiments.problems.keys import keys_of
from experiments.tables import packaged, read_glucose_test

START_MIN = 8.0
NAMES = {"glucose.sensitivity": "SI", "glucose.effectiveness": "SG"}
NAMES |= {"glucose.action_rate": "p2", "glucose.initial_glucose": "G0"}
UNITS = {"SI": "mL/uU/min", "SG": "1/min", "p2": "1/min", "G0": "mg/dL", "SSE": "mg^2/dL^2"}
REFERENCE = {
    (92.0, 11.0): {"SG": 0.018879, "p2": 0.021423, "SI": 8.0706e-4, "G0": 261.215, "SSE": 262.122},
    (90.0, 7.0): {"SG": 0.021516, "p2": 0.030429, "SI": 5.1946e-4, "G0": 266.847, "SSE": 330.287},
}
TEXTBOOK = {"SG": 0.026, "p2": 0.025, "SI": 5.0e-4, "G0": 279.0}


def run(data: Path | None, quick: bool) -> Result:
    """Both minima as the best of a multi-start; the textbook values' sum of squares as baseline."""
    test = read_glucose_test(packaged("fsigt", data))
    starts = 16 if quick else 128
    figures, targets, errors, seconds = [], [], [], []
    for (glucose, insulin), reference in REFERENCE.items():
        problem = least_squares_problem(test, START_MIN, glucose, insulin)
        began = time.perf_counter()
        fit, table = multistart(problem, LevenbergMarquardt(), keys_of(1, "bench", ["test"]), starts=starts)
        seconds.append(time.perf_counter() - began)
        found = {NAMES[n]: float(v) for n, v in zip(KINETIC, np.asarray(fit.values())[:, 0], strict=True)}
        found["SSE"] = 2.0 * float(fit.cost[0])
        where = f"Gb {glucose:g}, Ib {insulin:g}"
        for name, value in found.items():
            figures.append(Figure(f"{name} ({where})", value, UNITS[name]))
            targets.append(Target.within(f"{name} ({where})", value, reference[name], 1e-3, UNITS[name]))
            errors.append(abs(value / reference[name] - 1.0))
        costs = 2.0 * np.asarray(table.cost)[:, 0]
        share = float(np.mean(costs <= found["SSE"] * 1.0001))
        figures.append(Figure(f"starts that reach the minimum ({where})", share, "1"))
    problem = least_squares_problem(test, START_MIN, 92.0, 11.0)
    textbook = np.array([[TEXTBOOK[NAMES[n]]] for n in KINETIC])
    residuals = problem.evaluate(problem.unknowns(textbook)).residuals
    baseline = Baseline("SSE of textbook values (Gb 92, Ib 11)", float((residuals**2).sum()), UNITS["SSE"])
    figures.append(Figure("seconds of one multi-start after compilation", seconds[1], "s"))
    return Result(
        "fsigt",
        figures,
        targets,
        "float64",
        max(0.0, seconds[0] - seconds[1]),
        max(errors),
        "largest relative difference from the reference minima",
        [baseline],
    )
