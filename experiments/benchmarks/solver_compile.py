"""How long the first call takes, in a new process without and with a compilation cache, and how often anything compiles.

Value and gradient by the discrete adjoint for 128 people, as in ``solver-gradient``: a ring of sixty equal parts, and the
Regazzoni circulation over one beat. Recompilation: a cohort of 64 with ragged schedules, whose people, doses and numbers of
doses change within one bucket, then leave it.
"""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.contract import Figure, Result, Target
from experiments.problems.first_calls import first_call
from physio.bodies.pharmacokinetics import oral
from physio.schedule import bolus, ragged
from physio.solve import solve

ASKED = {"ring": (3.0, 1.0), "circulation": (10.0, 2.0)}
LABEL = {"ring": "ring of 60 equal parts", "circulation": "wired circulation"}
PEOPLE = 64


def run(data: str | None, quick: bool) -> Result:
    figures, targets, total = [], [], 0.0
    for name, (cold_asked, warm_asked) in ASKED.items():
        with tempfile.TemporaryDirectory() as cache:
            for kind, asked in (("cold", cold_asked), ("warm cache", warm_asked)):
                first, third, status = _in_a_new_process(name, cache)
                figure = f"{LABEL[name]}, value and gradient, first call, {kind}"
                figures.append(Figure(figure, first, "s"))
                targets.append(Target.at_most(figure, first, asked, "s"))
                total += first if kind == "cold" else 0.0
        figures += [
            Figure(f"{LABEL[name]}, value and gradient, later calls", third, "s"),
            Figure(f"{LABEL[name]}, worst status (0: all well)", status, "1"),
        ]
    inside, outside = _compilations()
    figures += [
        Figure("compilations while people and schedules change within a bucket", inside, "1"),
        Figure("compilations when the next bucket is reached", outside - inside, "1"),
    ]
    targets.append(Target("compilations while people and schedules change within a bucket", "1", inside, inside == 1))
    return Result(
        name="solver-compile",
        figures=figures,
        targets=targets,
        precision="float64",
        compile_s=total,
        achieved_error=None,
    )


def _in_a_new_process(name: str, cache: str) -> tuple[float, float, int]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(first_call, name, cache).result()


def _compilations() -> tuple[int, int]:
    """Programs made by one jitted solve: after several cohorts of one bucket, and after one of the next."""
    rng = np.random.default_rng(0)
    body = oral(1)

    @jax.jit
    def final(clearance, schedule):
        there = body.with_values({"elimination.clearance": clearance})
        return solve(there, schedule, at=jnp.asarray([24.0]), lanes=PEOPLE).final

    def cohort(most: int):
        doses = [[(float(t), float(a)) for t, a in rng.uniform(0.0, 20.0, (int(n), 2))] for n in _counts(most)]
        people = [_course(sorted(one)) for one in doses]
        return jnp.asarray(rng.uniform(2.0, 6.0, PEOPLE)), ragged(people)

    def _counts(most):
        return [*rng.integers(1, most, PEOPLE - 1), most]

    for most in (5, 8, 6, 7):
        final(*cohort(most))
    inside = final._cache_size()
    final(*cohort(9))
    return inside, final._cache_size()


def _course(doses):
    first, *rest = (bolus("depot.drug", time, amount) for time, amount in doses)
    for one in rest:
        first = first + one
    return first
