"""Whole fields from scans: the prior, the curvature and the posterior against dense linear algebra."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from calibration.tumours.field_fit import FieldProblem, fit_fields
from calibration.tumours.image_problem import Course, ImageProblem
from calibration.tumours.smooth_field import SmoothField
from calibration.tumours.start import FromScan
from physio.fields import Forward, Grid, Heun
from physio.tumours.infiltration import Brain

SHAPE = (7, 6)
LABELS = np.full(SHAPE, 3)
LABELS[0, :2] = 1
BRAIN = Brain.of(LABELS, (2.0, 2.0))
RESIDUALS = eqx.filter_jit(lambda problem, w: problem.residuals(w, Forward()))


@pytest.fixture(scope="module")
def problem():
    first = jnp.exp(-0.05 * ((BRAIN.domain.grid.centres(0) - 7.0) ** 2 + (BRAIN.domain.grid.centres(1) - 6.0) ** 2))
    image = ImageProblem(
        BRAIN, FromScan(0.5 * first), jnp.zeros((2, *SHAPE)), 0.02, None, Course(0.0, (0.0, 20.0, 40.0)),
        ("white", "growth"), 2.0, Heun(),
    )  # fmt: skip
    return FieldProblem(image, image.unknowns(jnp.asarray([0.1, 0.04])), rows=4)


def test_prior_variance_against_a_dense_matrix():
    grid, field = Grid((5, 4), (1.0, 1.5)), SmoothField(0.4, 2.0)
    cells = jnp.eye(20).reshape(20, 5, 4)
    smooth = np.asarray(jax.vmap(lambda w: field.smoothed(grid, w))(cells)).reshape(20, 20)
    np.testing.assert_allclose(field.variance(grid).reshape(-1), (smooth**2).sum(0), rtol=1e-12)
    assert field.variance(grid).mean() == pytest.approx(0.16, rel=1e-12)


def test_posterior_against_dense_linear_algebra(problem):
    # at full rank the covariance of w is (J'J + 1)^-1, with J dense
    fit = fit_fields(problem, jax.random.key(0), steps=0, rank=84)
    jacobian = np.asarray(eqx.filter_jit(lambda p, w: jax.jacfwd(lambda w: p.residuals(w, Forward()))(w))(problem, fit.w))
    jacobian = jacobian.reshape(-1, 84)
    covariance = np.linalg.inv(jacobian.T @ jacobian + np.eye(84))
    grid, cells = BRAIN.domain.grid, jnp.eye(42).reshape(42, *SHAPE)
    for which, field in enumerate((problem.diffusivity, problem.growth)):
        smooth = np.asarray(jax.vmap(lambda w, f=field: f.smoothed(grid, w))(cells)).reshape(42, 42).T
        block = covariance[42 * which : 42 * which + 42, 42 * which : 42 * which + 42]
        exact = np.sqrt(np.diagonal(smooth @ block @ smooth.T))
        np.testing.assert_allclose(np.asarray(fit.log_sd(which)).reshape(-1), exact, rtol=1e-6)


def test_growth_that_differs_from_place_to_place_is_seen(problem):
    # twice as fast on one side; without noise
    grid = BRAIN.domain.grid
    w = jnp.stack([jnp.zeros(SHAPE), jnp.where(jnp.arange(7)[:, None] < 3, 1.5, -1.0) * jnp.ones(SHAPE)])
    made = RESIDUALS(problem, w).reshape(2, *SHAPE) * problem.image.sd
    seen = dataclasses.replace(problem, image=dataclasses.replace(problem.image, measured=made))
    fit = fit_fields(seen, jax.random.key(1), steps=3, rank=12)
    assert fit.costs[-1] < 0.01 * fit.costs[0]
    truth, found = (np.asarray(problem.growth.smoothed(grid, x[1])) for x in (w, fit.w))
    told = np.asarray(fit.log_sd(1)) < 0.5 * np.sqrt(problem.growth.variance(grid))
    told &= np.asarray(BRAIN.domain.inside)
    assert told.sum() > 15
    assert np.abs(found - truth)[told].max() < 3.0 * np.asarray(fit.log_sd(1))[told].max()
    assert np.corrcoef(found[told], truth[told])[0, 1] > 0.9
