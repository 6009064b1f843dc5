"""One lane in 4096 whose numbers are not: what it costs the others, and that it changes none of their bits.

Van der Pol, mu 0.1 to 30, t 0 to 20; in the second solve one lane's mu is infinite.
"""

import jax
import numpy as np

from experiments.benchmarks.contract import Figure, Result, Target, measure
from experiments.problems.ode_baselines import Case
from experiments.problems.ode_cases import van_der_pol
from physio.solve import Status, Tsit5


def run(data: str | None, quick: bool) -> Result:
    lanes = 512 if quick else 4096
    case = Case("van der Pol", van_der_pol(), {"case.mu": np.geomspace(0.1, 30.0, lanes)}, 20.0, 1.0)
    one = np.arange(lanes) == lanes // 3
    bad = {"case.mu": np.where(one, np.inf, case.values["case.mu"])}

    def solved(values):
        path = case.final(values, Tsit5(1e-6, 1e-6))
        return path.final, path.status

    # the same program for both, in turn, so that what slows the machine slows both
    clean = measure(solved, case.values)
    mixed = measure(solved, bad)
    ratio = mixed.run_s / clean.run_s
    both = jax.jit(solved)
    (good, _), (after, status) = both(case.values), both(bad)
    changed = int((np.asarray(good)[:, ~one] != np.asarray(after)[:, ~one]).any(axis=0).sum())
    failed = [int(lane) for lane in np.flatnonzero(np.asarray(status) != Status.OK)]
    name = f"time with one diverging lane in {lanes} over that without"
    return Result(
        name="solver-isolation",
        figures=[
            Figure(name, ratio, "1"),
            Figure("other lanes whose bits changed", changed, "1"),
            Figure("lanes named as failed", len(failed), "1"),
            Figure("clean batch, ms", 1e3 * clean.run_s, "ms"),
        ],
        targets=[
            Target.at_most(name, ratio, 1.2, ""),
            Target.at_most("other lanes whose bits changed", changed, 0, ""),
            Target("lanes named as failed", "exactly the diverging one", len(failed), failed == [lanes // 3]),
        ],
        precision="float64",
        compile_s=clean.compile_s,
        achieved_error=None,
        error_meaning="none: bits are compared",
    )
