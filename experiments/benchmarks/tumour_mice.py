"""Growth of 20 untreated mice with Lewis lung carcinoma, and their last two volumes forecast with what other mice tell.

Single mice: Gompertz's law from 1 mm3, least squares weighted by 1 / (0.21 max(V, 83)^0.84), medians over mice.

Forecast: the last two volumes of a mouse are hidden. The population, Gompertz's law with a and b that scatter together, is
fitted to all readings of the other mice by FOCEI; with it and the mouse's own visible readings the hidden ones are forecast.
Every mouse is left out once, nothing was chosen on hidden volumes. The error of a mouse is the sum of its two absolute errors
over the sum of its two volumes; what is forecast is the median. Beside it: the same with a = k b, Gompertz's law fitted to the
visible readings alone, and the last one carried forward. The quick run leaves out six mice, one each.
"""

import time
from pathlib import Path

import numpy as np

from calibration.population.fit import SearchStatus
from calibration.tumours.mice import fit_each
from calibration.tumours.records import TumourRecord, read_mice
from experiments.benchmarks.contract import Baseline, Figure, Result, Target
from experiments.problems.mice_left_out import left_out
from experiments.problems.shared_data import shared_data
from physio.tumours.closed_forms import gompertz

HIDDEN = 2
LEVELS = (0.8, 0.95)
ASKED = {"Gompertz, median a": 0.7425, "Gompertz, median b": 0.0792}
ERROR = "last two hidden, population of other mice: median relative error"


def run(data: Path | None, quick: bool) -> Result:
    where = shared_data("llc_mouse_growth", data)
    if where is None:
        reason = "no data: give --data the folder llc_mouse_growth"
        targets = [Target.not_run(name, f"{value:g} 1/d within 0.5 %", reason) for name, value in ASKED.items()]
        return Result("tumour-mice", [], [*targets, Target.not_run(ERROR, "<= 0.1", reason)], "float64", 0.0, None)
    mice, _ = read_mice(where)
    began = time.perf_counter()
    values = fit_each(mice)
    medians = np.median(values, axis=1)
    targets = [
        Target.within(name, float(found), asked, 5e-3, "1/d")
        for (name, asked), found in zip(ASKED.items(), medians, strict=True)
    ]
    spread = values.std(axis=1) / values.mean(axis=1)
    figures = [
        Figure("mice", len(mice), "1"),
        Figure("Gompertz, CV of a", float(spread[0]), "1"),
        Figure("Gompertz, CV of b", float(spread[1]), "1"),
        Figure("Gompertz, correlation of log a and log b", float(np.corrcoef(np.log(values))[0, 1]), "1"),
    ]
    tested = range(6) if quick else range(len(mice))
    two, inside, converged = _left_out(mice, tested, reduced=False)
    targets.append(Target.at_most(ERROR, float(np.median(two)), 0.10, ""))
    figures.append(Figure("populations whose search converged with every mouse counted", converged, "1"))
    figures.append(Figure("the same, mean over mice", float(two.mean()), "1"))
    figures += [
        Figure(f"hidden volumes inside {100 * level:g} % intervals", float(share), "1")
        for level, share in zip(LEVELS, inside.mean(axis=(0, 2)), strict=True)
    ]
    one, inside, _ = _left_out(mice, tested, reduced=True)
    figures.append(Figure("reduced law, a = k b: median relative error", float(np.median(one)), "1"))
    figures.append(Figure("reduced law: hidden volumes inside 80 % intervals", float(inside[:, 0].mean()), "1"))
    alone = fit_each([m.first(-HIDDEN) for m in mice])
    plain = [_error(gompertz(m.time[-HIDDEN:], 1.0, *alone[:, i]), m) for i, m in enumerate(mice)]
    carried = [_error(m.size[-HIDDEN - 1], m) for m in mice]
    baselines = [
        Baseline("Gompertz alone: median relative error", float(np.median([plain[i] for i in tested])), "1"),
        Baseline("last one carried forward: median relative error", float(np.median([carried[i] for i in tested])), "1"),
    ]
    return Result(
        "tumour-mice",
        figures,
        targets,
        "float64",
        time.perf_counter() - began,
        float(max(abs(m / a - 1.0) for m, a in zip(medians, ASKED.values(), strict=True))),
        "distance of a median from its reference, relative; compile_s is the whole run",
        baselines,
    )


def _error(predicted: object, mouse: TumourRecord) -> float:
    """Relative error of the hidden volumes."""
    hidden = mouse.size[-HIDDEN:]
    return float(np.abs(np.asarray(predicted) - hidden).sum() / hidden.sum())


def _left_out(mice: list[TumourRecord], tested: range, *, reduced: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """Errors (tested,), which hidden volumes lie inside (tested, levels, hidden), how many populations converged."""
    known = [len(m.time) - HIDDEN for m in mice]
    errors, inside, converged = [], [], 0
    for i, (fit, told) in zip(tested, left_out(mice, [[i] for i in tested], known, reduced=reduced), strict=True):
        converged += fit.status == SearchStatus.CONVERGED and bool(fit.counted.all())
        last = slice(len(mice[i].time) - HIDDEN, len(mice[i].time))
        hidden = mice[i].size[-HIDDEN:]
        errors.append(_error(told.quantile(0.5)[last, 0], mice[i]))
        bounds = [[told.quantile(0.5 + s * level / 2)[last, 0] for s in (-1, 1)] for level in LEVELS]
        inside.append([(hidden >= low) & (hidden <= high) for low, high in bounds])
    return np.asarray(errors), np.asarray(inside), converged
