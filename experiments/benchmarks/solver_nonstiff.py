"""Adaptive Tsit5 for a cohort against the same pair of formulas in a general solver under ``vmap``, and written as C.

Lorenz (rho 0 to 21, t 0 to 1), van der Pol (mu 0.1 to 30, t 0 to 20, steps differ tenfold between lanes) and a loop of
twenty states (ten parameters at +-10 %, one beat), 1024 lanes. Each solver has the loosest tolerance at which all lanes are
within the common error. "Sorted by cost" hands over the steps of the last solve, as fits and sweeps do. Whatever threads JAX
has, both use.
"""

import diffrax
import jax
import numpy as np

from experiments.benchmarks.contract import Baseline, Figure, Result, Target, measure
from experiments.problems.ode_baselines import Case, in_c, loosest, vmapped, worst
from experiments.problems.ode_cases import lorenz, van_der_pol
from experiments.problems.timing_loop import spread, timing_loop
from physio.solve import Tsit5
from physio.solve.kernel.build import NoCompiler

ERROR = 1e-6
MOST_STEPS = 100_000
ASKED = {"Lorenz": 5.0, "van der Pol": 5.0, "circulation": 2.9}


def run(data: str | None, quick: bool) -> Result:
    lanes = 256 if quick else 1024
    cases = [
        Case("Lorenz", lorenz(), {"case.rho": np.linspace(0.0, 21.0, lanes)}, 1.0, 1.0),
        Case("van der Pol", van_der_pol(), {"case.mu": np.geomspace(0.1, 30.0, lanes)}, 20.0, 1.0),
        Case("circulation", timing_loop(), spread(lanes), 1.0, 10.0),
    ]
    figures, baselines, targets, compile_s, largest = [], [], [], 0.0, 0.0
    for case in cases:
        truth = np.asarray(jax.jit(lambda v, c=case: c.final(v, Tsit5(1e-13, 1e-13)).final)(case.values))

        def own(values, rtol, case=case):
            path = case.final(values, Tsit5(rtol, rtol * case.atol, max_steps=MOST_STEPS))
            return path.final, path.steps

        def ordered(values, rtol, steps, case=case):
            return case.final(values, Tsit5(rtol, rtol * case.atol, max_steps=MOST_STEPS), order=steps).final

        other = vmapped(case, diffrax.Tsit5())
        compiled, theirs = jax.jit(own), jax.jit(other)
        rtol, error = loosest(lambda r, c=compiled, v=case.values: c(v, r)[0], truth, ERROR)
        rtol_other, error_other = loosest(lambda r, c=theirs, v=case.values: c(v, r), truth, ERROR)
        steps = compiled(case.values, rtol)[1]
        mine = measure(own, case.values, rtol)
        by_cost = measure(ordered, case.values, rtol, steps)
        base = measure(other, case.values, rtol_other)
        total = float(np.asarray(steps).sum())
        speed, speed_sorted = base.run_s / mine.run_s, base.run_s / by_cost.run_s
        compile_s += mine.compile_s
        largest = max(largest, error)
        figures += [
            Figure(f"{case.name}, ns per trajectory and step", 1e9 * mine.run_s / total, "ns"),
            Figure(f"{case.name}, sorted by cost, ns per trajectory and step", 1e9 * by_cost.run_s / total, "ns"),
            Figure(f"{case.name}, error", error, "1"),
            Figure(f"{case.name}, speed against diffrax.Tsit5 under vmap", speed, "1"),
            Figure(f"{case.name}, sorted by cost, speed against diffrax.Tsit5 under vmap", speed_sorted, "1"),
        ]
        baselines += [
            Baseline(f"{case.name}, diffrax.Tsit5 under vmap, ms", 1e3 * base.run_s, "ms"),
            Baseline(f"{case.name}, diffrax.Tsit5 under vmap, error", error_other, "1"),
        ]
        name = f"{case.name}, sorted by cost, speed against diffrax.Tsit5 under vmap"
        targets.append(Target.at_least(name, speed_sorted, ASKED[case.name], ""))
        name = f"{case.name}, sorted by cost, time over that of the same method in C"
        try:
            final, seconds = in_c(case, rtol, np.asarray(steps))
        except NoCompiler as why:
            targets.append(Target.not_run(name, "<= 2.4", str(why)))
            continue
        figures.append(Figure(name, by_cost.run_s / seconds, "1"))
        baselines += [
            Baseline(f"{case.name}, Tsit5 in C, ns per trajectory and step", 1e9 * seconds / total, "ns"),
            Baseline(f"{case.name}, Tsit5 in C, error", worst(final, truth), "1"),
        ]
        targets.append(Target.at_most(name, by_cost.run_s / seconds, 2.4, ""))
    return Result(
        name="solver-nonstiff",
        figures=figures,
        targets=targets,
        precision="float64",
        compile_s=compile_s,
        achieved_error=largest,
        error_meaning="largest error of a lane at the end, as a share of the state's largest value",
        baselines=baselines,
    )
