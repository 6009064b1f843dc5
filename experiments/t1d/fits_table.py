"""What was learned of every unknown of every fitted day, as rows of ``fits.csv``.

    person, date, family, weight of the family, unknown, unit, value, 5 %, 95 %

Values are at the most probable z; ends are those of a normal posterior in z, which priors bend. Meals that a day does not have
are left out.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.special import ndtri

from calibration.diabetes.day_problem import BEGIN, DayProblem
from calibration.diabetes.fitting import DayFits
from calibration.diabetes.s2008_priors import PRODUCTION
from experiments.report.parts import csv_text
from experiments.t1d.asked import LEVEL, Twin

HEADER = ("person", "date", "family", "family weight", "unknown", "unit", "value", "5 %", "95 %")
UNITS = {PRODUCTION: "mg/kg/min", BEGIN: "mg/dL"}


class Learned(NamedTuple):
    """One unknown of one day by one family; ``low`` and ``high`` hold 90 %."""

    person: str
    date: str
    family: str
    weight: float
    unknown: str
    unit: str
    value: float
    low: float
    high: float


def learned(fits: Sequence[DayFits], twins: Sequence[Twin]) -> list[Learned]:
    """Of every good day, in the order of people and days."""
    reach = float(ndtri(0.5 + 0.5 * LEVEL))
    ends = []
    for fit in fits:
        sd = jnp.sqrt(jnp.einsum("aal->al", fit.covariance))
        ends.append([np.asarray(fit.problem.values(fit.z + side * reach * sd)) for side in (0.0, -1.0, 1.0)])
    rows = []
    for twin in (t for t in twins if t.recorded.good[0]):
        meals = {m.number for m in twin.window.inputs.meals}
        for fit, three, weight in zip(fits, ends, twin.weight, strict=True):
            for i, name in enumerate(fit.problem.names):
                meal = re.match(r"meal(\d+)\.", name)
                if meal and int(meal[1]) not in meals:
                    continue
                numbers = (float(values[i, twin.lane]) for values in three)
                day, family = twin.window.day, fit.problem.family.label
                rows.append(Learned(day.person, str(day.date), family, float(weight), name, _unit(fit.problem, name), *numbers))
    return rows


def as_csv(rows: Sequence[Learned]) -> str:
    return csv_text(HEADER, rows)


def _unit(problem: DayProblem, name: str) -> str:
    """Of an address of the body; amounts of meals, gain and held basal are factors."""
    if name.endswith(".minute"):
        return "min"
    known = problem.family.body.parameters
    return UNITS.get(name) or (known[name].unit if name in known else "1")
