"""Order, order reduction and tolerance of every stepper, on problems with a closed form; Robertson to 1e11; a DAE.

Order: least-squares slope of log error over log step while the error is 1e-9 to 1e-13 of the solution, 1e-4 to 1e-13 for
order two (steps of larger errors are not asymptotic yet, smaller errors are rounding), on an autonomous and on a driven
problem. Order reduction: the same slope on the problem of Prothero and Robinson with k = 1e6. Tolerance: slope of log error
over log rtol from 1e-6 to 1e-11. Robertson at t = 1e11 against the values of the Test Set for IVP Solvers (Mazzia and
Magherini, 2008), and its form with an implied variable against that without at t = 40.
"""

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.contract import Baseline, Figure, Result, Target
from experiments.problems.ode_cases import robertson
from experiments.problems.order_cases import Autonomous, Driven, Follower, autonomous, driven, follower, robertson_balanced
from physio.solve import Exponential, FixedSteps, Rodas4, Rodas5P, RushLarsen, Status, Tsit5, solve

STEPPERS = {
    "Tsit5": (Tsit5, 5),
    "Rodas4": (Rodas4, 4),
    "Rodas5P": (Rodas5P, 5),
    "Exponential": (Exponential, 2),
    "RushLarsen": (RushLarsen, 2),
}
AT_1E11 = np.asarray([0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050])
ROUNDING = 1e-13


def run(data: str | None, quick: bool) -> Result:
    figures, targets = [], []
    for name, (make, order) in STEPPERS.items():
        for label, body, exact, values in (
            ("autonomous", autonomous(), Autonomous.exact, {"case.growth": 0.25}),
            ("driven", driven(), Driven.exact, {"case.strength": 1.0}),
        ):
            slope = _order(make(), body, exact, values, 1e-4 if order == 2 else 1e-9)
            figure = f"{name}, order, {label}"
            figures.append(Figure(figure, slope, "1"))
            targets.append(Target.at_least(figure, slope, order - 0.15, ""))
        slope = _proportionality(make, order)
        figures.append(Figure(f"{name}, error as a power of rtol", slope, "1"))
        targets.append(Target.between(f"{name}, error as a power of rtol", slope, 0.8, 1.2, ""))
    for scheme in (Rodas4(), Rodas5P(), Exponential()):
        stiff = _order(scheme, follower(), Follower.exact, {"case.stiffness": 1e6}, 1.0)
        name = f"{type(scheme).__name__}, order on a stiff problem (Prothero and Robinson, k = 1e6)"
        figures.append(Figure(name, stiff, "1"))

    long = jax.jit(lambda: solve(robertson(), at=jnp.asarray([1e11]), method=Rodas4(1e-10, 1e-20, max_steps=1_000_000)))()
    error = float(np.abs(np.asarray(long.final) / AT_1E11 - 1.0).max()) if int(long.status) == Status.OK else float("inf")
    figures.append(Figure("Robertson at 1e11, largest relative error", error, "1"))
    targets.append(Target.at_most("Robertson at 1e11, largest relative error", error, 1e-6, ""))

    def at_40(body):
        path = jax.jit(lambda: solve(body, at=jnp.asarray([40.0]), method=Rodas4(1e-11, 1e-16, max_steps=1_000_000)))()
        return np.asarray(path.final)

    apart = float(np.abs(at_40(robertson_balanced()) / at_40(robertson()) - 1.0).max())
    figures.append(Figure("Robertson with an implied variable against that without, relative", apart, "1"))
    targets.append(Target.at_most("Robertson with an implied variable against that without, relative", apart, 1e-8, ""))
    return Result(
        name="solver-order",
        figures=figures,
        targets=targets,
        precision="float64",
        compile_s=0.0,
        achieved_error=error,
        error_meaning="largest relative error of Robertson's problem at 1e11",
        baselines=[Baseline("Robertson at 1e11, published value of the first state", float(AT_1E11[0]), "1")],
    )


def _order(scheme, body, exact, values: dict, largest: float) -> float:
    """Slope over the asymptotic range: the whole course counts, where one time might pass through zero."""
    every = 2.0
    at = jnp.linspace(every, 4 * every, 4)
    there, (value,) = body.with_values(values), values.values()
    wanted = np.asarray(exact(at, value)).T
    size = np.abs(wanted).max(axis=0)
    run = jax.jit(lambda step: solve(there, at=at, method=FixedSteps(scheme, step)).states)
    counts = np.unique(np.round(2.0 ** np.arange(1.0, 9.5, 0.5)))
    seen = [np.asarray(run(every / count)) for count in counts]
    errors = np.asarray([np.sqrt((((states - wanted) / size) ** 2).mean()) for states in seen])
    use = (errors > ROUNDING) & (errors < largest)
    return float(-np.polyfit(np.log(counts[use]), np.log(errors[use]), 1)[0])


def _proportionality(make, order: int) -> float:
    at = jnp.linspace(2.0, 8.0, 4)
    there = driven().with_values({"case.strength": 1.0})
    wanted = np.asarray(Driven.exact(at, 1.0)).T
    # order two would take a million steps for the smallest of them
    tolerances = 10.0 ** -(np.arange(6.0, 11.5, 0.5) if order > 2 else np.arange(4.0, 7.5, 0.5))
    run = jax.jit(lambda rtol: solve(there, at=at, method=make(rtol, rtol)).states)
    errors = [float(np.abs(np.asarray(run(rtol)) - wanted).max()) for rtol in tolerances]
    return float(np.polyfit(np.log(tolerances), np.log(errors), 1)[0])
