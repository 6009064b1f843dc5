"""A straight line with normal errors and a standard normal prior: the posterior is known exactly."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from calibration.abstract_fit import AbstractFit
from calibration.calibrator import calibrate
from calibration.fit import Fit
from calibration.laplace import laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.problem import AbstractProblem, Evaluation
from jax.scipy.stats import norm
from jaxtyping import Array
from physio.solve import Status

SD, LANES = 0.3, 3


class Line(AbstractProblem):
    """y = z0 + z1 x with normal errors and a standard normal prior; nan readings cannot be solved."""

    x: Array
    y: Array
    names: tuple[str, ...] = eqx.field(static=True, default=("intercept", "slope"))
    lanes: int = eqx.field(static=True, default=LANES)
    informed: bool = eqx.field(static=True, default=True)

    def evaluate(self, z, memory=None):
        error = (self.y - z[0] - z[1] * self.x[:, None]) / SD
        status = jnp.where(jnp.abs(self.y).sum(0) < jnp.inf, Status.OK, Status.STEP_TOO_SMALL)
        return Evaluation(jnp.concatenate([error, z]), norm.logpdf(error).sum(0) + norm.logpdf(z).sum(0), status, None)

    def tiled(self, times):
        return Line(self.x, jnp.repeat(self.y, times, axis=-1), self.names, self.lanes * times)

    def values(self, z):
        return z


def fitted(problem: Line) -> Fit:
    """Its mode with a Laplace approximation."""
    return laplace(calibrate(problem, LevenbergMarquardt()))


def exact(line: Line, lane: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the posterior of one lane, by the normal equations."""
    design = np.stack([np.ones(7), np.asarray(line.x)], axis=1) / SD
    covariance = np.linalg.inv(design.T @ design + np.eye(2))
    return covariance @ design.T @ (np.asarray(line.y)[:, lane] / SD), covariance


def check_draws(draws: AbstractFit, line: Line, lane: int, effective: float) -> None:
    """Of so many effective draws, means and standard deviations lie within 4.5 of their standard errors."""
    mean, covariance = exact(line, lane)
    sd = np.sqrt(np.diag(covariance))
    away = (draws.values()[:, lane] - mean) / (sd / np.sqrt(effective))
    spread = (draws.posterior_sd()[:, lane] / sd - 1.0) * np.sqrt(2.0 * effective)
    assert np.abs(away).max() < 4.5 and np.abs(spread).max() < 4.5, (away, spread)
