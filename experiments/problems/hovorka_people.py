"""Virtual people with type 1 diabetes of the Cambridge simulator: sensor days for twins of another family, and their truth.

Each is ``exercising_hovorka`` without exercise: sharp corners, and a liver that takes up no glucose. With one standard normal
z a person, signs drawn, by Resalat et al.:

    disposal   = 0.4 (8.2e-4 + 3.2e-4 z)                  [L/mU/min]
    transport  = 0.4 (51.2e-4 + 14.4e-4 (z +- 0.25))      [L/mU/min]
    liver      = 0.4 (520e-4 + 137.5e-4 (z +- 0.75))      [L/mU]

all positive, or drawn again. Weight is N(70, 15.9) kg within 45 to 110. Beyond that population, and assumed: log-normal around
the published values with a cv of 0.2 the transit times of gut and depot, of 0.15 glucose production and its volume.

    holding basal        holds at rest a fasting glucose drawn from N(135, 12) mg/dL; the day begins there
    delivered basal      the holding one times N(1, 0.05), from the beginning of the day; the written one
    carbohydrate ratio   a meal of 60 g with its bolus leaves glucose after 5 h as before, under the holding basal
    interstitial         follows plasma with a lag of 10 min, exactly where plasma is linear within each minute

A person whose base day leaves 45-400 mg/dL in plasma is dropped and another drawn, with meals and all; the folder's README
says how many were. Days and sensor: ``what_if_days``.

Source: R. Hovorka et al., Physiol. Meas. 25:905-920 (2004); N. Resalat et al., PLoS ONE 14:e0217301 (2019).
"""

from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.signal import lfilter

from experiments.problems.what_if_days import DAY, EVERY, Day, Lives, drawn_day, scenarios, sensed, write_lives
from physio.bodies.hovorka import at_rest, exercising_hovorka
from physio.bodies.meals import G_PER_MIN, MG_PER_G, insulin
from physio.body import Body
from physio.schedule import switch
from physio.solve import Tsit5, solve

SEED = 20261127
MG_DL_PER_MMOL_L, MU_PER_U = 18.016, 1000.0
SPREAD = {"gut.transit": 0.2, "depot.transit": 0.2, "glucose.production": 0.15, "glucose.volume": 0.15}
FASTING_MG_DL, FASTING_SD, BASAL_ERROR = 135.0, 12.0, 0.05
TEST_MEAL_G, TEST_MIN = 60.0, 300.0
LAG_MIN = 10.0
LEAST_MG_DL, MOST_MG_DL = 45.0, 400.0
MINUTES = np.arange(DAY + 1.0)
METHOD = Tsit5(rtol=1e-8, atol=1e-9)


def write_hovorka_people(folder: Path, people: int = 20, seed: int = SEED) -> None:
    """A folder of sensor days, what-if days and their truth; the same for the same seed."""
    rng = np.random.default_rng(seed)
    batches, kept, drawn = [], 0, 0
    # as many are drawn at once as are wanted, so that every batch runs the same compiled programs
    while kept < people:
        lives = drawn_lives(rng, people)
        sound = ((lives.plasma[0] >= LEAST_MG_DL) & (lives.plasma[0] <= MOST_MG_DL)).all(0)
        batches.append(jax.tree.map(lambda x, sound=sound: x[..., sound], lives))
        last = np.flatnonzero(sound)[: people - kept]
        drawn += people if kept + len(last) < people else int(last[-1]) + 1
        kept += len(last)
    lives = jax.tree.map(lambda *x: np.concatenate(x, axis=-1)[..., :people], *batches)
    if not np.isfinite(lives.plasma).all():
        raise ArithmeticError("a what-if day could not be solved")
    write_lives(folder, lives, sensed(rng, lives.tissue[0]), "hovorka-2004")
    said = f"{people} virtual people of the Hovorka 2004 model in the layout of t1d_counterfactual_insilico, seed {seed}."
    dropped = f"Drawn: {drawn}; dropped: {drawn - people}, whose base day left {LEAST_MG_DL:g}-{MOST_MG_DL:g} mg/dL."
    (folder / "README.md").write_text(f"{said}\n{dropped}\n", encoding="utf-8")


def drawn_lives(rng: np.random.Generator, people: int) -> Lives:
    """People, their base day, and glucose on it and on all what-if days."""
    body = drawn_people(rng, people)
    ratio = np.round(carb_ratio(body), 1)
    basal = np.round(held_rate(body) * rng.normal(1.0, BASAL_ERROR, people), 8)
    day = drawn_day(rng, ratio, basal)
    days = scenarios(day).values()
    lanes = jax.tree.map(lambda x: jnp.tile(x, len(days)), body)
    path = np.asarray(plasma(lanes, Day(*(np.concatenate(x, axis=-1) for x in zip(*days, strict=True))), MINUTES))
    shown = (x[::EVERY].reshape(-1, len(days), people).swapaxes(0, 1) for x in (path, interstitial(path)))
    return Lives(np.asarray(body.value("size.weight")), ratio, day, *shown)


