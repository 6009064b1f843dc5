"""Doses of radiation searched by gradient for 100 virtual people, and followed on their own truth.

People are draws of the priors of ``IrradiatedTumour``: growth, answer and scans are of that model, so that what is tested is
the search and what few scans can tell, not whether the model is true. Each is planned from draws of the posterior after two
scans before the course. The standard course is 30 fractions of 2 Gy in six weeks; a plan may give 0 to 4 Gy, twice the standard
fraction, in each week. Published beside it: medians of Chaudhuri 2023 on their population.

Definitions, ours but for the two questions: progression is a volume above 1.4 times that before the first fraction; control is
the superquantile at 0.8 of minus the time to it, the mean of the earliest fifth of draws; what is spared is the sum of doses.
Figures are of the truth, medians over people; intervals are 90 % by bootstrap over people. "Earlier" counts people whose truth
progresses earlier under the plan than under the standard course, by a day or more.

What a plan gains depends on how large a fraction may be, so 3 and 5 Gy are shown too; and the same with the biologically
effective dose of late tissue spared (alpha/beta 3 Gy) in place of the sum of doses; and with weeks three to six planned after
two standard weeks and a scan in each. One plan for everybody, from the prior alone, shows what scans add. Whether plans stand
when the model is not true is seen on a second truth: a tenth of the cells is a third as sensitive, which the planner does not
know. The quick run takes six people.
"""

import time
from pathlib import Path

import numpy as np

from calibration.posterior.importance import LARGEST_K
from calibration.tumours.radiation_course import HORIZON
from calibration.tumours.radiation_plan import Course
from experiments.benchmarks.contract import Baseline, Figure, Result, Target
from experiments.problems.irradiated_people import (
    DURING, LATE_RATIO, Followed, follow, one_plan, people, planned, replanned, search_error, solver_error,
)  # fmt: skip
from experiments.problems.resistant_cells import until_progression

PUBLISHED_CUT, PUBLISHED_GAIN, ASKED_SECONDS = 16.7, 6.0, 2.0
LEVEL = 0.9
SEED, RESAMPLED = 5, 2000
EARLIER = 1.0    # d
FEW = 100
SEARCHED = 6


def run(data: Path | None, quick: bool) -> Result:
    began = time.perf_counter()
    count = 6 if quick else 100
    before, during = people(count), people(count, DURING)
    plans = planned(before, Course())
    main, wrong = follow(before, Course(), plans), follow(before, Course(), plans, until_progression)
    alike = follow(before, Course(), one_plan(before, Course()))
    figures = [Figure("people", count, "1"), *_figures(main), *_wrong(wrong)]
    others = [
        ("up to 3 Gy a fraction", before, Course(high=(3.0,) * 6)),
        ("up to 5 Gy a fraction", before, Course(high=(5.0,) * 6)),
        ("late tissue spared", before, Course(spared=LATE_RATIO)),
        ("planned after two weeks", during, replanned(Course())),
        ("planned after two weeks, late tissue spared", during, replanned(Course(spared=LATE_RATIO))),
    ]
    for name, cohort, course in others:
        figures += _short(name, follow(cohort, course, planned(cohort, course)))
    for name, course in (("sum of doses", Course()), ("late tissue", Course(spared=LATE_RATIO))):
        beaten = f"{name} spared: most days by which random courses beat the search, {SEARCHED} people"
        figures.append(Figure(beaten, search_error(before[:SEARCHED], course), "d"))
    cut, gain = float(np.median(_cut(main))), float(np.median(_gain(main)))
    targets = [
        Target.at_least("dose cut at equal control, median", cut, PUBLISHED_CUT, "%"),
        Target.at_least("gain in time to progression at equal dose, median", gain, PUBLISHED_GAIN, "d"),
        Target.at_most("seconds a person, median", float(np.median(main.seconds)), ASKED_SECONDS, "s"),
    ]
    return Result(
        "tumour-plan",
        figures,
        targets,
        "float64",
        time.perf_counter() - began,
        solver_error(before),
        "largest relative difference of volumes after the standard course, closed form and solver; compile_s is the whole run",
        [
            Baseline("Chaudhuri 2023, their population: dose cut at equal control, median", PUBLISHED_CUT, "%"),
            Baseline("Chaudhuri 2023, their population: gain at equal dose, median", PUBLISHED_GAIN, "d"),
            Baseline("one plan for all, without scans: dose cut", float(np.median(_cut(alike))), "%"),
            Baseline("one plan for all: people who progress earlier, equal control", _earlier(alike, 2), "1"),
            Baseline("one plan for all: most days lost, equal control", _lost(alike), "d"),
            Baseline("one plan for all: gain at equal dose, median", float(np.median(_gain(alike))), "d"),
            Baseline("one plan for all: people who progress earlier, equal dose", _earlier(alike, 1), "1"),
        ],
    )


