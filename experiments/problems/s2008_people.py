"""Virtual people of the 2008 simulator and their reference days, read at run time: their numbers are no part of the project.

A folder holds ``vpatient_params.csv`` (a row a person), ``quest.csv`` (their carbohydrate ratio), ``protocol.json`` (meals
and boluses of each scenario) and ``states_5min.npz`` (13 states every 5 min of a day, scenario by scenario).
"""

import csv
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from physio.bodies.meals import insulin, meal
from physio.bodies.uva_s2008 import uva_s2008
from physio.body import Body
from physio.schedule import Schedule, nothing, ragged
from physio.system import System

# address -> column
COLUMNS = {
    "size.weight": "BW",
    "stomach.fastest": "kmax", "stomach.slowest": "kmin", "stomach.absorption": "kabs", "stomach.available": "f",
    "stomach.slowing": "b", "stomach.reopening": "d",
    "depot.dissociation": "kd", "depot.early": "ka1", "depot.late": "ka2", "depot.basal": "u2ss",
    "insulin.volume": "Vi", "insulin.to_plasma": "m1", "insulin.to_liver": "m2", "insulin.degradation": "m4",
    "insulin.liver_loss": "m30", "insulin.use_rate": "p2u", "insulin.liver_rate": "ki", "insulin.basal": "Ib",
    "glucose.volume": "Vg", "glucose.to_tissue": "k1", "glucose.from_tissue": "k2", "glucose.production": "kp1",
    "glucose.effectiveness": "kp2", "glucose.liver_sensitivity": "kp3", "glucose.brain": "Fsnc", "glucose.uptake": "Vm0",
    "glucose.uptake_sensitivity": "Vmx", "glucose.half_uptake": "Km0", "glucose.excretion": "ke1",
    "glucose.threshold": "ke2", "glucose.fasting": "Gb", "interstitium.rate": "ksc", "interstitium.initial": "Gb",
}  # fmt: skip
# the order of the 13 states of the files; the last is an amount there, a concentration here
STATES = (
    "stomach.solid", "stomach.liquid", "stomach.intestine", "glucose.plasma", "glucose.tissue", "insulin.plasma",
    "insulin.utilisation", "insulin.delayed", "insulin.suppression", "insulin.liver", "depot.fresh", "depot.dissociated",
    "interstitium.glucose",
)  # fmt: skip


class Days(NamedTuple):
    """People times scenarios as lanes, scenario by scenario.

    ``values``    address -> (lanes,)
    ``start``     (states, lanes) in the order of the body's rows
    ``schedule``  meals and boluses
    ``at``        (times,) [min]
    ``glucose``   (times, lanes) reference, interstitial [mg/dL]
    ``names``     (lanes,) "scenario, person"
    """

    values: dict[str, np.ndarray]
    start: np.ndarray
    schedule: Schedule
    at: np.ndarray
    glucose: np.ndarray
    names: list[str]

    def body(self) -> Body:
        return uva_s2008().with_values(self.values)


def read_days(folder: Path, people: slice = slice(None)) -> Days:
    """All scenarios of these people."""
    table, ratio = _columns(folder / "vpatient_params.csv"), _columns(folder / "quest.csv")
    if ratio["Name"] != table["Name"]:
        raise ValueError(f"{folder}: quest.csv and vpatient_params.csv name different people")
    protocol = json.loads((folder / "protocol.json").read_text(encoding="utf-8"))
    scenarios = protocol["scenarios"]
    numbers = {a: np.asarray(table[column], float)[people] for a, column in COLUMNS.items()}
    per_unit = np.asarray(ratio["CR"], float)[people]
    count = len(per_unit)
    names = System.of(uva_s2008(), 1).state_names
    start = np.zeros((len(names), count))
    for number, state in enumerate(STATES, start=1):
        start[names.index(state)] = np.asarray(table[f"x0_{number:2d}"], float)[people]
    start[names.index(STATES[-1])] /= numbers["glucose.volume"]
    with np.load(folder / "states_5min.npz") as stored:
        at = stored["t_min"].astype(float)
        seen = np.concatenate([stored[name][people, :, -1] for name in scenarios]).T
    values = {address: np.tile(x, len(scenarios)) for address, x in numbers.items()}
    days = [day for scenario in scenarios.values() for day in _days(scenario, protocol["eat_rate_g_per_min"], per_unit)]
    return Days(
        values,
        np.tile(start, (1, len(scenarios))),
        ragged(days),
        at,
        seen / values["glucose.volume"],
        [f"{name}, {person}" for name in scenarios for person in table["Name"][people]],
    )


def _days(scenario: dict, g_per_min: float, grams_per_unit: np.ndarray) -> list[Schedule]:
    """One day for each carbohydrate ratio: meals, and with each a bolus within its first minute."""
    meals = np.asarray(scenario["meals_min_g"], float).reshape(-1, 2)
    eaten = sum((meal(at, grams, round(grams / g_per_min)) for at, grams in meals), start=nothing())
    units = np.asarray(scenario["bolus_factor"], float) * meals[:, 1]
    return [eaten + insulin(meals[:, 0], units / ratio) if len(meals) else eaten for ratio in grams_per_unit]


def _columns(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}
