"""Classic population data sets and the models of their reference fits.

Theophylline: one oral dose, first-order absorption, additive error. Phenobarbital: many intravenous boluses, weight and Apgar
score on the typical values, proportional error. Warfarin: one oral dose, additive and proportional error, variances added.
Wang (2007): f = 10 exp(-k t), two readings a person, at fixed parameters.
"""

import math
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from calibration.errors import InputError
from calibration.population.model import Population, Theta
from calibration.population.structure import Equations
from calibration.records.cells import number, read_table
from physio.noise import (
    AbstractNoise,
    Additive,
    Combined,
    LogitNormal,
    LogNormalNoise,
    Power,
    ProbitNormal,
    Proportional,
    Summed,
    YeoJohnson,
)
from physio.observe import readings

SPREAD = math.sqrt(0.1)
WANG_ERRORS: dict[str, AbstractNoise] = {
    "additive": Additive(SPREAD),
    "proportional": Proportional(SPREAD, 0.0),
    "log-normal": LogNormalNoise(SPREAD),
    "combined, variances added": Combined(SPREAD, SPREAD),
    "combined, deviations added": Summed(SPREAD, SPREAD),
    "power 0.5": Power(SPREAD, 0.5),
    "Yeo-Johnson 0.5": YeoJohnson(SPREAD, 0.5),
    "logit, 0 to 12": LogitNormal(SPREAD, 0.0, 12.0),
    "probit, 0 to 12": ProbitNormal(SPREAD, 0.0, 12.0),
}


class Row(NamedTuple):
    """Cells by column, and where they stand."""

    file: Path
    number: int
    cells: dict[str, str]


def _rows(path: Path, columns: tuple[str, ...]) -> dict[str, list[Row]]:
    """person -> rows, in the order of the file."""
    if not path.is_file():
        raise InputError(path, problem="no such file", expected=f"--data to be the folder of {path.parent.name}/{path.name}")
    table = read_table(path, "id")
    places = {name: table.column(name) for name in columns}
    people = defaultdict(list)
    for line, cells in table.rows:
        if len(cells) != len(table.header):
            raise InputError(path, line, problem=f"{len(cells)} cells", expected=f"{len(table.header)}: {','.join(table.header)}")
        found = {name: cells[at].strip() for name, at in places.items()}
        people[found["id"]].append(Row(path, line, found))
    return people


def _number(row: Row, column: str) -> float:
    return number(row.file, row.number, column, row.cells[column], "the unit of its name")


def _padded(people: list[list[float]], fill: float) -> np.ndarray:
    """(rows, people) from ragged columns."""
    most = max(len(column) for column in people)
    return np.stack([np.pad(column, (0, most - len(column)), constant_values=fill) for column in people], axis=-1)


def _split(people: dict, column: str, use=lambda row: True):
    """Times and values (readings, people) with a mask, and times and amounts of doses (doses, people)."""
    seen = [[r for r in rows if r.cells["evid"] == "0" and use(r)] for rows in people.values()]
    given = [[r for r in rows if r.cells["evid"] == "1"] for rows in people.values()]
    times = _padded([[_number(r, "time_h") for r in rows] for rows in seen], 0.0)
    values = _padded([[_number(r, column) for r in rows] for rows in seen], math.nan)
    dose_times = _padded([[_number(r, "time_h") for r in rows] for rows in given], math.inf)
    amounts = _padded([[_number(r, "amt_mg") for r in rows] for rows in given], 0.0)
    return times, values, np.isfinite(values), dose_times, amounts


def _oral(values, data):
    ka, k = values["ka"], values["clearance"] / values["volume"]
    shape = jnp.exp(-k * data["time"]) - jnp.exp(-ka * data["time"])
    return data["dose"] * ka / (values["volume"] * (ka - k)) * shape


