"""Compartment models and their gradients against closed forms.

    error      max |c - c_exact| / max c_exact          over the observation times of one case
    gradient   max |a - b| / (|b| + 1e-3 max |b|)       b: derivative of the closed form

One, two and three compartments; oral doses (absorption also as fast as an exponent of the disposition),
boluses, infusions, repeated and overlapping doses, and steady states; one compartment with saturable
elimination. Speed is that of a cohort against Diffrax under vmap, each at the loosest tolerance whose error
is below 1e-9.
"""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.contract import Baseline, Figure, Result, Target, measure
from experiments.benchmarks.pk_cases import (
    AT,
    CASES,
    DEPOT,
    DOSES,
    EXCHANGE,
    GROUPS,
    QUANTITIES,
    SATURABLE,
    VOLUMES,
    above_capacity,
    arrays,
    errors,
    exact,
    exact_saturable,
    solved,
    solved_saturable,
    value_error,
    with_slopes,
)
from physio.bodies.pharmacokinetics import oral
from physio.drugs.closed_forms import LinearPK, superposed
from physio.schedule import bolus
from physio.solve import Diffrax, Status, Tsit5, solve

SINGLE = Tsit5(rtol=1e-5, atol=1e-6)
LADDER = (1e-8, 1e-9, 1e-10, 1e-11, 1e-12)


def run(data: object, quick: bool) -> Result:
    """``quick`` leaves out three compartments and the timing against Diffrax. Reads no data."""
    counts = (1, 2) if quick else (1, 2, 3)
    tasks = [
        ([f"{n} compartments, {case}" for case in CASES[group]], _task(n, group), QUANTITIES)
        for n in counts
        for group in GROUPS
    ]
    tasks.append(
        (["saturable, bolus", "saturable, steady bolus"], (solved_saturable, exact_saturable), SATURABLE)
    )
    worst, gradients, compile_s = {}, {}, 0.0
    for names, task, quantities in tasks:
        timing = measure(with_slopes(*task), arrays(quantities), repeats=1)
        error, slopes, status = errors(timing.result)
        compile_s += timing.compile_s
        worst |= {
            name: float(value) if code == Status.OK else np.inf
            for name, value, code in zip(names, error, status, strict=True)
        }
        for key, value in slopes.items():
            gradients[key] = max(gradients.get(key, 0.0), float(value.max()))
    achieved = max(worst.values())
    drift = max(_single(n) for n in counts)
    status = [Status(int(code)) for code in above_capacity(np.array([300.0, 500.0]))[0]]
    figures = [Figure(f"error, {case}", value, "1") for case, value in worst.items()]
    figures += [Figure(f"gradient error, {key}", value, "1") for key, value in gradients.items()]
    figures += [
        Figure("float32 error", drift, "1"),
        Figure("status of dosing above capacity", status[1].name, "1"),
    ]
    baselines = []
    if not quick:
        own, other, seconds = _timed()
        compile_s += seconds
        figures += [
            Figure("128 people, 2 compartments", own[0], "s"),
            Figure("its error", own[1], "1"),
            Figure("speed against diffrax.Tsit5 under vmap", other[0] / own[0], "1"),
        ]
        baselines = [
            Baseline("the same by diffrax.Tsit5 under vmap", other[0], "s"),
            Baseline("its error", other[1], "1"),
        ]
    targets = [Target.at_most("largest error, share of the largest concentration", achieved, 1e-9, "")]
    targets += [Target.at_most(f"gradient error, {key}", value, 1e-8, "") for key, value in gradients.items()]
    stated = status == [Status.OK, Status.NO_STEADY_STATE]
    targets += [
        Target("dosing above capacity has no steady state", "says so", stated, stated),
        Target.at_most("float32 error, share of the largest concentration", drift, 2e-5, ""),
    ]
    return Result(
        name="pk-closed-forms",
        figures=figures,
        targets=targets,
        precision="float64",
        compile_s=compile_s,
        achieved_error=achieved,
        error_meaning="largest difference from the closed form, share of the largest concentration",
        baselines=baselines,
    )


def _task(compartments: int, group: str):
    """The cases of a group by solving and by closed forms, as functions of the quantities."""
    return (lambda x: solved(compartments, group, x)), (lambda x: exact(compartments, group, x))


def _single(compartments: int) -> float:
    """Largest error of a float32 solve over the dose forms."""
    x = arrays(QUANTITIES)
    values, _ = jax.jit(lambda x: solved(compartments, "doses", x, SINGLE, jnp.float32))(x)
    return float(value_error(values, exact(compartments, "doses", x)).max())


def _timed(people: int = 128) -> tuple[tuple[float, float], tuple[float, float], float]:
    """(seconds, error) of a cohort, the same of Diffrax under vmap, and seconds of compiling."""
    clearance = jnp.asarray(np.linspace(2.0, 4.0, people))
    schedule = bolus(DEPOT, 0.5 + 3.1 * np.arange(DOSES), 100.0)
    body = oral(2).with_values({
        "absorption.rate": 1.1, "depot.lag": 0.3, "depot.bioavailability": 0.8, "central.volume": VOLUMES[0],
        "peripheral.volume": VOLUMES[1], "peripheral_exchange.clearance": EXCHANGE[0],
    })  # fmt: skip

    def curve(clearance, method, lanes=None):
        there = body.with_values({"elimination.clearance": clearance})
        return solve(there, schedule, at=AT, lanes=lanes, method=method)["central.concentration"]

    def truth(clearance):
        pk = LinearPK(clearance, VOLUMES[:2], EXCHANGE[:1])
        return superposed(pk.oral, AT, schedule.time, 100.0, 1.1, lag=0.3, bioavailability=0.8)

    def cohort(clearance, rtol):
        return curve(clearance, Tsit5(rtol, rtol), people)

    def one_by_one(clearance, rtol):
        method = Diffrax(diffrax.Tsit5(), rtol, rtol, adjoint=diffrax.ForwardMode())
        return jax.vmap(lambda cl: curve(cl, method), out_axes=-1)(clearance)

    wanted = np.asarray(jax.vmap(truth, out_axes=-1)(clearance))
    found, compiling = [], 0.0
    for function in (cohort, one_by_one):
        compiled = jax.jit(function)
        for rtol in LADDER:
            error = float(value_error(compiled(clearance, rtol), wanted).max())
            if error <= 1e-9:
                break
        timing = measure(function, clearance, rtol)
        compiling += timing.compile_s
        found.append((timing.run_s, error))
    return *found, compiling
