"""A marker under adaptive abiraterone: 17 men fitted, their last cycle forecast, and two policies on their twins.

In sample: root mean square error of readings over the highest one of each man, mean over men; every highest recomputed from
the readings. Beside it what the published model reached, and the previous reading as a prediction of the next.

Last cycle: readings after the drug last came back are hidden; doses are known. The forecast is the median of draws, its band
stretched by what was off in the other men's last cycles. Beside it the last known reading carried forward, with the changes
from there to the other men's hidden readings, over everybody's highest known one, as its band. Every man counts once; intervals
over men are those of men drawn again.

Policies: draws of every man's posterior (normal about the best fit, by the curvature there) under adaptive doses and under the
drug throughout. Time to progression, a marker above 1.2 times its baseline, is censored at ten years; the ratio is that of
medians over men, its interval that of draws. Men with a drawn tumour that never progresses make a ratio of 1.

The quick run takes four men, two starts and few draws.
"""

import time
from pathlib import Path

import numpy as np

from calibration.fit import Fit, FitStatus
from calibration.scores import crps_sample
from calibration.tumours.psa import MarkerRecord, read_psa
from calibration.tumours.stretched_bands import others
from experiments.benchmarks.contract import Baseline, Figure, Result, Target
from experiments.problems.psa_twins import HORIZON, LEVEL, LastCycles, fit_men, last_cycle, last_cycles, policies, rmse
from experiments.problems.shared_data import shared_data
from experiments.tumour.score import mean_of_people
from experiments.tumour.told import stated

IN_SAMPLE = "in sample, mean error of the marker over its maximum"
PUBLISHED = 0.2503
ENDS = (0.5 - LEVEL / 2, 0.5 + LEVEL / 2)


def run(data: Path | None, quick: bool) -> Result:
    where = shared_data("mcrpc_adaptive_psa", data)
    if where is None:
        reason = "no data: give --data the folder mcrpc_adaptive_psa"
        return Result("tumour-psa", [], [Target.not_run(IN_SAMPLE, "<= 0.15", reason)], "float64", 0.0, None)
    began = time.perf_counter()
    men = read_psa(where)[: 4 if quick else None]
    starts, draws, wide = (2, 4, 20) if quick else (16, 50, 1000)
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
    ahead, beside = _ahead(asked, last_cycles(asked, starts, wide))
    figures += ahead
    baselines += beside
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


def _ahead(men: list[MarkerRecord], found: LastCycles) -> tuple[list[Figure], list[Baseline]]:
    """Last cycles, in shares of everybody's highest reading."""
    spans = [(k, len(m.day)) for m, k in zip(men, found.known, strict=True)]
    seen = [m.relative[k:last] for m, (k, last) in zip(men, spans, strict=True)]
    draws = [found.draws[:, k:last, i] / m.level.max() for i, (m, (k, last)) in enumerate(zip(men, spans, strict=True))]
    carried = [np.full(len(s), m.relative[k - 1]) for s, m, (k, _) in zip(seen, men, spans, strict=True)]
    one_ahead = [m.relative[k - 1 : -1] for m, (k, _) in zip(men, spans, strict=True)]
    error = lambda told: float(np.mean(list(map(rmse, told, seen))))
    before, after = (mean_of_people(np.asarray(inside)[:, None])[0] for inside in found.within)
    scores = [float(np.mean(np.asarray(crps_sample(d, s)))) for d, s in zip(draws, seen, strict=True)]
    width = [float(np.mean(np.diff(np.quantile(d, ENDS, axis=0), axis=0))) for d in draws]
    inside, others_scores = _carried(men, found.known)
    figures = [
        Figure("men with a last cycle to forecast", len(men), "1"),
        Figure("last cycle, mean error of the forecast", error([np.median(d, axis=0) for d in draws]), "1"),
        Figure("last cycle, CRPS", float(np.mean(scores)), "1"),
        Figure("hidden readings inside 90 % bands", after[0], "1"),
        Figure("the same with its interval over men", stated(after, ""), "1"),
        Figure("the same before bands are stretched", before[0], "1"),
        Figure("mean width of 90 % bands over the highest reading", float(np.mean(width)), "1"),
        Figure("bands stretched by, median over men", float(np.median(found.stretch)), "1"),
    ]
    baselines = [
        Baseline("last cycle, last known reading", error(carried), "1"),
        Baseline("last cycle, previous reading, which sees the cycle as it goes", error(one_ahead), "1"),
        Baseline("last cycle, CRPS of the last known reading with other men's changes", others_scores, "1"),
        Baseline("hidden readings inside 90 % bands of that", inside, "1"),
    ]
    return figures, baselines


def _carried(men: list[MarkerRecord], known: list[int]) -> tuple[float, float]:
    """The last known reading with the other men's changes as its band: share of hidden readings inside 90 % bands, and CRPS."""
    highest = [m.level[:k].max() for m, k in zip(men, known, strict=True)]
    changes = [(m.level[k:] - m.level[k - 1]) / top for m, k, top in zip(men, known, highest, strict=True)]
    inside, scores = [], []
    for i, (man, k) in enumerate(zip(men, known, strict=True)):
        change, weight = others(changes, i)
        may = np.maximum(man.level[k - 1] + highest[i] * change, 0.0)[:, None]
        below, up_to = ((weight[:, None] * side).sum(axis=0) for side in (may < man.level[k:], may <= man.level[k:]))
        inside.append(np.mean((up_to >= ENDS[0]) & (below <= ENDS[1])))
        scores.append(np.mean(np.asarray(crps_sample(may, man.level[k:], weight[:, None]))) / man.level.max())
    return float(np.mean(inside)), float(np.mean(scores))


def _policies(fit: Fit, men: list[MarkerRecord], draws: int) -> list[Figure]:
    found = policies(fit, men, draws)
    adaptive, always, ratio = found.medians()
    low, high = np.quantile(ratio, ENDS)
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
