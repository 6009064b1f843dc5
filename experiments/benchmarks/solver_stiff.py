"""Rodas5P for a cohort against Kvaerno5 of a general solver under ``vmap``, and LSODA person by person.

Van der Pol (mu 500 to 1500, t 0 to 2000), Robertson (k 0.03 to 0.05, t 0 to 1e5), a year of beta-cell mass (Topp 2000,
insulin sensitivity 0.65 to 0.8) and an action potential (ten Tusscher 2006, g_Kr +-20 %, 400 ms), 128 lanes. Each solver has
the loosest tolerance from which on all its lanes are within the common error; baselines solve every 16th lane, speeds are
per lane. LSODA gets plain Python equations with their exact Jacobian; the cell has none in that form.
"""

import time
from collections.abc import Callable

import diffrax
import jax
import numpy as np

from experiments.benchmarks.contract import Baseline, Figure, Result, Target, measure
from experiments.problems.ode_baselines import Case, by_lsoda, loosest, vmapped
from experiments.problems.ode_cases import robertson, van_der_pol
from physio.bodies.myocyte import epicardial, paced
from physio.bodies.topp import topp
from physio.solve import Rodas5P

ERROR = 1e-3
EVERY = 16
MOST_STEPS = 1_000_000


def _van_der_pol(y, mu):
    return [y[1], mu * (1.0 - y[0] ** 2) * y[1] - y[0]]


def _van_der_pol_slopes(y, mu):
    return [[0.0, 1.0], [-2.0 * mu * y[0] * y[1] - 1.0, mu * (1.0 - y[0] ** 2)]]


def _robertson(y, k):
    first, second, third = k * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
    return [second - first, first - second - third, third]


def _robertson_slopes(y, k):
    b, c = 1e4 * y[2], 1e4 * y[1]
    fast = 6e7 * y[1]
    return [[-k, b, c], [k, -b - fast, -c], [0.0, fast, 0.0]]


def _topp(y, sensitivity):
    glucose, insulin, mass = y
    share = glucose**2 / (20000.0 + glucose**2)
    growth = -0.06 + 0.84e-3 * glucose - 0.24e-5 * glucose**2
    return [864.0 - (1.44 + sensitivity * insulin) * glucose, 43.2 * mass * share - 432.0 * insulin, growth * mass]


def _topp_slopes(y, sensitivity):
    glucose, insulin, mass = y
    share = glucose**2 / (20000.0 + glucose**2)
    steep = 2.0 * glucose * 20000.0 / (20000.0 + glucose**2) ** 2
    growth = -0.06 + 0.84e-3 * glucose - 0.24e-5 * glucose**2
    return [
        [-1.44 - sensitivity * insulin, -sensitivity * glucose, 0.0],
        [43.2 * mass * steep, -432.0, 43.2 * share],
        [mass * (0.84e-3 - 0.48e-5 * glucose), 0.0, growth],
    ]


def cases(lanes: int) -> list[tuple[Case, tuple[Callable, Callable] | None, float]]:
    """Each with its plain rates and Jacobian, and how much faster than Kvaerno5 is asked."""
    spread = np.linspace(0.0, 1.0, lanes)
    above = np.asarray([250.0, 2.8, 37.0])
    return [
        (
            Case("van der Pol", van_der_pol(), {"case.mu": 500.0 + 1000.0 * spread}, 2000.0, 1e-2),
            (_van_der_pol, _van_der_pol_slopes),
            200.0,
        ),
        (
            Case("Robertson", robertson(), {"case.k": 0.03 + 0.02 * spread}, 1e5, 1e-6),
            (_robertson, _robertson_slopes),
            200.0,
        ),
        (
            Case("Topp 2000", topp(), {"islets.sensitivity": 0.65 + 0.15 * spread}, 365.0, 1e-2, start=above),
            (_topp, _topp_slopes),
            20.0,
        ),
        (
            Case(
                "ten Tusscher 2006", epicardial(), {"cell.rapid_rectifier": 0.153 * (0.8 + 0.4 * spread)}, 400.0, 1e-4,
                schedule=paced(1000.0, 1),
            ),
            None,
            20.0,
        ),
    ]  # fmt: skip


def run(data: str | None, quick: bool) -> Result:
    lanes = 32 if quick else 128
    found = [_compared(*case, quick) for case in cases(lanes)]
    return Result(
        name="solver-stiff",
        figures=[figure for one in found for figure in one[0]],
        targets=[target for one in found for target in one[2]],
        precision="float64",
        compile_s=sum(one[3] for one in found),
        achieved_error=max(one[4] for one in found),
        error_meaning="largest error of a lane at the end, as a share of the state's largest value",
        baselines=[baseline for one in found for baseline in one[1]],
    )


def _compared(case: Case, plain: tuple[Callable, Callable] | None, asked: float, quick: bool):
    """``(figures, baselines, targets, compile_s, error)`` of one case."""
    few, lanes, fewer = case.every(EVERY), case.lanes, -(-case.lanes // EVERY)
    tight = Rodas5P(1e-10, 1e-10 * case.atol, max_steps=MOST_STEPS)
    truth = np.asarray(jax.jit(lambda v: case.final(v, tight).final)(case.values))
    here = truth[:, ::EVERY]

    def own(values, rtol):
        return case.final(values, Rodas5P(rtol, rtol * case.atol, max_steps=MOST_STEPS)).final

    other = vmapped(case, diffrax.Kvaerno5())
    compiled, theirs = jax.jit(own), jax.jit(other)
    rtol, error = loosest(lambda r: compiled(case.values, r), truth, ERROR)
    rtol_other, error_other = loosest(lambda r: theirs(few, r), here, ERROR)
    mine = measure(own, case.values, rtol)
    base = measure(other, few, rtol_other, repeats=1 if quick else 3)
    each, general = mine.run_s / lanes, base.run_s / fewer
    name = f"{case.name}, speed against diffrax.Kvaerno5 under vmap"
    figures = [
        Figure(f"{case.name}, ms per trajectory", 1e3 * each, "ms"),
        Figure(f"{case.name}, error", error, "1"),
        Figure(name, general / each, "1"),
    ]
    baselines = [
        Baseline(f"{case.name}, diffrax.Kvaerno5 under vmap, ms per trajectory", 1e3 * general, "ms"),
        Baseline(f"{case.name}, diffrax.Kvaerno5 under vmap, error", error_other, "1"),
    ]
    targets = [Target.at_least(name, general / each, asked, "")]
    name = f"{case.name}, speed against LSODA"
    if plain is None:
        targets.append(Target.not_run(name, ">= 50", "its equations exist in one form only"))
        return figures, baselines, targets, mine.compile_s, error
    (numbers,) = few.values()
    rtol, error_lsoda = loosest(lambda r: by_lsoda(case, *plain, numbers, r), here, ERROR)
    began = time.perf_counter()
    by_lsoda(case, *plain, numbers, rtol)
    lsoda = (time.perf_counter() - began) / fewer
    figures.append(Figure(name, lsoda / each, "1"))
    baselines += [
        Baseline(f"{case.name}, LSODA, ms per trajectory", 1e3 * lsoda, "ms"),
        Baseline(f"{case.name}, LSODA, error", error_lsoda, "1"),
    ]
    targets.append(Target.at_least(name, lsoda / each, 50.0, ""))
    return figures, baselines, targets, mine.compile_s, error