def drawn_people(rng: np.random.Generator, people: int) -> Body:
    """People at rest under the basal delivery that holds the fasting glucose drawn for each."""
    published = exercising_hovorka()
    disposal, transport, liver = _until_sound(lambda: _sensitivities(rng, people), lambda x: (x > 0.0).all(0))
    weight = _until_sound(lambda: rng.normal(70.0, 15.9, people), lambda x: (x >= 45.0) & (x <= 110.0))
    values = {"action.disposal": disposal, "action.transport": transport, "action.liver": liver}
    values["size.weight"] = np.round(weight, 1)
    for address, cv in SPREAD.items():
        values[address] = published.value(address) * np.exp(np.sqrt(np.log1p(cv**2)) * rng.standard_normal(people))
    fasting = rng.normal(FASTING_MG_DL, FASTING_SD, people) / MG_DL_PER_MMOL_L
    body = jax.tree.map(lambda x: jnp.broadcast_to(x, (people,)), published.with_values(values))
    resting = lambda basal: at_rest(body.with_values({"depot.basal": basal}))
    above = lambda basal: resting(basal).value("glucose.fasting") - fasting
    return resting(_crossing(above, np.zeros(people), np.full(people, 2.0), halvings=50))


def carb_ratio(body: Body) -> np.ndarray:
    """Grams that a unit covers (people,) [g/U]."""
    fasting, basal = MG_DL_PER_MMOL_L * body.value("glucose.fasting"), held_rate(body)
    zero = np.zeros((1, len(basal)))
    meal = Day(zero, zero + TEST_MEAL_G, zero, zero, basal)
    above = lambda units: plasma(body, meal._replace(units=units[None]), np.array([TEST_MIN]))[0] - fasting
    units = _crossing(above, zero[0], zero[0] + TEST_MEAL_G, halvings=26)
    return TEST_MEAL_G / units


def held_rate(body: Body) -> np.ndarray:
    """The delivery under which these people are at rest (people,) [U/min]."""
    return np.asarray(body.value("depot.basal") * body.value("size.weight")) / MU_PER_U


@eqx.filter_jit
def plasma(body: Body, day: Day, at: np.ndarray) -> Array:
    """Plasma glucose (times, people) [mg/dL] of people at rest until the day begins."""
    basal = body.value("depot.basal") * body.value("size.weight") / MU_PER_U
    schedule = (
        switch("food", day.at, day.at + day.grams / G_PER_MIN, MG_PER_G * G_PER_MIN)
        + insulin(day.bolus_at, day.units)
        + switch("insulin", jnp.zeros((1, 1)), level=(day.basal - basal)[None])
    )
    path = solve(body, schedule, at=at, lanes=len(basal), method=METHOD)
    return MG_DL_PER_MMOL_L * path["glucose.glucose"]


def interstitial(path: np.ndarray) -> np.ndarray:
    """Glucose under the skin of plasma glucose every minute (minutes, people), both in mg/dL and equal in the beginning."""
    left = np.exp(-1.0 / LAG_MIN)
    earlier = LAG_MIN * (1.0 - left) - left
    return path[0] + lfilter([1.0 - left - earlier, earlier], [1.0, -left], path - path[0], axis=0)


def _sensitivities(rng: np.random.Generator, people: int) -> np.ndarray:
    z = rng.standard_normal(people)
    of_transport, of_liver = rng.choice([-1.0, 1.0], (2, people))
    return 0.4 * np.stack([
        8.2e-4 + 3.2e-4 * z,
        51.2e-4 + 14.4e-4 * (z + 0.25 * of_transport),
        520e-4 + 137.5e-4 * (z + 0.75 * of_liver),
    ])  # fmt: skip


def _until_sound(draw: Callable[[], np.ndarray], sound: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A draw in which whoever is not sound has been drawn again."""
    found = draw()
    while not sound(found).all():
        found = np.where(sound(found), found, draw())
    return found


def _crossing(falling: Callable[[np.ndarray], Array], low: np.ndarray, high: np.ndarray, halvings: int) -> np.ndarray:
    """Where a falling function of each person crosses zero, by bisection."""
    for _ in range(halvings):
        middle = 0.5 * (low + high)
        above = np.asarray(falling(middle)) > 0.0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return 0.5 * (low + high)
