"""Rows of the result tables from fits: one way to write an estimate, a failure or a band for all studies."""

from collections.abc import Sequence

import numpy as np

from calibration.fit import Fit, FitStatus
from calibration.identifiability import IDENTIFIED_BELOW

NOT_QUANTIFIED = "not quantified"


def plain(x) -> float | None:
    """A float, or None where it is not a finite number."""
    value = float(x)
    return value if abs(value) < float("inf") else None


def fit_rows(
    study: str,
    people: Sequence[str],
    fit: Fit,
    level: float,
    *,
    synthetic: bool,
    truth: np.ndarray | None = None,
) -> list[dict]:
    """One row an unknown and person; an unknown is identifiable when its posterior SD is at most half its prior SD."""
    values, (lo, hi), sd = np.asarray(fit.values()), map(np.asarray, fit.interval(level)), np.asarray(fit.posterior_sd())
    status = np.asarray(fit.status)
    rows = []
    for lane, person in enumerate(people):
        code = FitStatus(int(status[lane]))
        for i, name in enumerate(fit.problem.names):
            bounded = code != FitStatus.SOLVE_FAILED and plain(lo[i, lane]) is not None and plain(hi[i, lane]) is not None
            rows.append(
                {
                    "study": study,
                    "patient": person,
                    "parameter": name,
                    "unit": fit.problem.info(name).unit,
                    "estimate": plain(values[i, lane]),
                    "lo": plain(lo[i, lane]) if bounded else None,
                    "hi": plain(hi[i, lane]) if bounded else None,
                    "level": level,
                    "method": fit.method if bounded else NOT_QUANTIFIED,
                    "truth": None if truth is None else plain(truth[i, lane]),
                    "prior_sd": 1.0,
                    "posterior_sd": plain(sd[i, lane]),
                    "identifiable": bool(sd[i, lane] <= IDENTIFIED_BELOW),
                    "status": "ok" if code == FitStatus.CONVERGED else code.name.lower().replace("_", " "),
                    "reason": "" if code == FitStatus.CONVERGED else code.reason,
                    "synthetic": synthetic,
                }
            )
    return rows


def item(study: str, patient: str, arm: str, quantity: str, unit: str, value, **more) -> dict:
    """An item row; without ``lo`` and ``hi`` its method is "not quantified" unless one is named."""
    row = {
        "study": study,
        "patient": patient,
        "arm": arm,
        "quantity": quantity,
        "unit": unit,
        "value": plain(value),
        "lo": None,
        "hi": None,
        "level": None,
        "method": NOT_QUANTIFIED,
        "status": "ok",
        "reason": "",
        "synthetic": False,
    }
    return row | more


def series(study: str, patient: str, arm: str, variable: str, unit: str, time_unit: str, t, value, **more) -> dict:
    """A series row; ``lo`` and ``hi`` are lists of the same length or left out."""
    row = {
        "study": study,
        "patient": patient,
        "arm": arm,
        "variable": variable,
        "unit": unit,
        "time_unit": time_unit,
        "t": [float(x) for x in t],
        "value": [float(x) for x in value],
        "lo": None,
        "hi": None,
        "level": None,
        "synthetic": False,
    }
    return row | {k: [float(x) for x in v] if k in ("lo", "hi") else v for k, v in more.items()}


def start_rows(study: str, people: Sequence[str], starts) -> list[dict]:
    """One row a start: what it reached and how it ended."""
    cost, status, iterations = (np.asarray(x) for x in (starts.cost, starts.status, starts.iterations))
    return [
        {
            "study": study,
            "patient": person,
            "start": s,
            "cost": plain(cost[s, lane]),
            "iterations": int(iterations[s, lane]),
            "status": FitStatus(int(status[s, lane])).name.lower().replace("_", " "),
            "reason": FitStatus(int(status[s, lane])).reason,
        }
        for lane, person in enumerate(people)
        for s in range(cost.shape[0])
    ]
