"""A folder of virtual people with one sensor day each and what-if days with known truth, ready to be fitted and scored.

The layout is that of ``t1d_counterfactual_insilico``. Records of virtual people are exact, so meals are as they are written;
the day begins at rest.
"""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from calibration.diabetes.day_problem import EXACT, DayProblem
from calibration.diabetes.family import AbstractFamily
from calibration.diabetes.inputs import DayInputs, day_inputs
from calibration.diabetes.sensor import Sensor, Trace
from calibration.diabetes.traces import trace_of
from calibration.records.folder import read_folder
from calibration.records.insilico import BASE, read_truth, read_what_ifs

MINUTES = 1440.0
# the truth is scored at the first 288 samples
SAMPLES = 288
SENSOR = Sensor()


class WhatIfFolder(NamedTuple):
    """``days`` and ``trace`` of the recorded days; by scenario the inputs of every person and the true plasma glucose (samples,
    people) [mg/dL]. ``base`` is the recorded day.
    """

    people: list[str]
    days: list[DayInputs]
    trace: Trace
    inputs: dict[str, list[DayInputs]]
    truth: dict[str, np.ndarray]

    @property
    def what_ifs(self) -> list[str]:
        return [name for name in self.inputs if name != BASE]

    def problem(self, family: AbstractFamily) -> DayProblem:
        return DayProblem.of(family, self.days, self.trace, sensor=SENSOR, doubt=EXACT)


def read_what_if_folder(folder: Path, most: int | None = None) -> WhatIfFolder:
    """``most`` of its people; all by default."""
    diaries = read_folder(folder)[:most]
    starts = [float(d.glucose.minute[0]) for d in diaries]
    days = [day_inputs(d, s, s + MINUTES, d.weight_kg) for d, s in zip(diaries, starts, strict=True)]
    others, known = read_what_ifs(folder), read_truth(folder)
    inputs, truth = {}, {}
    for scenario in known[diaries[0].person]:
        inputs[scenario] = []
        for diary, start, day in zip(diaries, starts, days, strict=True):
            other = day_inputs(others[diary.person][scenario], start, start + MINUTES, diary.weight_kg)
            # the person rests as on the recorded day; another rate begins with the day
            inputs[scenario].append(replace(other, basal=((0.0, day.rate), *other.basal)))
        truth[scenario] = np.stack([known[d.person][scenario].plasma[:SAMPLES] for d in diaries], axis=1)
    return WhatIfFolder([d.person for d in diaries], days, trace_of(diaries, starts, MINUTES, SENSOR), inputs, truth)


class Score(NamedTuple):
    """Of one what-if, by person: RMSE [mg/dL], MARD [1], share of truth within the 90 % interval, RMSE where truth is below 70
    mg/dL (nan where it never is), and the width of the interval [mg/dL].
    """

    rmse: np.ndarray
    mard: np.ndarray
    covered: np.ndarray
    rmse_low: np.ndarray
    width: np.ndarray


def scored(mean: np.ndarray, low: np.ndarray, high: np.ndarray, truth: np.ndarray) -> Score:
    """Of predictions (samples, people)."""
    off = mean - truth
    hypo = truth < 70.0
    count = hypo.sum(0)
    return Score(
        np.sqrt((off**2).mean(0)),
        (np.abs(off) / truth).mean(0),
        ((truth >= low) & (truth <= high)).mean(0),
        np.where(count > 0, np.sqrt(np.where(hypo, off**2, 0.0).sum(0) / np.maximum(count, 1)), np.nan),
        (high - low).mean(0),
    )
