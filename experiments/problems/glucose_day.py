"""One virtual day as a function of what a person is like, eats and injects, for derivatives across the events of its meals.

A breakfast, a lunch that meets a stomach that is not empty, a bolus with each. Differences are central ones with two steps,
extrapolated; every step of every quantity is a lane of one cohort.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from physio.bodies.meals import insulin, meal
from physio.body import Body
from physio.schedule import Schedule, ragged
from physio.solve import AbstractAdjoint, AbstractMethod, ForwardMode, Trajectory, Tsit5, solve

AT = 7.3 + 15.0 * np.arange(48)    # min; no time of a meal or a bolus
TIGHT = Tsit5(1e-11, 1e-11)
QUANTITIES = {
    "glucose.liver_sensitivity": 0.009, "glucose.uptake_sensitivity": 0.047, "glucose.threshold": 300.0,
    "stomach.fastest": 0.04, "stomach.absorption": 0.057, "stomach.slowing": 0.82, "depot.late": 0.0182, "depot.basal": 1.2,
    "breakfast": 60.0, "time of lunch": 210.0, "lunch": 75.0, "bolus": 3.0, "time of bolus": 215.0,
}  # fmt: skip
STEP, STEP_MIN = 1e-3, 0.1    # relative, and that of times: no event may pass an observation


def plan(x: dict) -> Schedule:
    """Meals [g] at fixed rates of minutes, boluses [U], times [min]."""
    eaten = meal(30.0, x["breakfast"], 12) + meal(x["time of lunch"], x["lunch"], 15)
    return eaten + insulin(25.0, 4.0) + insulin(x["time of bolus"], x["bolus"])


def curve(body: Body, x: dict, method: AbstractMethod = TIGHT, adjoint: AbstractAdjoint = ForwardMode()) -> Trajectory:
    """The day of one person."""
    there = body.with_values({name: value for name, value in x.items() if "." in name})
    return solve(there, plan(x), at=AT, method=method, adjoint=adjoint)


def forward(body: Body) -> Callable:
    """x -> slopes of glucose [mg/dL] at all times, by quantity."""
    return jax.jacfwd(lambda x: curve(body, x)["interstitium.glucose"])


def backward(body: Body, adjoint: AbstractAdjoint) -> Callable:
    """x -> slopes of the mean of the squares of glucose, by quantity."""
    return jax.grad(lambda x: (curve(body, x, adjoint=adjoint)["interstitium.glucose"] ** 2).mean())


def differences(body: Body) -> dict[str, np.ndarray]:
    """Slopes of glucose at all times, by quantity."""
    lanes, steps = [], {}
    for name, value in QUANTITIES.items():
        steps[name] = STEP_MIN if name.startswith("time") else STEP * value
        lanes += [QUANTITIES | {name: value + k * steps[name]} for k in (1.0, -1.0, 0.5, -0.5)]
    values = {a: jnp.asarray([lane[a] for lane in lanes]) for a in QUANTITIES if "." in a}
    there, schedule = body.with_values(values), ragged([plan(lane) for lane in lanes])
    run = jax.jit(lambda b, s: solve(b, s, at=AT, lanes=len(lanes), method=TIGHT)["interstitium.glucose"])
    seen = np.asarray(run(there, schedule)).reshape(len(AT), len(QUANTITIES), 4)
    found = {}
    for i, (name, step) in enumerate(steps.items()):
        wide, narrow = (seen[:, i, 0] - seen[:, i, 1]) / (2.0 * step), (seen[:, i, 2] - seen[:, i, 3]) / step
        found[name] = (4.0 * narrow - wide) / 3.0
    return found


def errors(slopes: dict, wanted: dict) -> dict[str, float]:
    """Largest |a - b| / (|b| + 1e-3 scale) of each quantity; scale is the largest |b| of its curve."""
    found = {}
    for name, b in wanted.items():
        a, b = np.asarray(slopes[name]), np.asarray(b)
        found[name] = float((np.abs(a - b) / (np.abs(b) + 1e-3 * np.abs(b).max())).max())
    return found
