"""People of three models, drawn from the priors, measured once each by one design a model: what posteriors are judged on.

    oral          absorption, clearance and volume after one oral dose of 320 mg, eight concentrations; error known, 10 %
    oral, sparse  the same from two concentrations, error 30 %
    glucose       Bergman's minimal model of an intravenous glucose test, 22 samples; error known, 4 mg/dL
    marrow        transit time, baseline, feedback and slope of a drug on neutrophils; eleven counts over 28 days, error 15 %
    oral, other   the design of ``oral``, but people who have a second compartment that the fitted model lacks

Truth is drawn from the prior of the model that fits (of the other family's parameters, from its own).
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from calibration.problem import Problem
from experiments.problems.keys import keys_of
from experiments.tables import packaged, read_glucose_test
from physio.bodies.glucose import glucose_test
from physio.bodies.neutropenia import neutropenia
from physio.bodies.pharmacokinetics import oral
from physio.noise import AbstractNoise, Additive, LogNormalNoise
from physio.observe import AtTimes, Observation, readings
from physio.protocol import Timed
from physio.schedule import bolus, repeated
from physio.solve import Status, Tsit5

LOOSE = Tsit5(rtol=1e-6, atol=1e-7, max_steps=2000)
# remote insulin is of the order of 0.01 1/min
FINE = Tsit5(rtol=1e-6, atol=1e-9, max_steps=2000)
ORAL = ("absorption.rate", "elimination.clearance", "central.volume")
GLUCOSE = (
    "glucose.effectiveness", "glucose.action_rate", "glucose.sensitivity", "glucose.initial_glucose", "glucose.basal_glucose",
)  # fmt: skip
MARROW = ("marrow.transit_time", "marrow.baseline", "marrow.feedback", "effect.slope")


class People(NamedTuple):
    """A problem with everybody's readings, the truth in own units and as z (unknowns, people), and who could be made."""

    problem: Problem
    truth: np.ndarray
    z: np.ndarray
    made: np.ndarray


def design(model: str) -> Problem:
    """The problem of one person with readings that do not matter yet."""
    if model in ("oral", "oral, sparse"):
        times = [2.0, 12.0] if model == "oral, sparse" else [0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 14.0, 24.0]
        noise = LogNormalNoise(0.3 if model == "oral, sparse" else 0.1)
        body = oral(1).with_values({"depot.bioavailability": 1.0, "depot.lag": 0.0})
        return _problem(body, ORAL, times, bolus("depot.drug", 0.0, 320.0), noise, "central.concentration", "mg/L")
    if model == "glucose":
        test = read_glucose_test(packaged("fsigt"))
        seen = test.times_min[test.times_min >= 6.0]
        insulin = test.insulin.observed
        body = glucose_test(test.times_min[insulin], test.insulin.value[insulin])
        return _problem(body, GLUCOSE, seen, None, Additive(4.0), "glucose.concentration", "mg/dL", FINE)
    if model == "marrow":
        days = np.array([0.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 16.0, 19.0, 23.0, 28.0])
        doses = repeated("depot.drug", 160.0, every=24.0, count=5)
        return _problem(neutropenia(), MARROW, 24.0 * days, doses, LogNormalNoise(0.15), "marrow.count", "1/nL")
    raise ValueError(f"no model {model!r}")


def _problem(body, free, times, schedule, noise: AbstractNoise, path: str, unit: str, method: Tsit5 = LOOSE) -> Problem:
    times = np.asarray(times)
    protocol = Timed(times, method=method) if schedule is None else Timed(times, schedule, method)
    assay = Observation(noise, AtTimes(), "assay", path, unit)
    return Problem(body, free, protocol=protocol, observations=[assay], readings=[readings(np.ones(times.size))])


def people(model: str, count: int, seed: int) -> People:
    """``count`` people made by the model that will fit them, or for "oral, other" by another."""
    names = [f"{model} {number:04d}" for number in range(count)]
    other = model == "oral, other"
    wide = design("oral" if other else model).tiled(count)
    z = _normal(seed, "person", names, len(wide.names)).T
    maker, made_from = wide, z
    if other:
        body = oral(2).with_values({"depot.bioavailability": 1.0, "depot.lag": 0.0})
        free = (*ORAL, "peripheral_exchange.clearance", "peripheral.volume")
        maker = Problem(
            body, free, protocol=wide.protocol, observations=wide.observations, readings=wide.readings
        )
        made_from = jnp.concatenate([z, _normal(seed, "periphery", names, 2).T])
    predicted, spread, status = _predicted(maker, made_from)
    noise = maker.observations[0].noise
    error = _normal(seed, "errors", names, predicted.shape[0]).T
    scaled = noise.transform(predicted) + spread * error
    value = jnp.exp(scaled) if isinstance(noise, LogNormalNoise) else scaled
    made = (np.asarray(status) == Status.OK) & (np.abs(np.asarray(value)) < np.inf).all(0)
    seen = readings(jnp.where(jnp.asarray(made), value, jnp.nan), jnp.broadcast_to(jnp.asarray(made), value.shape))
    problem = eqx.tree_at(lambda p: p.readings, wide, (seen,))
    return People(problem, np.asarray(problem.values(z)), np.asarray(z), made)


@eqx.filter_jit
def _predicted(problem: Problem, z):
    predictions, spreads, status, _ = problem.predict(z)
    return predictions[0], spreads[0], status


def _normal(seed: int, purpose: str, names: Sequence[str], count: int):
    """(people, count), a person's numbers by the person's name."""
    return jax.vmap(lambda k: jax.random.normal(k, (count,)))(keys_of(seed, purpose, names))
