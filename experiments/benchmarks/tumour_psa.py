"""A marker under adaptive abiraterone: 17 men fitted, their last cycle forecast, and two policies on their twins.

In sample: root mean square error of readings over the highest one of each man, mean over men; every highest recomputed from
the readings. Beside it what the published model reached, and the previous reading as a prediction of the next.

Last cycle: readings after the drug last came back are hidden; doses are known. Beside it the last known reading carried
forward.

Policies: draws of every man's posterior (normal about the best fit, by the curvature there) under adaptive doses and under the
drug throughout. Time to progression, a marker above 1.2 times its baseline, is censored at ten years; the ratio is that of
medians over men, its interval that of draws. Men with a drawn tumour that never progresses make a ratio of 1.

The quick run takes four men, two starts and few draws.
"""

import time
from pathlib import Path

import numpy as np

from calibration.fit import Fit, FitStatus
from calibration.tumours.psa import MarkerRecord, read_psa
from experiments.benchmarks.contract import Baseline, Figure, Result, Target
from experiments.problems.psa_twins import HORIZON, fit_men, last_cycle, policies, rmse
from experiments.problems.shared_data import shared_data

IN_SAMPLE = "in sample, mean error of the marker over its maximum"
PUBLISHED = 0.2503
LEVEL = 0.9


def run(data: Path | None, quick: bool) -> Result:
    where = shared_data("mcrpc_adaptive_psa", data)
    if where is None:
        reason = "no data: give --data the folder mcrpc_adaptive_psa"
        return Result("tumour-psa", [], [Target.not_run(IN_SAMPLE, "<= 0.15", reason)], "float64", 0.0, None)
    began = time.perf_counter()
    men = read_psa(where)[: 4 if quick else None]
    starts, draws = (2, 4) if quick else (16, 50)
    fit, predicted = fit_men(men, starts)
    each = [rmse(predicted[: len(m.day), i] / m.level.max(), m.relative) for i, m in enumerate(men)]
    persisting = [rmse(m.relative[:-1], m.relative[1:]) for m in men]
    figures = [
        Figure("men", len(men), "1"),
        Figure("men with an error of at most 0.15", sum(e <= 0.15 for e in each), "1"),
        Figure("fits that converged", int((np.asarray(fit.status) == FitStatus.CONVERGED).sum()), "1"),
    ]
    baselines = [
        Baseline("published model", PUBLISHED, "1"),
        Baseline("previous reading", float(np.mean(persisting)), "1"),
    ]
    asked = [m for m in men if last_cycle(m) is not None]
    known = [last_cycle(m) for m in asked]
    _, ahead = fit_men(asked, starts, known)
    hidden = [m.relative[k:] for m, k in zip(asked, known, strict=True)]
    told = [ahead[k : len(m.day), i] / m.level.max() for i, (m, k) in enumerate(zip(asked, known, strict=True))]
    carried = [np.full(len(h), m.relative[k - 1]) for h, m, k in zip(hidden, asked, known, strict=True)]
    figures += [
        Figure("men with a last cycle to forecast", len(asked), "1"),
        Figure("last cycle, mean error of the forecast", float(np.mean(list(map(rmse, told, hidden)))), "1"),
    ]
    one_ahead = [m.relative[k - 1 : -1] for m, k in zip(asked, known, strict=True)]
    for name, other in (
        ("last known reading", carried),
        ("previous reading, which sees the cycle as it goes", one_ahead),
    ):
        baselines.append(Baseline(f"last cycle, {name}", float(np.mean(list(map(rmse, other, hidden)))), "1"))
    figures += _policies(fit, men, draws)
    return Result(
        "tumour-psa",
        figures,
        [Target.at_most(IN_SAMPLE, float(np.mean(each)), 0.15, "")],
        "float64",
        time.perf_counter() - began,
        float(np.mean(each)),
        "mean over men of the root mean square error of the marker over its maximum; compile_s is the whole run",
        baselines,
    )


def _policies(fit: Fit, men: list[MarkerRecord], draws: int) -> list[Figure]:
    found = policies(fit, men, draws)
    adaptive, always, ratio = found.medians()
    low, high = np.quantile(ratio, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return [
        Figure("time to progression, adaptive, median", float(np.median(adaptive)), "d"),
        Figure("time to progression, drug throughout, median", float(np.median(always)), "d"),
        Figure("time to progression, adaptive over throughout", float(np.median(ratio)), "1"),
        Figure("the same, 90 % interval", f"{low:.2f} to {high:.2f}", "1"),
        Figure("share of days without drug until progression", float(np.median(found.free)), "1"),
        Figure(f"draws without progression in {HORIZON:g} d, adaptive", float((found.adaptive >= HORIZON).mean()), "1"),
        Figure(f"draws without progression in {HORIZON:g} d, drug throughout", float((found.always >= HORIZON).mean()), "1"),
        Figure("draws solved under both", float(found.solved.mean()), "1"),
    ]
