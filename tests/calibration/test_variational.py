"""The nearest normal distribution: exact on a linear model, its own equations on a skewed one."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.fit import FitStatus
from calibration.posterior.variational import Variational, variational
from calibration.problem import AbstractProblem, Evaluation
from jaxtyping import Array
from scipy import optimize
from straight_line import LANES, exact, fitted


class Counts(AbstractProblem):
    """A Poisson count of mean exp(z): skewed, and its nearest normal distribution solves two equations."""

    y: Array
    names: tuple[str, ...] = eqx.field(static=True, default=("log mean",))
    lanes: int = eqx.field(static=True, default=LANES)
    informed: bool = eqx.field(static=True, default=True)

    def evaluate(self, z, memory=None):
        value = self.y * z[0] - jnp.exp(z[0]) - 0.5 * z[0] ** 2
        return Evaluation(z, value, jnp.zeros(z.shape[1:], jnp.int32), None)

    def tiled(self, times):
        return Counts(jnp.repeat(self.y, times), self.names, self.lanes * times)

    def values(self, z):
        return z


def test_variational_is_exact_on_a_linear_model_and_leaves_the_others_alone(line, broken):
    start = fitted(line)
    # begun elsewhere, or there would be nothing to find
    moved = eqx.tree_at(lambda f: (f.z, f.covariance), start, (start.z + 0.1, 0.5 * start.covariance))
    fit = variational(moved, Variational(tolerance=1e-9, iterations=200))
    assert (np.asarray(fit.status) == FitStatus.CONVERGED).all()
    for lane in range(LANES):
        mean, covariance = exact(line, lane)
        np.testing.assert_allclose(np.asarray(fit.z)[:, lane], mean, atol=1e-8)
        np.testing.assert_allclose(np.asarray(fit.covariance)[..., lane], covariance, rtol=1e-7, atol=1e-10)
    whole, part = variational(start), variational(fitted(broken))
    assert part.status[1] == FitStatus.SOLVE_FAILED
    for lane in (0, 2):
        assert np.array_equal(np.asarray(whole.z)[:, lane], np.asarray(part.z)[:, lane])


def test_variational_solves_its_equations_on_a_skewed_posterior():
    """y - exp(m + s^2 / 2) - m = 0 and 1 / s^2 = exp(m + s^2 / 2) + 1."""
    counts = np.array([0.0, 1.0, 4.0])
    start = fitted(Counts(jnp.asarray(counts)))
    mode = optimize.brentq(lambda z: 4.0 - np.exp(z) - z, -5.0, 5.0)
    start = eqx.tree_at(lambda f: (f.z, f.covariance), start, (jnp.full((1, 3), mode), jnp.full((1, 1, 3), 0.2)))
    fit = variational(start, Variational(points=512, tolerance=1e-6, iterations=200))
    for lane, y in enumerate(counts):
        def equations(p):
            rate = np.exp(p[0] + 0.5 * np.exp(2.0 * p[1]))
            return [y - rate - p[0], np.exp(-2.0 * p[1]) - rate - 1.0]

        m, log_s = optimize.fsolve(equations, [0.0, -0.3])
        assert float(fit.z[0, lane]) == pytest.approx(m, abs=2e-3)
        assert float(fit.posterior_sd()[0, lane]) == pytest.approx(np.exp(log_s), rel=2e-3)
