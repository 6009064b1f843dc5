"""People of the minimal model under changing insulin, read every five minutes, and refits to all readings so far.

An intravenous glucose bolus at time 0; insulin rises with it, and again with an injection at 20 min and in four later steps, so
that every parameter shows. Parameters are constant and there is no process noise: the case in which refitting everything
after every reading is right, and a filter can at best equal it.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from calibration.assimilation import Twin, twin
from calibration.calibrator import calibrate
from calibration.compiled import compiled_once
from calibration.laplace import gauss_newton, laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.predict import delta
from calibration.problem import Problem
from physio.bodies.glucose import glucose_under_insulin
from physio.noise import Additive
from physio.observe import AtTimes, Observation, Readings, readings
from physio.protocol import Timed
from physio.schedule import Schedule, switch
from physio.solve import Tsit5

FREE = ("glucose.effectiveness", "glucose.action_rate", "glucose.sensitivity", "glucose.initial_glucose")
GLUCOSE = "glucose.glucose"
SD = 5.0
METER = Observation(Additive(SD), AtTimes(), "meter", "glucose.concentration", "mg/dL")
METHOD = Tsit5(rtol=1e-7, atol=1e-9, first_step=1.0)
EVERY_MIN = 5.0
# from, until [min], level [uU/mL]
INSULIN = ((0.0, 250.0, 9.0), (2.0, 8.0, 55.0), (8.0, 20.0, 25.0), (20.0, 26.0, 110.0), (26.0, 45.0, 45.0), (45.0, 80.0, 12.0),
           (110.0, 130.0, 40.0), (160.0, 175.0, 60.0), (190.0, 215.0, 25.0))  # fmt: skip


class Lives(NamedTuple):
    """``truth`` (parameters, people) as z, ``clean`` and ``read`` glucose (readings, people) at ``times`` [min]."""

    truth: np.ndarray
    times: np.ndarray
    clean: np.ndarray
    read: np.ndarray


def insulin() -> Schedule:
    """Levels over 250 min."""
    on, off, level = np.asarray(INSULIN).T
    return switch("insulin", on, off, level)


def lives(people: int, count: int, seed: int) -> Lives:
    """People drawn from the priors, with readings every five minutes."""
    generator = np.random.default_rng(seed)
    truth = generator.standard_normal((len(FREE), people))
    times = EVERY_MIN * np.arange(1, count + 1)
    problem = _problem(times, np.zeros((count, people)))
    clean = np.asarray(problem.predict(jnp.asarray(truth))[0][0])
    return Lives(truth, times, clean, clean + SD * generator.standard_normal(clean.shape))


def drifting_lives(model: Twin, count: int, seed: int) -> Lives:
    """People drawn from the belief at the start of a model, who live as it says, noise and drift included."""
    generator = np.random.default_rng(seed)
    truth = generator.standard_normal((len(FREE), model.lanes))
    first = model.start(mean=jnp.asarray(truth))
    x, times, clean = first.mean, EVERY_MIN * np.arange(1, count + 1), []
    for time in times:
        noise = jnp.asarray(generator.standard_normal((model.noises, model.lanes)))
        x = _lived(model, x, noise, jnp.full((model.lanes,), time - EVERY_MIN), jnp.full((model.lanes,), time))
        clean.append(np.exp(np.asarray(x[0])))
    clean = np.stack(clean)
    return Lives(truth, times, clean, clean + SD * generator.standard_normal(clean.shape))


@compiled_once
def _lived(model: Twin, x: jax.Array, noise: jax.Array, begin: jax.Array, end: jax.Array) -> jax.Array:
    return model.transition(x, noise, begin, end)[0]


def _problem(times: np.ndarray, read: np.ndarray) -> Problem:
    return Problem(
        glucose_under_insulin(),
        FREE,
        protocol=Timed(times, insulin(), METHOD),
        observations=[METER],
        readings=[readings(read)],
    )


def people_of(lanes: int, schedule: Schedule | None = None, **settings) -> Twin:
    """The same people as a state space; glucose is kept as its logarithm."""
    return twin(
        glucose_under_insulin(),
        FREE,
        lanes=lanes,
        instruments=[METER],
        schedule=insulin() if schedule is None else schedule,
        logarithmic=[GLUCOSE],
        method=METHOD,
        **settings,
    )


def as_readings(read: np.ndarray) -> Readings:
    """(times, people) as (times, 1, people)."""
    value = jnp.asarray(read)[:, None]
    return Readings(value, jnp.ones(value.shape, bool), jnp.zeros(value.shape, bool))


def refits(made: Lives, ahead: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """``(mean, sd)`` (readings, people) of every reading but those before the first ``ahead``, each from a fit to all readings
    that came at least ``ahead`` before it: the mode by least squares from the last one, with its Laplace covariance carried
    through first derivatives.
    """
    whole = _problem(made.times, made.read)
    z = jnp.zeros((len(FREE), made.read.shape[1]))
    fitter = LevenbergMarquardt(ftol=1e-9)
    means, sds = [], []
    for known in range(len(made.times) - ahead + 1):
        mask = jnp.arange(len(made.times))[:, None] < known
        present = jnp.broadcast_to(mask, made.read.shape)
        problem = eqx.tree_at(lambda p: p.readings[0].present, whole, present)
        fit = laplace(calibrate(problem, fitter, z), gauss_newton)
        z = fit.z
        mean, sd = _predicted(problem, z, fit.covariance)
        means.append(np.asarray(mean)[known + ahead - 1])
        sds.append(np.sqrt(np.asarray(sd)[known + ahead - 1] ** 2 + SD**2))
    return np.stack(means), np.stack(sds)


@compiled_once
def _predicted(problem: Problem, z: jax.Array, covariance: jax.Array):
    return delta(lambda z: problem.predict(z)[0][0], z, covariance)
