"""Days of real people with type 1 diabetes (``--data``, default ``t1d_uom``): fitted, and forecast beside what must be beaten.

Every day that has 70 % of its readings, a bolus and a meal is fitted by the UVA/Padova family, with amounts and times of meals
in doubt; days that are not are counted by reason. Forecasts 30 to 240 min ahead are made at six times of each day from the
person's earlier days and the readings so far, by a twin that a Kalman filter updates reading by reading. RMSE by person, over
forecasts that all forecasters made; small groups: twelve people, ten with days. The first four days of each person chose the
filter's numbers and are not scored.

What is asked of the worst person is asked of twin and autoregression together; the twin's own is a figure beside it.
"""

from pathlib import Path

import numpy as np

from calibration.diabetes.day_problem import Doubt, DayProblem
from calibration.diabetes.fitting import DayFits, fit_days, in_blocks
from calibration.diabetes.followed_days import HORIZONS, SENSOR, follow_days
from calibration.diabetes.forecasts import FORECASTERS, Forecasts, forecasts
from calibration.diabetes.s2008 import S2008
from calibration.diabetes.traces import trace_of
from calibration.diabetes.window import LEAD, ROOM, Window, window
from calibration.least_squares import LevenbergMarquardt
from calibration.records.days import days, summary
from calibration.records.folder import read_folder
from experiments.benchmarks.contract import Figure, Result, Target
from experiments.problems.shared_data import shared_data

# a real day ends within thirty steps or does not end well
DAYS = LevenbergMarquardt(iterations=30, ftol=1e-4)
DAY_RMSE, WORSE = 15.0, 1.10
LEVEL = 1.645
QUICK_DAYS = 6
# days of each person that chose the numbers of the filter, and forecasts without which a person has no RMSE
CHOSEN, FEWEST = 4, 20


def run(data: Path | None, quick: bool) -> Result:
    """Quick: six days of one person, fits only."""
    asked = [("median RMSE of fitted days", f"<= {DAY_RMSE:g} mg/dL"), ("worst person over ridge", f"<= {WORSE:g}")]
    folder = shared_data("t1d_uom", data)
    if folder is None:
        missing = [Target.not_run(f, a, "no data: give --data the folder t1d_uom") for f, a in asked]
        return Result("t1d-real", [], missing, "float64", 0.0, None)
    used, figures = _windows(folder, quick)
    trace = trace_of([w.diary for w in used], [w.start for w in used], used[0].minutes, SENSOR)
    problem = DayProblem.of(S2008(), [w.inputs for w in used], trace, sensor=SENSOR, doubt=Doubt(), meals=ROOM)
    values = np.where(np.asarray(trace.present), np.asarray(trace.value), np.nan)
    fits = fit_days(problem, again=0, calibrator=DAYS)
    rmse = _day_rmse(problem, fits, values)
    figures += [
        Figure("days fitted", int(np.isfinite(rmse).sum()), "1"),
        Figure("days whose fit failed", int((~np.isfinite(rmse)).sum()), "1"),
        *(Figure(f"RMSE of fitted days, {q} %", float(np.nanpercentile(rmse, q)), "mg/dL") for q in (25, 50, 75, 95)),
    ]
    targets = [Target.at_most(asked[0][0], float(np.nanmedian(np.where(np.isfinite(rmse), rmse, np.inf))), DAY_RMSE, "mg/dL")]
    if quick:
        targets = [Target.not_run(f, a, f"the quick run has {QUICK_DAYS} days") for f, a in asked]
    else:
        twin = follow_days(S2008(), used, trace)
        figures.append(Figure("the twin, for each reading of a person, forecasts included", twin.seconds, "s"))
        people = np.array([w.day.person for w in used])
        for person in np.unique(people):
            twin.mean[..., np.flatnonzero(people == person)[:CHOSEN]] = np.nan
        more = _skill(forecasts(used, values, twin), people)
        figures += more[0]
        targets += more[1]
    return Result("t1d-real", figures, targets, "float64", 0.0, None)


def _windows(folder: Path, quick: bool) -> tuple[list[Window], list[Figure]]:
    diaries = read_folder(folder)
    every = {diary.person: days(diary) for diary in diaries}
    used = [window(diary, day) for diary in diaries for day in every[diary.person] if not day.why]
    told = summary([day for some in every.values() for day in some])
    figures = [Figure(line, 1, "1") for line in told]
    return (used[:QUICK_DAYS] if quick else used), figures


def _day_rmse(problem: DayProblem, fits: DayFits, values: np.ndarray) -> np.ndarray:
    """Of the day itself, without the hours before it, of what the sensor would tell without its noise."""
    told = in_blocks(problem, fits.z, lambda part, z: part.predict(z).told)
    first = int(LEAD // 5.0)
    read = np.isfinite(values[first:])
    square = np.where(read, values[first:] - told[first:], 0.0) ** 2
    return np.where(np.isfinite(fits.cost), np.sqrt(square.sum(0) / read.sum(0)), np.nan)


def _skill(found: Forecasts, people: np.ndarray) -> tuple[list[Figure], list[Target]]:
    """By horizon and by person, over forecasts that all made."""
    figures, covered_by, ratios = [], {}, {"both": [], "twin": []}
    within = found.within(LEVEL)
    for k, horizon in enumerate(HORIZONS):
        by_person = {}
        for person in np.unique(people):
            use = found.shared[k] & (people == person)[None]
            if use.sum() < FEWEST:
                continue
            by_person[person] = {name: float(np.sqrt((found.off(name)[k][use] ** 2).mean())) for name in FORECASTERS}
            covered_by[person] = float(within[k][use].mean())
            figures.append(Figure(f"{person}, {horizon} min, forecasts", int(use.sum()), "1"))
            figures += [Figure(f"{person}, {horizon} min, {said}", by_person[person][n], "mg/dL") for n, said in FORECASTERS.items()]
            figures.append(Figure(f"{person}, {horizon} min, within the twin's 90 % interval", covered_by[person], "1"))
            for name, known in ratios.items():
                known.append((by_person[person][name] / by_person[person]["ridge"], f"{person} at {horizon} min"))
        for name, said in FORECASTERS.items():
            mean = float(np.mean([v[name] for v in by_person.values()]))
            figures.append(Figure(f"{horizon} min, {said}, mean over people", mean, "mg/dL"))
        inside = float(np.mean([covered_by[p] for p in by_person]))
        figures.append(Figure(f"{horizon} min, within the twin's 90 % interval, mean over people", inside, "1"))
    for name, known in ratios.items():
        figures.append(Figure(f"{FORECASTERS[name]}, worst person over ridge ({max(known)[1]})", max(known)[0], "1"))
    return figures, [Target.at_most("worst person over ridge", max(ratios["both"])[0], WORSE, "")]
