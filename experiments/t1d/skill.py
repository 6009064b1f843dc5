"""How far forecasts were off on one person's days, and their section of the page.

The latest days that can be used are followed reading by reading by the UVA/Padova family, each forecast made from what was known
before it. Intervals of RMSE and of shares are those of days drawn with replacement.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from calibration.diabetes.followed_days import HORIZONS, SENSOR, follow_days
from calibration.diabetes.forecasts import FORECASTERS, Forecasts, forecasts
from calibration.diabetes.s2008 import S2008
from calibration.diabetes.traces import trace_of
from calibration.diabetes.window import window
from experiments.plots.forecast_skill import Skill, forecast_skill_figure
from experiments.report.canvas import of_figure
from experiments.report.parts import Panel, Picture, Section, Sheet, download
from experiments.report.wording import number, percent
from experiments.t1d.asked import LEVEL
from experiments.t1d.chosen import Person

MOST, FEWEST = 40, 8  # days followed, and days without which nothing is said
REACH = 1.6449  # standard deviations that hold 90 %
DRAWS, SEED = 1000, 5


class Scored(NamedTuple):
    """``rmse`` by forecaster (horizons, 3) [mg/dL] and ``within`` (horizons, 3) [1]: the number and its interval; ``days``, and
    forecasts at each horizon ``made`` (horizons,).
    """

    rmse: dict[str, np.ndarray]
    within: np.ndarray
    days: int
    made: np.ndarray


def scored(people: Sequence[Person]) -> dict[str, Scored]:
    """By name of the person, of those with enough days."""
    every = [[day for day in person.days if not day.why][-MOST:] for person in people]
    windows = [window(p.diary, day) for p, own in zip(people, every, strict=True) if len(own) >= FEWEST for day in own]
    if not windows:
        return {}
    trace = trace_of([w.diary for w in windows], [w.start for w in windows], windows[0].minutes, SENSOR)
    values = np.where(np.asarray(trace.present), np.asarray(trace.value), np.nan)
    found = forecasts(windows, values, follow_days(S2008(), windows, trace))
    whose = np.array([w.day.person for w in windows])
    return {str(name): _of_one(found, np.flatnonzero(whose == name)) for name in dict.fromkeys(whose)}


def _of_one(found: Forecasts, days: np.ndarray) -> Scored:
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, days.size, (DRAWS, days.size))
    rmse = {name: np.sqrt(_means(found.off(name)[..., days] ** 2, drawn)) for name in FORECASTERS}
    return Scored(rmse, _means(found.within(REACH)[..., days], drawn), days.size, found.shared[..., days].sum((1, 2)))


def _means(value: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """(horizons, 3) means of (horizons, origins, days) over what is known, and their intervals over drawn days."""
    known = np.isfinite(value)
    total, count = np.where(known, value, 0.0).sum(1), known.sum(1)
    whole = total.sum(1) / np.maximum(count.sum(1), 1)
    again = total[:, drawn].sum(2) / np.maximum(count[:, drawn].sum(2), 1)
    low, high = np.quantile(again, (0.5 - 0.5 * LEVEL, 0.5 + 0.5 * LEVEL), axis=1)
    return np.stack([whole, low, high], axis=1)


def skill_section(found: Scored | None) -> Section:
    """``found`` None: too few days."""
    section = Section(
        name="forecasts",
        title="How far its forecasts were off",
        lead="Each was made from earlier readings alone, at six times of every day. The twin knows the meals and the insulin that "
        "were to come, as the person who plans them does; the last reading and the autoregression do not.",
        summary=f"too few days: {FEWEST} are needed.",
    )
    if found is None:
        section.findings = [("Forecasts", f"nothing is said of fewer than {FEWEST} days")]
        return section
    section.summary = f"the twin, 2 h ahead: RMSE {_told(found.rmse['twin'][2], 'mg/dL')}, over {found.days} days."
    section.findings = [
        (f"{horizon} min ahead", f"RMSE of the twin {_told(found.rmse['twin'][k], 'mg/dL')}; of the last reading "
         f"{_told(found.rmse['last'][k], 'mg/dL')}; within the twin's 90 % interval {_told(100.0 * found.within[k], '%')}")
        for k, horizon in enumerate(HORIZONS)
    ]  # fmt: skip
    skills = [Skill(said, found.rmse[name][None, :, 0]) for name, said in FORECASTERS.items()]
    figure = forecast_skill_figure(np.asarray(HORIZONS), skills, title=f"{found.days} days of one person")
    alt = "Root mean square error of forecasts by how far ahead they look, of the twin and of three simpler forecasters."
    header = ["forecaster", "minutes ahead", "RMSE", "5 %", "95 %"]
    rows = [[said, horizon, *map(float, found.rmse[name][k])] for name, said in FORECASTERS.items() for k, horizon in enumerate(HORIZONS)]
    section.pictures = [
        Picture(
            title="Forecasts by how far ahead they look",
            panels=[Panel("", of_figure(figure, alt))],
            sentence=f"Up to the latest {MOST} days that can be used; forecasts that all four made. Intervals are in the table below.",
            download=download("forecasts", header, rows, "", ""),
            width=420,
        )
    ]
    table = [[said, str(horizon), _told(np.asarray(row), "mg/dL")] for said, horizon, *row in rows]
    section.sheets = [Sheet("RMSE of every forecaster", ["forecaster", "minutes ahead", "RMSE and interval"], table)]
    return section


def _told(three: np.ndarray, unit: str) -> str:
    value, low, high = (number(float(x)) for x in three)
    return f"{value} {unit}; {low} to {high} ({percent(LEVEL)})"