def _boluses(values, data):
    k = values["clearance"] / values["volume"]
    since = data["time"][:, None] - data["dose_time"][None]
    given = since > 0.0
    left = jnp.where(given, jnp.exp(-k * jnp.where(given, since, 0.0)), 0.0)
    return (data["dose"] * left).sum(1) / values["volume"]


def _typical_oral(theta, covariates):
    return {name: theta[name] for name in ("ka", "clearance", "volume")}


def _typical_newborn(theta, covariates):
    weight, low = covariates["weight"], covariates["apgar"] < 5.0
    return {
        "clearance": theta["clearance"] * weight,
        "volume": theta["volume"] * weight * jnp.where(low, 1.0 + theta["low apgar"], 1.0),
    }


def theophylline(data: Path) -> Population:
    people = _rows(data / "theophylline" / "theophylline.csv", ("id", "time_h", "evid", "amt_mg", "dv_mg_per_l"))
    times, values, present, _, doses = _split(people, "dv_mg_per_l")
    return Population(
        Equations({"time": jnp.asarray(times), "dose": jnp.asarray(doses)}, _oral),
        readings(np.nan_to_num(values), present),
        Additive(1.0),
        thetas=[Theta("ka", 1.5), Theta("clearance", 3.0), Theta("volume", 30.0)],
        typical=_typical_oral,
        random=["ka", "clearance", "volume"],
        variances=[0.3, 0.1, 0.1],
        spreads=["spread"],
    )


def warfarin(data: Path) -> Population:
    columns = ("id", "time_h", "evid", "amt_mg", "dv", "dvid")
    people = _rows(data / "warfarin" / "warfarin.csv", columns)
    times, values, present, _, doses = _split(people, "dv", lambda row: row.cells["dvid"] == "cp")
    return Population(
        Equations({"time": jnp.asarray(times), "dose": jnp.asarray(doses)}, _oral),
        readings(np.nan_to_num(values), present),
        Combined(1.0, 0.1),
        thetas=[Theta("ka", 0.8), Theta("clearance", 0.15), Theta("volume", 8.0)],
        typical=_typical_oral,
        random=["ka", "clearance", "volume"],
        variances=[0.3, 0.1, 0.1],
        spreads=["spread", "fraction"],
    )


def phenobarbital(data: Path) -> Population:
    columns = ("id", "time_h", "evid", "amt_mg", "dv_mg_per_l", "wt_kg", "apgar")
    people = _rows(data / "phenobarbital" / "phenobarbital.csv", columns)
    times, values, present, dose_times, doses = _split(people, "dv_mg_per_l")
    given = {"time": jnp.asarray(times), "dose_time": jnp.asarray(dose_times), "dose": jnp.asarray(doses)}
    return Population(
        Equations(given, _boluses),
        readings(np.nan_to_num(values), present),
        Proportional(0.1, 0.0),
        thetas=[Theta("clearance", 0.005), Theta("volume", 1.0), Theta("low apgar", 0.1, positive=False)],
        typical=_typical_newborn,
        random=["clearance", "volume"],
        variances=[0.05, 0.05],
        spreads=["fraction"],
        covariates={
            "weight": np.asarray([_number(rows[0], "wt_kg") for rows in people.values()]),
            "apgar": np.asarray([_number(rows[0], "apgar") for rows in people.values()]),
        },
    )


def wang(data: Path, noise: AbstractNoise) -> Population:
    people = _rows(data / "wang2007" / "wang2007.csv", ("id", "time", "y"))
    times = _padded([[_number(r, "time") for r in rows] for rows in people.values()], 0.0)
    values = _padded([[_number(r, "y") for r in rows] for rows in people.values()], math.nan)
    return Population(
        Equations(jnp.asarray(times), lambda v, t: 10.0 * jnp.exp(-v["k"] * t)),
        readings(values),
        noise,
        thetas=[Theta("k", 0.5)],
        typical=lambda theta, covariates: {"k": theta["k"]},
        random=["k"],
        variances=[0.04],
        spreads=[],
    )
