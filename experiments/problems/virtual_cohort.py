"""Make virtual people, give them readings, fit them, treat them: one batch of lanes from start to end.

The people of a batch are made by ``maker`` and always fitted by the circulation of Regazzoni at any heart rate. True
drug effects are drawn for every person from the published spread; the fitted person only knows that spread.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri

from calibration.calibrator import calibrate
from calibration.fit import Fit
from calibration.laplace import gauss_newton, laplace
from calibration.least_squares import LevenbergMarquardt
from experiments.problems import circulation as c
from experiments.problems.keys import keys_of
from physio.bodies.regazzoni import regazzoni_at_any_rate
from physio.bodies.shi_hose import shi_hose

MAKERS = {"same": regazzoni_at_any_rate, "other": shi_hose}
BASELINE = "baseline"
# half a squared residual is only known to integration noise: a step that promises less than this moves nothing
FITTER = LevenbergMarquardt(iterations=20, ftol=2e-3)


class Estimate(NamedTuple):
    """Numbers of every person, their truth and the standard deviation of their posterior: (numbers, people)."""

    truth: np.ndarray
    value: np.ndarray
    sd: np.ndarray

    def inside(self, level: float) -> np.ndarray:
        """Intervals that hold the truth."""
        return np.abs(self.truth - self.value) <= float(ndtri(0.5 + 0.5 * level)) * self.sd


class ArmResult(NamedTuple):
    """One arm of one batch: derived quantities, their change since the baseline, and the ventricle's beat.

    ``made`` are people whose own beat closed, ``solved`` those of them whose fitted beat closed too.
    """

    derived: Estimate
    change: Estimate
    volume: Estimate
    pressure: Estimate
    made: np.ndarray
    solved: np.ndarray


class Batch(NamedTuple):
    """Everything about one batch of people."""

    fit: Fit
    made: np.ndarray
    truth: np.ndarray | None
    arms: dict[str, ArmResult]


def run_batch(
    people: Sequence[str],
    maker: str,
    arms: Mapping[str, Mapping[str, tuple[float, float]]],
    seed: int,
    progress=None,
) -> Batch:
    """``arms``: name -> parameter -> (multiplier, cv). Batches of equal size share their compiled programs."""
    tell = progress or (lambda message, fraction: None)
    treatable = tuple(dict.fromkeys(p for effects in arms.values() for p in effects))
    fitted = c.treatable(regazzoni_at_any_rate(), treatable)
    making = c.treatable(MAKERS[maker](), treatable)
    count = len(people)

    def normal(purpose: str, rows: int):
        keys = keys_of(seed, purpose, people)
        return jax.vmap(lambda k: jax.random.normal(k, (rows,)))(keys).T

    tell("making people", None)
    true_values = c.values_of(making, normal("person", len(c.FREE)))
    none = jnp.ones((len(treatable), count))
    made = c.observed(making, true_values, none, c.from_rest(making, count))
    readings = c.with_noise(made, keys_of(seed, "instruments", people))
    problem = c.circulation_problem(fitted, readings)
    tell("fitting", None)
    fit = laplace(calibrate(problem, FITTER, progress=progress), gauss_newton)
    effect_draws = normal("effects", len(treatable))
    covariance = np.asarray(_with_effects(fit.covariance, len(treatable)))
    results = {}
    # each arm begins from the beat of the arm before
    truth, orbit = made, c.from_rest(fitted, count)
    for number, (name, effects) in enumerate({BASELINE: {}, **arms}.items()):
        tell(f"arm: {name}", number / (1 + len(arms)))
        log_multiplier, sd = c.effect_terms(effects, treatable)
        if effects:
            true_effects = jnp.exp(log_multiplier[:, None] + sd[:, None] * effect_draws)
            truth = c.observed(making, true_values, true_effects, truth.orbit)
        seen = c.treated(fitted, fit.z, log_multiplier, sd, orbit)
        if name == BASELINE:
            truth_before, before = truth, seen
        orbit = seen.orbit
        results[name] = _arm_result(truth, seen, truth_before, before, covariance)
    known = np.asarray(true_values) if maker == "same" else None
    return Batch(fit, np.asarray(made.status) == 0, known, results)


def _arm_result(truth: c.People, seen: c.Treated, truth_before: c.People, before: c.Treated, covariance) -> ArmResult:
    """Standard deviations from first derivatives; a change is judged with the same person before and after."""

    def estimate(true, value, slopes):
        spread = np.einsum("pnl,pnl->nl", np.einsum("pql,qnl->pnl", covariance, slopes), slopes)
        return Estimate(np.asarray(true), np.asarray(value), np.sqrt(spread))

    return ArmResult(
        estimate(truth.derived, seen.derived, seen.slopes.derived),
        estimate(
            truth.derived - truth_before.derived,
            seen.derived - before.derived,
            seen.slopes.derived - before.slopes.derived,
        ),
        estimate(truth.volume, seen.volume, seen.slopes.volume),
        estimate(truth.pressure, seen.pressure, seen.slopes.pressure),
        np.asarray(truth.status) == 0,
        (np.asarray(seen.status) == 0) & (np.asarray(truth.status) == 0),
    )


def _with_effects(covariance, effects: int):
    """The covariance of person and effects: effects are standard normal and independent of the person."""
    unknowns, _, lanes = covariance.shape
    size = unknowns + effects
    joint = jnp.broadcast_to(jnp.eye(size)[..., None], (size, size, lanes))
    return joint.at[:unknowns, :unknowns].set(covariance)