def _cut(found: Followed) -> np.ndarray:
    """Percent of what the standard course spends."""
    return 100.0 * (1.0 - found.spent[2] / found.spent[0])


def _gain(found: Followed) -> np.ndarray:
    return found.time[1] - found.time[0]


def _interval(values: np.ndarray) -> str:
    """Of the median, by bootstrap over people."""
    picked = np.random.default_rng(SEED).integers(0, values.size, (RESAMPLED, values.size))
    low, high = np.quantile(np.median(values[picked], axis=1), [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return f"{low:.3g} to {high:.3g}"


def _with_interval(name: str, values: np.ndarray, unit: str) -> list[Figure]:
    middle = float(np.median(values))
    return [Figure(f"{name}, median", middle, unit), Figure(f"{name}, 90 % interval", _interval(values), unit)]


def _earlier(found: Followed, plan: int) -> float:
    return float((found.time[plan] <= found.time[0] - EARLIER).mean())


def _lost(found: Followed) -> float:
    """Most days that a person loses under the plan of equal control."""
    return float(max(0.0, (found.time[0] - found.time[2]).max()))


def _unreliable(found: Followed, of: str = "") -> Figure:
    """Whose weights have too heavy a tail for averages."""
    return Figure(f"{of}people whose k-hat is above {LARGEST_K:g}", int((found.k_hat > LARGEST_K).sum()), "1")


def _figures(found: Followed) -> list[Figure]:
    """Of the plans that targets are of."""
    return [
        Figure("time to progression under the standard course, median", float(np.median(found.time[0])), "d"),
        Figure("people who do not progress under it", int((found.time[0] >= HORIZON).sum()), "1"),
        *_with_interval("equal dose, gain in time to progression", _gain(found), "d"),
        *_with_interval("equal dose, time to progression over standard", found.time[1] / found.time[0], "1"),
        Figure("equal dose, risk lowered on own draws, median", float(np.median(found.risk[0] - found.risk[1])), "d"),
        Figure("equal dose, people who progress earlier", _earlier(found, 1), "1"),
        *_with_interval("equal dose, late tissue's dose over standard", found.late[1] / found.late[0], "1"),
        *_with_interval("equal control, dose cut", _cut(found), "%"),
        *_with_interval("equal control, dose over standard", found.spent[2] / found.spent[0], "1"),
        *_with_interval("equal control, time to progression over standard", found.time[2] / found.time[0], "1"),
        Figure("equal control, people who progress earlier", _earlier(found, 2), "1"),
        Figure("equal control, most days lost", _lost(found), "d"),
        *_with_interval("equal control, late tissue's dose over standard", found.late[2] / found.late[0], "1"),
        Figure("draws of the prior that count, least", float(found.effective.min()), "1"),
        Figure(f"people with fewer than {FEW} that count", int((found.effective < FEW).sum()), "1"),
        _unreliable(found),
        Figure("seconds a person, worst", float(found.seconds.max()), "s"),
    ]


def _wrong(found: Followed) -> list[Figure]:
    """Of the same plans where the truth is another model."""
    name = "some cells hard to kill"
    return [
        Figure(f"{name}: time to progression under the standard course, median", float(np.median(found.time[0])), "d"),
        *_with_interval(f"{name}: gain", _gain(found), "d"),
        *_with_interval(f"{name}: equal control, days gained", found.time[2] - found.time[0], "d"),
        Figure(f"{name}: people who progress earlier, equal dose", _earlier(found, 1), "1"),
        Figure(f"{name}: people who progress earlier, equal control", _earlier(found, 2), "1"),
        Figure(f"{name}: equal control, most days lost", _lost(found), "d"),
    ]


def _short(name: str, found: Followed) -> list[Figure]:
    """Of another way to plan."""
    return [
        *_with_interval(f"{name}: gain", _gain(found), "d"),
        *_with_interval(f"{name}: cut", _cut(found), "%"),
        Figure(f"{name}: people who progress earlier, equal dose", _earlier(found, 1), "1"),
        Figure(f"{name}: people who progress earlier, equal control", _earlier(found, 2), "1"),
        Figure(f"{name}: draws of the prior that count, least", float(found.effective.min()), "1"),
        _unreliable(found, f"{name}: "),
    ]
