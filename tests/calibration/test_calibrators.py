"""One contract for every calibrator, found by walking the package; what it is checked against is a closed form."""

import importlib
import inspect
import pkgutil

import calibration
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.abstract_fit import AbstractFit
from calibration.calibrator import AbstractCalibrator, calibrate
from calibration.fit import FitStatus
from calibration.laplace import exact_curvature, gauss_newton, laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.multistart import multistart
from calibration.posterior.importance import corrected
from calibration.posterior.variational import variational
from calibration.problem import gradient, hessian, linearize
from straight_line import exact



def calibrators():
    found = []
    for module in pkgutil.iter_modules(calibration.__path__):
        for _, cls in inspect.getmembers(importlib.import_module(f"calibration.{module.name}"), inspect.isclass):
            if issubclass(cls, AbstractCalibrator) and not inspect.isabstract(cls):
                found.append(cls)
    return sorted(set(found), key=lambda cls: cls.__name__)


def test_there_are_calibrators_to_check():
    assert {cls.__name__ for cls in calibrators()} >= {"Descent", "LevenbergMarquardt"}


@pytest.mark.parametrize("cls", calibrators(), ids=lambda cls: cls.__name__)
class TestContract:
    def test_finds_the_exact_posterior_mode(self, cls, line):
        fit = calibrate(line, cls())
        assert (np.asarray(fit.status) == FitStatus.CONVERGED).all()
        for lane in range(3):
            np.testing.assert_allclose(np.asarray(fit.z)[:, lane], exact(line, lane)[0], atol=1e-4)

    def test_a_failed_lane_has_a_status_and_leaves_the_others_unchanged_to_the_bit(self, cls, line):
        broken = eqx.tree_at(lambda p: p.y, line, line.y.at[0, 1].set(jnp.nan))
        whole, part = calibrate(line, cls()), calibrate(broken, cls())
        assert int(part.status[1]) == FitStatus.SOLVE_FAILED
        for lane in (0, 2):
            assert np.array_equal(np.asarray(whole.z)[:, lane], np.asarray(part.z)[:, lane])

    def test_intervals_are_not_quantified_until_asked_for(self, cls, line):
        with pytest.raises(ValueError, match="not quantified"):
            calibrate(line, cls()).interval(0.9)

    def test_laplace_is_exact_on_a_linear_model(self, cls, line):
        for curvature in (exact_curvature, gauss_newton):
            fit = laplace(calibrate(line, cls()), curvature)
            for lane in range(3):
                np.testing.assert_allclose(np.asarray(fit.covariance)[..., lane], exact(line, lane)[1], rtol=1e-9)

    def test_an_iteration_limit_is_reported(self, cls, line):
        fit = calibrate(line, cls(iterations=1))
        assert (np.asarray(fit.status) == FitStatus.ITERATION_LIMIT).all()


def test_interval_has_the_width_of_the_normal_quantile(line):
    fit = laplace(calibrate(line, LevenbergMarquardt()))
    lo, hi = fit.interval(0.9)
    sd = np.sqrt(exact(line, 0)[1][0, 0])
    assert float(hi[0, 0] - lo[0, 0]) == pytest.approx(2 * 1.6448536269514722 * sd, rel=1e-9)


def test_derivatives_of_a_problem_against_differences(line):
    z = jnp.asarray([[0.3, -0.2, 0.1], [0.7, 0.4, -1.0]])
    at_z, jacobian = linearize(line, z)
    slope, second = gradient(line, z)[1], hessian(line, z)
    step = 1e-5
    for k in range(2):
        up, down = (line.evaluate(z.at[k].add(s * step)) for s in (1.0, -1.0))
        np.testing.assert_allclose(jacobian[:, k], (up.residuals - down.residuals) / (2 * step), atol=1e-8)
        np.testing.assert_allclose(slope[k], (up.log_density - down.log_density) / (2 * step), atol=1e-6)
    np.testing.assert_allclose(second, -jnp.einsum("rpl,rql->pql", jacobian, jacobian), atol=1e-9)
    np.testing.assert_allclose(at_z.log_density, line.evaluate(z).log_density)


def test_multistart_keeps_the_best_and_counts_every_start(line):
    keys = jax.random.split(jax.random.key(0), 3)
    fit, starts = multistart(line, LevenbergMarquardt(), keys, starts=4)
    assert starts.cost.shape == (4, 3)
    np.testing.assert_allclose(fit.cost, starts.cost.min(0))
    for lane in range(3):
        np.testing.assert_allclose(np.asarray(fit.z)[:, lane], exact(line, lane)[0], atol=1e-6)


def keys(lanes):
    return jax.vmap(lambda lane: jax.random.fold_in(jax.random.key(5), lane))(jnp.arange(lanes))


def by_chains(fit):
    pytest.importorskip("blackjax", reason="sampling needs the extra 'bayes'")
    from calibration.posterior.samplers import Chees, sample

    return sample(fit, keys(fit.problem.lanes), Chees(4, 100, 500))


# every way to say how sure a point is, and how far draws may be from the closed form, in posterior SD
QUANTIFIED = {
    "Laplace, exact curvature": (lambda fit: fit, 1e-3),
    "variational": (variational, 1e-2),
    "importance weights": (lambda fit: corrected(fit, keys(fit.problem.lanes), draws=2000, tried=4000), 0.15),
    "chains": (by_chains, 0.15),
}


@pytest.mark.parametrize("name", QUANTIFIED)
class TestQuantifiedContract:
    """The same questions to every kind of fit."""

    def test_agrees_with_the_exact_posterior(self, name, line):
        method, near = QUANTIFIED[name]
        fit = method(laplace(calibrate(line, LevenbergMarquardt())))
        assert isinstance(fit, AbstractFit) and fit.method and fit.names == line.names
        assert np.asarray(fit.quantified()).all() and (np.asarray(fit.status) == 0).all()
        low, high = (np.asarray(x) for x in fit.interval(0.9))
        for lane in range(3):
            mean, covariance = exact(line, lane)
            sd = np.sqrt(covariance.diagonal())
            np.testing.assert_allclose(np.asarray(fit.values())[:, lane], mean, atol=near * sd.max())
            np.testing.assert_allclose(np.asarray(fit.posterior_sd())[:, lane], sd, rtol=near)
            np.testing.assert_allclose(low[:, lane], mean - 1.6449 * sd, atol=2.0 * near * sd.max())
            np.testing.assert_allclose(high[:, lane], mean + 1.6449 * sd, atol=2.0 * near * sd.max())

    def test_a_failed_lane_is_not_quantified_and_leaves_the_others_unchanged_to_the_bit(self, name, line):
        method, _ = QUANTIFIED[name]
        broken = eqx.tree_at(lambda p: p.y, line, line.y.at[0, 1].set(jnp.nan))
        whole, part = (method(laplace(calibrate(p, LevenbergMarquardt()))) for p in (line, broken))
        assert list(np.asarray(part.quantified())) == [True, False, True] and int(part.status[1]) != 0
        ends = [np.asarray(x) for fit in (whole, part) for x in fit.interval(0.9)]
        assert np.isnan(ends[2][:, 1]).all() and np.isnan(ends[3][:, 1]).all()
        for lane in (0, 2):
            assert np.array_equal(ends[0][:, lane], ends[2][:, lane]) and np.array_equal(ends[1][:, lane], ends[3][:, lane])
