"""Importance weights: exact Pareto tails, and a linear model whose posterior is known."""

import equinox as eqx
import jax
import numpy as np
import pytest
from calibration.posterior.draws import DrawStatus
from calibration.posterior.importance import corrected, generalised_pareto, smoothed
from straight_line import LANES, check_draws, fitted

KEYS = jax.random.split(jax.random.key(1), LANES)


@pytest.mark.parametrize("k", [0.2, 0.5, 0.9])
def test_tail_index_of_exact_pareto_tails(k):
    rng = np.random.default_rng(4)
    # exp(k E), E exponential, is Pareto with index 1 / k
    _, found = smoothed(k * rng.exponential(size=(40_000, 4)))
    np.testing.assert_allclose(found.mean(), k, atol=0.08)
    beyond = np.sort(2.0 * np.expm1(k * rng.exponential(size=20_000)) / k)
    shape, scale = generalised_pareto(beyond)
    assert shape == pytest.approx(k, abs=0.04) and scale == pytest.approx(2.0, rel=0.05)


def test_weights_sum_to_one_and_useless_ones_say_so():
    rng = np.random.default_rng(5)
    log_weights = rng.standard_normal((500, 3))
    log_weights[:, 1] = -np.inf
    log_weights[0, 2] = np.nan
    weights, k = smoothed(log_weights)
    np.testing.assert_allclose(np.exp(weights).sum(axis=0), 1.0, rtol=1e-12)
    assert k[0] < 0.7 and np.isinf(k[1:]).all()


def test_weights_find_the_exact_posterior_and_refuse_a_bad_approximation(line, broken):
    fit = fitted(line)
    draws = corrected(fit, KEYS, draws=800, tried=3000)
    assert (np.asarray(draws.status) == DrawStatus.OK).all() and (np.asarray(draws.k_hat) < 0.5).all()
    for lane in range(LANES):
        # resampling costs about half of what independent draws are worth
        check_draws(draws, line, lane, 400)
    narrow = eqx.tree_at(lambda f: f.covariance, fit, 1e-4 * fit.covariance)
    assert (np.asarray(corrected(narrow, KEYS).status) == DrawStatus.WEIGHTS_UNRELIABLE).all()
    part = corrected(fitted(broken), KEYS, draws=800, tried=3000)
    assert part.status.tolist() == [DrawStatus.OK, DrawStatus.NO_START, DrawStatus.OK]
    assert np.isnan(np.asarray(part.z)[..., 1]).all()
    for lane in (0, 2):
        assert np.array_equal(np.asarray(part.z)[..., lane], np.asarray(draws.z)[..., lane])
