"""Untreated mice: Gompertz's law fitted to each, and as a population from which the rest of a mouse's course is forecast.

    V(t) = V0 exp[a/b (1 - exp(-b t))],     V0 = 1 mm3, what was injected
    sd   = 0.21 max(V, 83)^0.84             error of a caliper [mm3], as far as weights go

Single mice: least squares with the spread at the readings. Population: log a and log b scatter together (correlation 0.97), or
by the reduced law a = k b with one k, where b scatters alone; the error's size is estimated, its exponent and floor held. What
single fits leave is 2.1 times that spread, 2.4 for the two numbers a fit takes: 0.21 is too small for these mice, and only the
weights use it.

Source: S. Benzekry et al., PLoS Comput. Biol. 10:e1003800 (2014); C. Vaghi et al., PLoS Comput. Biol. 16:e1007178 (2020).
"""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from calibration.calibrator import calibrate
from calibration.least_squares import LevenbergMarquardt
from calibration.population.model import Population, Theta
from calibration.population.structure import Equations
from calibration.tumours.curve_problem import CurveProblem
from calibration.tumours.curves import AbstractCurve, Unknown
from calibration.tumours.records import TumourRecord
from physio.noise import FlooredPower
from physio.observe import readings
from physio.tumours.closed_forms import gompertz

FRACTION, EXPONENT, FLOOR = 0.21, 0.84, 83.0


class InjectedGompertz(AbstractCurve):
    """From 1 mm3 at day 0."""

    label: ClassVar[str] = "Gompertz from 1 mm3"
    unknowns: ClassVar[tuple[Unknown, ...]] = (Unknown("rate", 0.74, 0.3, True), Unknown("slowing", 0.08, 0.5, True))

    def size(self, t, rate, slowing):
        return gompertz(t, 1.0, rate, slowing)


def padded(mice: list[TumourRecord]) -> tuple[np.ndarray, np.ndarray]:
    """Days and volumes (readings, mice), nan where a mouse has fewer."""
    most = max(len(m.time) for m in mice)
    pad = lambda v: np.pad(v, (0, most - len(v)), constant_values=np.nan)
    return np.stack([pad(m.time) for m in mice], axis=-1), np.stack([pad(m.size) for m in mice], axis=-1)


def caliper_sd(volume: np.ndarray) -> np.ndarray:
    """Error of a volume [mm3]."""
    return FRACTION * np.maximum(volume, FLOOR) ** EXPONENT


def fit_each(mice: list[TumourRecord]) -> np.ndarray:
    """a and b (2, mice) of every mouse by weighted least squares."""
    day, volume = padded(mice)
    seen = np.isfinite(volume)
    sd = np.where(seen, caliper_sd(np.where(seen, volume, FLOOR)), np.inf)
    one = jnp.ones(len(mice))
    problem = CurveProblem(
        InjectedGompertz(), jnp.asarray(np.where(seen, day, 0.0)), jnp.asarray(np.where(seen, volume, 1.0)), jnp.asarray(sd),
        0.0 * one, one,
    )  # fmt: skip
    fit = calibrate(problem, LevenbergMarquardt())
    return np.asarray(problem.values(fit.z))


def _two(values, day):
    return gompertz(day, 1.0, values["rate"], values["slowing"])


def _reduced(values, day):
    return gompertz(day, 1.0, values["ratio"] * values["slowing"], values["slowing"])


def _typical(theta, covariates):
    return dict(theta)


def mouse_population(mice: list[TumourRecord], known: list[int] | None = None, *, reduced: bool = False) -> Population:
    """``known``: how many readings of each mouse count, all by default; the others are what a forecast is asked for."""
    day, volume = padded(mice)
    present = np.isfinite(volume)
    if known is not None:
        present &= np.arange(len(day))[:, None] < np.asarray(known)
    structure = Equations(jnp.asarray(np.where(np.isfinite(day), day, 0.0)), _reduced if reduced else _two)
    common = {"noise": FlooredPower(FRACTION, EXPONENT, FLOOR), "spreads": ["fraction"]}
    seen = readings(np.where(present, volume, 1.0), present)
    if reduced:
        return Population(
            structure, seen, **common,
            thetas=[Theta("slowing", 0.08), Theta("ratio", 9.0)],
            typical=_typical,
            random=["slowing"], variances=[0.1],
        )  # fmt: skip
    return Population(
        structure, seen, **common,
        thetas=[Theta("rate", 0.74), Theta("slowing", 0.08)],
        typical=_typical,
        random=[("rate", "slowing")], variances=[0.05, 0.1],
    )  # fmt: skip
