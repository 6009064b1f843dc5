"""A problem of scans fitted, and what the fit says of volumes and outlines at each of them.

    volume = sum of the contour over voxels of grey and white matter, times a voxel        [mm3]
    speed  = (R_last - R_first) / days, R the radius of a sphere of the volume               [mm/d]
    Dice   = 2 |A and B| / (|A| + |B|)

A scan is hidden from a fit by an infinite SD of its voxels: the problem keeps its shape, and the program that fits it is
compiled once. Draws are of the normal approximation about the best point.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.calibrator import calibrate
from calibration.fit import Fit
from calibration.laplace import gauss_newton, laplace
from calibration.tumours.gauss_newton import GaussNewton
from calibration.tumours.image_problem import ImageProblem


def fitted(problem: ImageProblem) -> Fit:
    """From the medians of the priors; intervals from the curvature."""
    return laplace(calibrate(problem, GaussNewton(iterations=25, ftol=1e-3)), gauss_newton)


def hiding(problem: ImageProblem, last: int = 1) -> ImageProblem:
    """The same person without the ``last`` scans."""
    return dataclasses.replace(problem, sd=problem.sd.at[-last:].set(jnp.inf))


def cells_of(fit: Fit) -> np.ndarray:
    """Cells at the best point (scans, ...)."""
    return np.asarray(_cells(fit.problem, fit.z))


def volumes(fit: Fit, key: Array, count: int = 64) -> np.ndarray:
    """Of draws (count, scans) [mm3]; nan where one could not be solved."""
    z = fit.draws(key[None], count)
    return np.stack([np.asarray(_volumes(fit.problem, one)) for one in z])


def edge_speed(volume: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Of the visible edge from the first scan to the last (count,), from volumes (count, scans)."""
    reach = np.cbrt(0.75 * volume / np.pi)
    return (reach[:, -1] - reach[:, 0]) / (days[-1] - days[0])


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Overlap of two masks, 1 where they are the same."""
    return float(2.0 * (one & other).sum() / (one.sum() + other.sum()))


@eqx.filter_jit
def _cells(problem: ImageProblem, z: Array) -> Array:
    return problem.predict(z)[0]


@eqx.filter_jit
def _volumes(problem: ImageProblem, z: Array) -> Array:
    seen, status = problem.predict(z)
    domain = problem.brain.domain
    sums = jax.vmap(domain.total)(problem.sight.shown(seen))
    return jnp.where(status == 0, sums, jnp.nan)
