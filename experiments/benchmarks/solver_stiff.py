"""Rodas4 for a cohort against Kvaerno5 of a general solver under ``vmap``, and LSODA person by person.

Van der Pol (mu 500 to 1500, t 0 to 2000) and Robertson (k 0.03 to 0.05, t 0 to 1e5), 128 lanes. Each solver has the loosest
tolerance at which all its lanes are within the common error; baselines solve every 16th lane, speeds are per lane.
"""

import time

import diffrax
import jax
import numpy as np

from experiments.benchmarks.contract import Baseline, Figure, Result, Target, measure
from experiments.problems.ode_baselines import Case, by_lsoda, loosest, vmapped
from experiments.problems.ode_cases import robertson, van_der_pol
from physio.solve import Rodas4

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


def run(data: str | None, quick: bool) -> Result:
    lanes = 32 if quick else 128
    cases = [
        (
            Case("van der Pol", van_der_pol(), "case.mu", np.linspace(500.0, 1500.0, lanes), 2000.0, 1e-2),
            (_van_der_pol, _van_der_pol_slopes),
        ),
        (
            Case("Robertson", robertson(), "case.k", np.linspace(0.03, 0.05, lanes), 1e5, 1e-6),
            (_robertson, _robertson_slopes),
        ),
    ]
    figures, baselines, targets, compile_s, worst = [], [], [], 0.0, 0.0
    for case, plain in cases:
        few = case.values[::EVERY]
        tight = Rodas4(1e-10, 1e-10 * case.atol, max_steps=MOST_STEPS)
        truth = np.asarray(jax.jit(lambda v, c=case, m=tight: c.final(v, m).final)(case.values))

        def own(values, rtol, case=case):
            return case.final(values, Rodas4(rtol, rtol * case.atol, max_steps=MOST_STEPS)).final

        other = vmapped(case, diffrax.Kvaerno5())
        compiled, theirs = jax.jit(own), jax.jit(other)
        rtol, error = loosest(lambda r, c=compiled, v=case.values: c(v, r), truth, ERROR)
        here = truth[:, ::EVERY]
        rtol_other, error_other = loosest(lambda r, c=theirs, v=few: c(v, r), here, ERROR)
        rtol_lsoda, error_lsoda = loosest(lambda r, c=case, p=plain, v=few: by_lsoda(c, *p, v, r), here, ERROR)
        mine = measure(own, case.values, rtol)
        base = measure(other, few, rtol_other, repeats=1 if quick else 3)
        began = time.perf_counter()
        by_lsoda(case, *plain, few, rtol_lsoda)
        lsoda = (time.perf_counter() - began) / len(few)
        each, general = mine.run_s / lanes, base.run_s / len(few)
        compile_s += mine.compile_s
        worst = max(worst, error)
        figures += [
            Figure(f"{case.name}, ms per trajectory", 1e3 * each, "ms"),
            Figure(f"{case.name}, error", error, "1"),
            Figure(f"{case.name}, speed against diffrax.Kvaerno5 under vmap", general / each, "1"),
            Figure(f"{case.name}, speed against LSODA", lsoda / each, "1"),
        ]
        baselines += [
            Baseline(f"{case.name}, diffrax.Kvaerno5 under vmap, ms per trajectory", 1e3 * general, "ms"),
            Baseline(f"{case.name}, diffrax.Kvaerno5 under vmap, error", error_other, "1"),
            Baseline(f"{case.name}, LSODA, ms per trajectory", 1e3 * lsoda, "ms"),
            Baseline(f"{case.name}, LSODA, error", error_lsoda, "1"),
        ]
        targets += [
            Target.at_least(f"{case.name}, speed against diffrax.Kvaerno5 under vmap", general / each, 200.0, ""),
            Target.at_least(f"{case.name}, speed against LSODA", lsoda / each, 50.0, ""),
        ]
    for name in ("ten Tusscher 2006", "Topp 2000"):
        targets.append(Target.not_run(f"{name}, speed against diffrax.Kvaerno5", ">= 20", "not part of this benchmark yet"))
    return Result(
        name="solver-stiff",
        figures=figures,
        targets=targets,
        precision="float64",
        compile_s=compile_s,
        achieved_error=worst,
        error_meaning="largest error of a lane at the end, as a share of the state's largest value",
        baselines=baselines,
    )
