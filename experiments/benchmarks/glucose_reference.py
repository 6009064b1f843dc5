"""Models of glucose against independent integrations of the same equations, and derivatives across the events of meals.

S2008: 30 virtual people, three days each, all as one cohort; largest difference of interstitial glucose from the reference.
Hovorka 2004: glucose at rest, and a meal with and without insulin. Dalla Man 2007: a drink of 78 g.

    gradient   largest |a - b| / (|b| + 1e-3 max |b|) over a day, b extrapolated central differences

with smooth corners and with sharp ones. Steps are constants of a derivative, so a step that straddles a sharp corner
leaves an error in the first samples after it, which shrinks with the tolerance. ``--data`` names the folder that holds
``uva_s2008_reference`` and ``metabolic_reference``.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.contract import Figure, Result, Target, measure
from experiments.problems import glucose_day as day
from experiments.problems import glucose_references as known
from experiments.problems.s2008_people import Days, read_days
from experiments.problems.shared_data import shared_data
from physio.bodies.uva_s2008 import smooth_uva_s2008, uva_s2008
from physio.component import cast
from physio.solve import DiscreteAdjoint, Status, Tsit5, solve

PRECISIONS = {"float64": (jnp.float64, Tsit5(1e-9, 1e-9), 1e-3), "float32": (jnp.float32, Tsit5(1e-6, 1e-6), 0.05)}
WORST = "S2008, largest error of glucose"
TABLE = "Dalla Man, largest difference from the table"


def run(data: Path | None, quick: bool) -> Result:
    """``quick``: every tenth person, and derivatives with smooth corners only."""
    figures, targets, compile_s, achieved = _people(_folder("uva_s2008_reference", data), quick)
    for some in (_hovorka(), _dalla_man(_folder("metabolic_reference", data)), _gradients(quick)):
        figures += some[0]
        targets += some[1]
    return Result(
        "glucose-reference",
        figures,
        targets,
        "float64",
        compile_s,
        achieved,
        "largest difference of interstitial glucose from the reference, mg/dL",
    )


def _folder(name: str, data: Path | None) -> Path | None:
    found = shared_data(name, Path(data) / name if data else None)
    return found if found is not None and found.is_dir() else None


def _people(folder: Path | None, quick: bool):
    """``(figures, targets, compile_s, error)`` of the virtual people."""
    if folder is None:
        reason = "uva_s2008_reference: not found; --data names the folder that holds it"
        asked = [(f"{WORST}, {name}", f"<= {bound:g} mg/dL") for name, (_, _, bound) in PRECISIONS.items()]
        return [], [Target.not_run(figure, bound, reason) for figure, bound in asked], 0.0, None
    days = read_days(folder, slice(None, None, 10 if quick else 1))
    figures = [Figure("S2008, people times days", len(days.names), "1")]
    targets, compile_s, worst = [], 0.0, []
    for name, (dtype, method, bound) in PRECISIONS.items():
        timing = measure(solved(days, method), *cast((days.body(), jnp.asarray(days.start)), dtype), days.schedule, repeats=3)
        error = errors(days, *timing.result)
        worst.append(float(error.max()))
        compile_s += timing.compile_s
        figures += [
            Figure(f"S2008, people days a second, {name}", len(days.names) / timing.run_s, "1/s"),
            Figure(f"S2008, day of the largest error, {name}", days.names[int(error.argmax())], "1"),
        ]
        targets.append(Target.at_most(f"{WORST}, {name}", worst[-1], bound, "mg/dL"))
    return figures, targets, compile_s, worst[0]


def solved(days: Days, method: Tsit5):
    """(body, start, schedule) -> (glucose (times, lanes), status) of all days as one cohort."""

    def cohort(body, start, schedule):
        path = solve(body, schedule, at=days.at, start=start, lanes=len(days.names), method=method)
        return path["interstitium.glucose"], path.status

    return cohort


def errors(days: Days, glucose: jax.Array, status: jax.Array) -> np.ndarray:
    """Largest difference of each day [mg/dL]; infinite where a day was not solved."""
    difference = np.abs(np.asarray(glucose, float) - days.glucose).max(axis=0)
    return np.where(np.asarray(status) == Status.OK, difference, np.inf)


def _hovorka():
    found = known.resting()
    pairs = [
        (f"Hovorka, glucose at rest, {rate:g} mU/min", "mmol/L", printed, value)
        for (rate, printed), value in zip(known.RESTING.items(), found, strict=True)
    ]
    for units, wanted in ((0.0, known.UNTREATED), (4.0, known.TREATED)):
        seen = known.eaten(units)
        pairs += [(f"Hovorka, 50 g and {units:g} U, {name}", u, p, seen[name]) for name, (u, p) in wanted.items()]
    targets = [
        Target(name, f"{printed} {unit}, all digits", value, known.agrees(value, printed))
        for name, unit, printed, value in pairs
    ]
    return [Figure("Hovorka, drift of a day at rest", known.drift(), "mmol/L")], targets


def _dalla_man(folder: Path | None):
    peak = "Dalla Man, peak glucose after 78 g"
    if folder is None:
        reason = "metabolic_reference: not found; --data names the folder that holds it"
        return [], [Target.not_run(TABLE, "<= 1e-06 mg/dL", reason), Target.not_run(peak, "158.44 mg/dL", reason)]
    found = known.drunk(folder)
    paper, signed = found["paper"], found["signed"]
    figures = [
        Figure(f"{TABLE}, paper's secretion", paper.glucose, "mg/dL"),
        Figure(f"{TABLE}, insulin", signed.insulin, "pmol/L"),
        Figure("Dalla Man, peak glucose after 78 g, paper's secretion", paper.peak, "mg/dL"),
    ]
    targets = [
        Target.at_most(f"{TABLE}, signed secretion", signed.glucose, 1e-6, "mg/dL"),
        Target(peak, "158.44 mg/dL, all digits", paper.peak, known.agrees(paper.peak, "158.44")),
        Target(f"{peak}, time", "64 min", paper.time, paper.time == 64.0),
    ]
    return figures, targets


def _gradients(quick: bool):
    x = {name: jnp.asarray(value, jnp.float64) for name, value in day.QUANTITIES.items()}
    figures, targets = [], []
    for corners, body in (("smooth", smooth_uva_s2008()), ("sharp", uva_s2008()))[: 1 if quick else 2]:
        slopes = jax.jit(day.forward(body))(x)
        found = day.errors(slopes, day.differences(body))
        figures += [Figure(f"gradient error, {corners} corners, {name}", value, "1") for name, value in found.items()]
        if corners == "smooth":
            targets.append(Target.at_most("gradient error across meals, smooth corners", max(found.values()), 1e-5, ""))
            glucose = np.asarray(day.curve(body, x)["interstitium.glucose"])
            back = jax.jit(day.backward(body, DiscreteAdjoint(rows=4096)))(x)
            wanted = {name: 2.0 * (glucose * np.asarray(slope)).mean() for name, slope in slopes.items()}
            apart = max(abs(float(back[name]) / value - 1.0) for name, value in wanted.items())
            targets.append(Target.at_most("reverse against forward derivative across meals", apart, 1e-9, ""))
    return figures, targets
