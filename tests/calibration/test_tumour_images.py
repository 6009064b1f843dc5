"""Scans to unknowns: parameters that made them are found again, and the curvature is that of differences."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from calibration.calibrator import calibrate, started, stepped
from calibration.fit import FitStatus
from calibration.laplace import gauss_newton, laplace
from calibration.problem import linearize
from calibration.tumours.gauss_newton import GaussNewton
from calibration.tumours.image_problem import Course, ImageProblem
from calibration.tumours.start import FromScan, Seed
from physio.fields import Heun
from physio.tumours.infiltration import Brain

SHAPE = (9, 8, 7)
LABELS = np.where(np.arange(9)[:, None, None] < 5, 3, 2) * np.ones(SHAPE, int)
LABELS[-1] = 1
BRAIN = Brain.of(LABELS, (1.5, 1.5, 1.5))
DOSES = tuple(("radiation", 20.0 + d, 2.0) for d in range(5)) + tuple(("tmz", 40.0 + d, 1.0) for d in range(5))
COURSE = Course(0.0, (0.0, 18.0, 32.0, 60.0), DOSES)
NAMES = ("white", "growth", "radiosensitivity", "tmz.kill")
TRUTH = jnp.asarray([0.06, 0.06, 0.07, 0.03])
PREDICTED = eqx.filter_jit(lambda problem, z: problem.predict(z)[0])


@pytest.fixture(scope="module")
def problem():
    first = Seed((6.0, 6.0, 5.0)).cells(BRAIN.domain.grid, {})
    empty = jnp.zeros((3, *SHAPE))
    made = ImageProblem(BRAIN, FromScan(first), empty, 0.05, None, COURSE, NAMES, 1.0, Heun(), informed=False)
    return dataclasses.replace(made, measured=PREDICTED(made, made.unknowns(TRUTH)))


def test_what_made_the_scans_is_found_again(problem):
    # from the medians of the priors, up to 2.3 times off
    state, errors = started(GaussNewton(), problem, jnp.zeros((4, 1))), []
    for _ in range(8):
        state = stepped(GaussNewton(), problem, state)
        errors.append(float(jnp.abs(problem.values(state.z)[:, 0] / TRUTH - 1.0).max()))
    assert errors[0] > 0.1 and errors[-1] < 3e-4


def test_jacobian_against_differences(problem):
    z = jnp.asarray([[0.2], [0.5], [-0.3], [0.1]])
    jacobian = np.asarray(eqx.filter_jit(linearize)(problem, z)[1])[:, :, 0]
    residual = eqx.filter_jit(lambda p, z: p.evaluate(z).residuals[:, 0])
    for k in range(4):
        e = 1e-4 * jnp.eye(4)[:, k : k + 1]
        rough = (residual(problem, z + e) - residual(problem, z - e)) / 2e-4
        assert np.abs(jacobian[:, k] - rough).max() < 1e-5 * np.abs(jacobian[:, k]).max()


def test_intervals_come_from_the_curvature(problem):
    fit = laplace(calibrate(problem, GaussNewton(), problem.unknowns(TRUTH * 1.05)), gauss_newton)
    assert int(fit.status[0]) == FitStatus.CONVERGED
    lo, hi = (np.asarray(x)[:, 0] for x in fit.interval(0.9))
    assert (lo < TRUTH).all() and (TRUTH < hi).all()
    # two readings for each one halve the variance
    twice = dataclasses.replace(problem, sd=problem.sd / jnp.sqrt(2.0))
    again = laplace(calibrate(twice, GaussNewton(), problem.unknowns(TRUTH * 1.05)), gauss_newton)
    np.testing.assert_allclose(fit.posterior_sd() / again.posterior_sd(), np.sqrt(2.0), rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"names": ("white", "speed")}, "'speed' is not an unknown of this problem; expected one of white, grey_ratio"),
        ({"measured": jnp.zeros((2, *SHAPE))}, r"measured has shape \(2, 9, 8, 7\); expected \(3, 9, 8, 7\)"),
    ],
)
def test_what_does_not_fit_is_named(problem, change, says):
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(problem, **change)
