"""Printed figures of tumour models, and the same equations integrated, against their closed forms.

The printed figures were computed apart from this project, of the parameters that stand beside them; fractions are 2 Gy at
alpha/beta = 10 Gy.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq

from physio.bodies.tumours import fractions, inhibited, irradiated, two_processes, untreated
from physio.bodies.xenograft import xenograft
from physio.body import Body
from physio.schedule import Schedule, nothing, switch
from physio.solve import Status, Tsit5, solve
from physio.tumours import closed_forms as exact
from physio.tumours.growth import Bertalanffy, ClassicalBertalanffy, Exponential, Gompertz, Logistic, PowerLaw, ReducedGompertz
from physio.tumours.inhibition import claret, claret_nadir, stein
from physio.tumours.linear_quadratic import biologically_effective_dose, equivalent_dose, surviving
from physio.tumours.simeoni import SHARPNESS, simeoni_untreated

METHOD = Tsit5(rtol=1e-11, atol=1e-12)
A, B = 0.7425, 0.0792
RENAL = (3.74e-3, 2.42e-2, 9.22e-2)
PACLITAXEL = (0.273, 0.814)
DAYS = np.linspace(1.0, 24.0, 12)
COURSE = np.array([1.0, 2.0, 3.0, 6.0, 7.0])


class Printed(NamedTuple):
    """A figure as printed, its unit, and what the code gives."""

    figure: str
    printed: str
    unit: str
    value: float


def printed() -> list[Printed]:
    """All tables."""
    rows = [
        Printed("Gompertz, capacity", "11789.9", "mm3", exact.gompertz_capacity(1.0, A, B)),
        Printed("Gompertz, volume after 10 d", "168.80", "mm3", exact.gompertz(10.0, 1.0, A, B)),
        Printed("Gompertz, volume after 20 d", "1722.78", "mm3", exact.gompertz(20.0, 1.0, A, B)),
        Printed("Gompertz, doubling time at 100 mm3", "1.983", "d", exact.gompertz_doubling(100.0, 1.0, A, B)),
        Printed("Gompertz, doubling time at 1500 mm3", "5.174", "d", exact.gompertz_doubling(1500.0, 1.0, A, B)),
    ]
    for alpha, one, course in (
        (0.025, "0.94176", "0.16530"),
        (0.035, "0.91943", "0.080460"),
        (0.05, "0.88692", "0.027324"),
        (0.3, "0.48675", "4.1614e-10"),
    ):
        rows.append(Printed(f"LQ, alpha {alpha:g}, one fraction", one, "1", surviving(2.0, alpha, 10.0)))
        rows.append(Printed(f"LQ, alpha {alpha:g}, 30 fractions", course, "1", surviving(2.0, alpha, 10.0, 30)))
    rows += [
        Printed("BED, 30 x 2 Gy", "72", "Gy", biologically_effective_dose(2.0, 10.0, 30)),
        Printed("EQD2, 30 x 2 Gy", "60", "Gy", equivalent_dose(2.0, 10.0, 30)),
        Printed("BED, 40.05 Gy in 15", "50.74", "Gy", biologically_effective_dose(40.05 / 15, 10.0, 15)),
    ]
    for week, ratio in ((8.0, "0.8985"), (16.0, "0.8671"), (32.0, "0.8789")):
        rows.append(Printed(f"Claret, size after {week:g} weeks", ratio, "1", claret(week, 1.0, *RENAL)))
    rate, linear = PACLITAXEL
    rows += [
        Printed("Claret, nadir", "20.25", "week", claret_nadir(*RENAL)),
        Printed("Simeoni, weight at the turn", "2.982", "g", linear / rate),
        Printed("Simeoni, concentration that holds still", "434", "ng/mL", rate / 6.29e-4),
        Printed("Simeoni, day of the turn from 0.1 g", "12.44", "d", np.log(linear / (rate * 0.1)) / rate),
        Printed("Simeoni, weight after 20 d", "9.14", "g", simeoni_untreated(20.0, 0.1, rate, linear)),
    ]
    return [row._replace(value=float(row.value)) for row in rows]


def agrees(row: Printed) -> bool:
    """Whether a value is the printed figure, to its last digit; 4.1614e-10 has five."""
    mantissa, _, exponent = row.printed.partition("e")
    last = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return bool(abs(row.value - float(row.printed)) <= 0.5 * last)


class Integrated(NamedTuple):
    """A body, what is done to it, what is looked at and when (on the body's clock), and the closed form there."""

    name: str
    body: Body
    schedule: Schedule
    path: str
    at: np.ndarray
    exact: np.ndarray


def integrated() -> list[Integrated]:
    """Every law of growth, both laws of inhibition, Simeoni's tumour without a drug, a course of radiation."""
    t = DAYS
    laws = {
        "exponential": (Exponential(start=13.2, rate=0.25), exact.exponential(t, 13.2, 0.25)),
        "logistic": (Logistic(start=1.0, rate=0.5, capacity=1300.0), exact.logistic(t, 1.0, 0.5, 1300.0)),
        "Gompertz": (Gompertz(start=1.0, rate=A, slowing=B), exact.gompertz(t, 1.0, A, B)),
        "reduced Gompertz": (ReducedGompertz(start=1.0, slowing=B, ratio=9.0), exact.gompertz(t, 1.0, 9.0 * B, B)),
        "power law": (PowerLaw(start=1.0, gain=0.92, power=0.79), exact.power_law(t, 1.0, jnp.asarray(0.92), 0.79)),
        "Bertalanffy": (Bertalanffy(start=1.0, gain=0.95, loss=0.05, power=0.8), exact.bertalanffy(t, 1.0, 0.95, 0.05, 0.8)),
        "classical Bertalanffy": (
            ClassicalBertalanffy(start=3.0, gain=2.0, loss=0.05),
            exact.bertalanffy(t, 3.0, 2.0, 0.05, 2.0 / 3.0),
        ),
    }
    rows = [Integrated(name, untreated(law), nothing(), "tumour.volume", t, form) for name, (law, form) in laws.items()]
    weeks = np.array([4.0, 8.0, 16.0, 32.0, 52.0])
    drug = switch("exposure", 0.0)
    start = {"tumour.start": 10.1}
    rows += [
        Integrated("Claret", inhibited(), drug, "tumour.diameter", weeks, claret(weeks, 10.1, *RENAL)),
        Integrated("Stein", two_processes(), nothing(), "tumour.diameter", weeks, stein(weeks, 10.1, *RENAL[:2])),
    ]
    rows = [row._replace(body=row.body.with_values(start)) if row.at is weeks else row for row in rows]
    rows.append(Integrated("Simeoni, no drug", xenograft(), nothing(), "tumour.weight", 24.0 * t, simeoni_smooth(t)))
    course = _course(t, 2e4, 0.03, 2e5, 0.035, 10.0)
    rows.append(Integrated("radiation", irradiated(), fractions(COURSE, 2.0), "tumour.volume", t, course))
    return rows


def error(row: Integrated) -> float:
    """Largest relative difference from the closed form; infinite where it was not solved."""
    found = solve(row.body, row.schedule, at=row.at, method=METHOD)
    away = np.abs(np.asarray(found[row.path]) / np.asarray(row.exact) - 1.0).max()
    return float(away) if int(found.status) == Status.OK else float("inf")


def simeoni_smooth(days: np.ndarray, start: float = 0.1) -> np.ndarray:
    """Weight [g] without a drug for psi as it is, from l0 t = integral of (1 + x^psi)^(1/psi) / x over x = l0 w / l1."""
    rate, linear = PACLITAXEL
    first = rate * start / linear

    def time(x: float) -> float:
        # (1 + x^psi)^(1/psi) / x is 1/x plus what bends the turn
        bent: Callable[[float], float] = lambda s: np.expm1(np.log1p(s**SHARPNESS) / SHARPNESS) / s
        edges = sorted({first, *(e for e in (0.5, 0.9, 1.1, 2.0) if first < e < x), x})
        more = sum(quad(bent, a, b, epsabs=1e-14, epsrel=1e-13)[0] for a, b in zip(edges, edges[1:]))
        return (np.log(x / first) + more) / rate

    largest = first * np.exp(rate * days.max())
    return np.asarray([brentq(lambda x: time(x) - t, first, largest, xtol=1e-14, rtol=1e-14) for t in days]) * linear / rate


def _course(days: np.ndarray, volume: float, rate: float, capacity: float, alpha: float, ratio: float) -> np.ndarray:
    """Logistic growth between fractions; a reading on a day of radiation is before it."""
    now, seen = 0.0, {}
    for t in sorted({*days.tolist(), *COURSE.tolist()}):
        volume, now = float(exact.logistic(t - now, volume, rate, capacity)), t
        seen[t] = volume
        if t in COURSE:
            volume *= float(surviving(2.0, alpha, ratio))
    return np.asarray([seen[t] for t in days])

