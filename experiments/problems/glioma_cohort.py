"""Virtual people with a glioma: made on a grid three times finer by another scheme, fitted on the image's grid.

Made by Strang splitting with Runge-Kutta-Legendre diffusion on cells of 1/3 mm, averaged over the 27 cells of a voxel, with
normal noise of 0.05. Fitted by Heun's method on 1 mm: first as if the grid made no error, then with Richardson's estimate of it
from 1/2 mm, whose size is fitted too. The seed's place, radius and height are unknown in both.

Fronts are wide (sqrt(D / rho) of 2 to 3 mm) or narrow (1 to 1.6 mm); D is at most 0.3 mm2/d. Other truths are uniform, on the
log scale for rho: rho 0.02 to 0.05 /d, radiosensitivity 0.03 to 0.06 /Gy, drug effect 0.01 to 0.03 /d.
"""

import dataclasses
import time
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from calibration.calibrator import calibrate
from calibration.fit import Fit, FitStatus
from calibration.laplace import gauss_newton, laplace
from calibration.tumours.gauss_newton import GaussNewton
from calibration.tumours.grid_support import cell_means, finer, grid_error, warning, with_grid_error
from calibration.tumours.image_problem import Course, ImageProblem
from calibration.tumours.start import Seed
from experiments.problems.brain_labels import cropped, white_places
from experiments.problems.glioma_course import COURSE, UNKNOWNS
from physio.fields import Heun, Stabilised, Strang
from physio.tumours.infiltration import Brain

NOISE, LEVEL = 0.05, 0.9
WIDTHS = {"wide": (2.0, 3.0), "narrow": (1.0, 1.6)}
SEEDS = ("seed.x", "seed.y", "seed.z", "seed.radius", "seed.peak")
_COURSE = Course(-60.0, COURSE.scans, COURSE.doses)
_PREDICTED = eqx.filter_jit(lambda problem, z: problem.predict(z)[0])
_ERROR = eqx.filter_jit(grid_error)


class Person(NamedTuple):
    """What became of one: rows are (unknowns,) of ``UNKNOWNS``, plain fit first, then the one with the grid's error."""

    width: str
    truth: np.ndarray
    found: np.ndarray
    low: np.ndarray
    high: np.ndarray
    converged: np.ndarray
    warned: bool
    seconds: float


def people(labels: np.ndarray, size: int, count: int, seed: int) -> list[Person]:
    """Half of them with wide fronts, half with narrow ones."""
    random = np.random.default_rng(seed)
    places = white_places(labels, size, count, random)
    return [_person(cropped(labels, p, size), list(WIDTHS)[k % 2], random) for k, p in enumerate(places)]


def _person(labels: np.ndarray, width: str, random: np.random.Generator) -> Person:
    began = time.perf_counter()
    brain = Brain.of(labels, (1.0, 1.0, 1.0))
    truth, seed = _truth(width, random), _seed(labels.shape[0], random)
    near = seed[:3] + random.normal(size=3)
    names = (*UNKNOWNS, *SEEDS)
    empty = jnp.zeros((len(_COURSE.scans), *labels.shape))
    # the seed's place is known to 3 mm around the middle of the crop: one program serves all people
    problem = ImageProblem(brain, Seed((labels.shape[0] / 2.0,) * 3), empty, NOISE, None, _COURSE, names, 0.5, Heun())
    made = dataclasses.replace(finer(problem, 3, 0.25), method=Strang(Stabilised(5)))
    exact = cell_means(_PREDICTED(made, made.unknowns(jnp.concatenate([truth, seed]))), 3)
    noisy = exact + NOISE * random.normal(size=exact.shape)
    problem = dataclasses.replace(problem, measured=jnp.asarray(noisy))
    start = np.concatenate([[i.prior.median for i in (problem.info_table()[n] for n in UNKNOWNS)], near, [3.0, 0.4]])
    plain = _fitted(problem, problem.unknowns(jnp.asarray(start)))
    error = _ERROR(problem, finer(problem, 2, 0.1), plain.z)
    better = _fitted(with_grid_error(problem, error), jnp.concatenate([plain.z, jnp.zeros((1, 1))]))
    fits = (plain, better)
    ends = [np.asarray(f.interval(LEVEL))[:, : len(UNKNOWNS), 0] for f in fits]
    return Person(
        width, np.asarray(truth), np.stack([np.asarray(f.values())[: len(UNKNOWNS), 0] for f in fits]),
        np.stack([e[0] for e in ends]), np.stack([e[1] for e in ends]),
        np.asarray([int(f.status[0]) == FitStatus.CONVERGED for f in fits]), warning(plain) is not None,
        time.perf_counter() - began,
    )  # fmt: skip


def _fitted(problem: ImageProblem, z) -> Fit:
    return laplace(calibrate(problem, GaussNewton(iterations=15, ftol=1e-6), z), gauss_newton)


def _truth(width: str, random: np.random.Generator):
    while True:
        growth = float(np.exp(random.uniform(np.log(0.02), np.log(0.05))))
        white = growth * random.uniform(*WIDTHS[width]) ** 2
        if white <= 0.3:
            return jnp.asarray([white, growth, random.uniform(0.03, 0.06), random.uniform(0.01, 0.03)])


def _seed(size: int, random: np.random.Generator):
    return jnp.asarray([*(size / 2.0 + random.uniform(-1.5, 1.5, 3)), random.uniform(2.5, 3.5), random.uniform(0.3, 0.5)])
