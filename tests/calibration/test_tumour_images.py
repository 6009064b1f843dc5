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
from calibration.tumours.grid_support import cell_means, finer, grid_error, warning
from calibration.tumours.one_scan import ratios
from calibration.tumours.sight import Outline
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


def test_one_scan_tells_ratios_and_no_speed():
    # D = 0.1 mm2/d and rho = 0.05 /d for 100 d: D / rho = 2 mm2, rho T = 5
    def aged(age):
        empty = jnp.zeros((1, *SHAPE))
        course, names = Course(-age, (0.0,)), ("white", "growth")
        return ImageProblem(BRAIN, Seed((6.0, 6.0, 5.0)), empty, 0.05, None, course, names, age / 200.0, Heun(), informed=False)

    young, old, truth = aged(100.0), aged(140.0), jnp.asarray([0.1, 0.05])
    made = PREDICTED(young, young.unknowns(truth))
    # slower for longer is the same picture
    np.testing.assert_allclose(PREDICTED(old, old.unknowns(truth * 100.0 / 140.0)), made, atol=1e-12)
    fit = laplace(calibrate(dataclasses.replace(young, measured=made), GaussNewton(), jnp.zeros((2, 1))), gauss_newton)
    found = ratios(fit)
    assert found["D / rho"].value == pytest.approx(2.0, rel=1e-4)
    assert found["rho T"].value == pytest.approx(5.0, rel=1e-4)
    assert found["rho T"].low < 5.0 < found["rho T"].high


def test_speed_needs_a_second_scan(problem):
    fit = calibrate(problem, GaussNewton(iterations=1))
    with pytest.raises(ValueError, match="has 3 scans after its start"):
        ratios(fit)


def test_an_outline_is_half_at_its_threshold_and_tells_growth(problem):
    sight = Outline(0.2, 0.03)
    np.testing.assert_allclose(
        sight.shown(jnp.asarray([0.0, 0.2, 0.5])), [1 / (1 + np.exp(20 / 3)), 0.5, 1 / (1 + np.exp(-10))]
    )
    # what a segmentation leaves of the cells, yes or no, still tells growth
    outlined = dataclasses.replace(problem, sight=sight, measured=(problem.measured > 0.2) * 1.0, sd=jnp.asarray(0.3))
    density = eqx.filter_jit(lambda p, z: p.evaluate(z).log_density[0])
    slow, right, fast = (
        density(outlined, outlined.unknowns(TRUTH * jnp.asarray([1.0, g, 1.0, 1.0]))) for g in (0.85, 1.0, 1.15)
    )
    assert right > slow and right > fast


def test_a_narrow_front_is_warned_of(problem):
    # sqrt(0.06 / 0.06) = 1 mm on cells of 1.5 mm; sqrt(0.6 / 0.06) = 3.16 mm is wide enough
    fit = calibrate(problem, GaussNewton(iterations=1), problem.unknowns(TRUTH))
    assert warning(fit).startswith("the front is 0.67 cells wide")
    wide = calibrate(problem, GaussNewton(iterations=0), problem.unknowns(TRUTH * jnp.asarray([10.0, 1.0, 1.0, 1.0])))
    assert warning(wide) is None


def test_the_grid_error_is_what_a_finer_grid_takes_away(problem):
    # order 2: three times finer leaves a ninth, so 8/9 of the estimate from two times finer is seen
    problem = dataclasses.replace(problem, start=Seed((6.0, 6.0, 5.0)))
    z = problem.unknowns(jnp.asarray([0.3, 0.06, 0.07, 0.03]))
    estimate = np.asarray(eqx.filter_jit(grid_error)(problem, finer(problem, 2, 0.25), z))
    seen = np.asarray(cell_means(PREDICTED(finer(problem, 3, 0.12), z), 3) - PREDICTED(problem, z))
    share = (seen * estimate).sum() / (estimate**2).sum()
    assert share == pytest.approx(8.0 / 9.0, abs=0.1)
    assert np.abs(seen - share * estimate).max() < 0.35 * np.abs(seen).max()
