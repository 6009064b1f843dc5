"""Reference figures of two published models of glucose, and the same by solving: Hovorka 2004 and Dalla Man 2007.

Hovorka, 70 kg: glucose at rest under nine rates of insulin, and 50 g eaten over 15 min from the 60th minute on, with and
without 4 U in its first minute, as integrated independently from the published equations. The peak of 9.885 mmol/L printed
for 4 U is the one figure that is not reached: LSODA, two Runge-Kutta schemes and ours all find 9.886 for a molar mass of
180.156 or 180.16 g/mol, and no molar mass gives both printed concentrations of that day.

Dalla Man: 78 g taken at once by the normal subject from the initial state of BioModels BIOMD0000000379, a table every 2 min of
7 h read at run time. The table holds secretion back while glucose falls, as BioModels does and the paper does not.
"""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from physio.bodies.dalla_man import dalla_man, signed_dalla_man
from physio.bodies.hovorka import at_rest, hovorka
from physio.bodies.meals import drink, insulin, swallowed
from physio.solve import Tsit5, solve
from physio.system import System

TIGHT = Tsit5(1e-11, 1e-11)
# mU/min -> mmol/L
RESTING = {
    3.0: "15.664", 4.0: "13.135", 5.0: "10.776", 5.5: "9.690", 6.0: "8.067", 6.5: "5.701", 7.0: "4.416", 8.0: "3.967",
    10.0: "3.126",
}  # fmt: skip
# what is read off a meal -> (unit, printed figure)
UNTREATED = {"peak glucose": ("mmol/L", "18.05"), "time of the peak": ("min", "214")}
TREATED = {
    "peak glucose": ("mmol/L", "9.885"), "time of the peak": ("min", "108"), "lowest glucose": ("mmol/L", "2.396"),
    "peak insulin": ("mU/L", "28.02"),
}  # fmt: skip
TABLE = "dallaman2007_meal78g_paper_eq_part0.csv"
PUBLISHED_START = {
    "glucose.plasma": 178.0, "glucose.tissue": 135.0, "insulin.liver": 4.5, "insulin.plasma": 1.25,
    "insulin.delayed": 25.0, "insulin.suppression": 25.0, "secretion.portal": 3.6,
}  # fmt: skip


def agrees(value: float, printed: str) -> bool:
    """Whether a value is the printed figure, to its last digit."""
    digits = len(printed.partition(".")[2])
    return bool(abs(value - float(printed)) <= 0.5 * 10.0**-digits)


def resting() -> np.ndarray:
    """Glucose at rest [mmol/L] under the rates of ``RESTING``."""
    rates = np.asarray(list(RESTING)) / 70.0
    return np.asarray(at_rest(hovorka().with_values({"depot.basal": rates})).value("glucose.fasting"))


def drift() -> float:
    """Largest change of glucose [mmol/L] of these people over a day without food."""
    body = at_rest(hovorka().with_values({"depot.basal": np.asarray(list(RESTING)) / 70.0}))
    path = jax.jit(lambda b: solve(b, at=jnp.asarray([0.0, 1440.0]), lanes=len(RESTING), method=TIGHT))(body)
    return float(jnp.abs(jnp.diff(path["glucose.glucose"], axis=0)).max())


def eaten(units: float) -> dict[str, float]:
    """What is read off the meal of 50 g with this bolus, every minute of a day."""
    at = np.arange(1441.0)
    schedule = swallowed(60.0, 50.0, 15.0) + insulin(60.0, units)
    path = jax.jit(lambda s: solve(hovorka(), s, at=at, method=TIGHT))(schedule)
    glucose, plasma = np.asarray(path["glucose.glucose"]), np.asarray(path["depot.insulin"])
    return {
        "peak glucose": float(glucose.max()),
        "time of the peak": float(at[glucose.argmax()]),
        "lowest glucose": float(glucose.min()),
        "peak insulin": float(plasma.max()),
    }


class Drunk(NamedTuple):
    """The drink of 78 g: largest differences from the table, the peak [mg/dL] and its time [min]."""

    glucose: float
    insulin: float
    peak: float
    time: float


def drunk(folder: Path) -> dict[str, Drunk]:
    """By the paper's secretion, and by one that falling glucose holds back."""
    table = np.genfromtxt(folder / TABLE, delimiter=",", names=True)
    found = {}
    for name, body in (("paper", dalla_man()), ("signed", signed_dalla_man())):
        rows = System.of(body, 1).state_names
        start = jnp.asarray([PUBLISHED_START.get(row, 0.0) for row in rows])
        path = jax.jit(lambda b, y: solve(b, drink(0.0, 78.0), at=table["t_min"], start=y, method=TIGHT))(body, start)
        glucose, plasma = np.asarray(path["glucose.glucose"]), np.asarray(path["insulin.insulin"])
        found[name] = Drunk(
            float(np.abs(glucose - table["G_mg_dL"]).max()),
            float(np.abs(plasma - table["I_pmol_L"]).max()),
            float(glucose.max()),
            float(table["t_min"][glucose.argmax()]),
        )
    return found
