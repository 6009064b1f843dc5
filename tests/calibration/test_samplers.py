"""Chains against the exact posterior of a linear model."""

import sys

import jax
import numpy as np
import pytest
from calibration.calibrator import calibrate
from calibration.least_squares import LevenbergMarquardt
from calibration.posterior.draws import DrawStatus
from calibration.posterior.samplers import Chees, sample
from calibration.posterior.variational import variational
from straight_line import LANES, check_draws, fitted

KEYS = jax.random.split(jax.random.key(1), LANES)
SMALL = Chees(chains=6, warmup=100, draws=200)


def test_chains_find_the_exact_posterior_and_a_failed_lane_leaves_the_others_unchanged(line, broken):
    pytest.importorskip("blackjax", reason="samplers need blackjax, which is in the extra 'bayes'")
    draws = sample(fitted(line), KEYS, SMALL)
    assert draws.z.shape == (6, 200, 2, LANES) and not np.asarray(draws.diverged).any()
    for lane in range(LANES):
        check_draws(draws, line, lane, min(draws.ess_tail()[:, lane].min(), draws.ess_bulk()[:, lane].min()) / 2.0)
    assert draws.ess_bulk().min() > 300 and draws.e_bfmi().min() > 0.3
    assert draws.energy.shape == draws.z.shape[:2] + draws.z.shape[3:]
    part = sample(fitted(broken), KEYS, SMALL)
    assert part.status[1] == DrawStatus.NO_START and np.isnan(np.asarray(part.z)[..., 1]).all()
    for lane in (0, 2):
        assert np.array_equal(np.asarray(part.z)[..., lane], np.asarray(draws.z)[..., lane])


def test_without_blackjax_the_error_names_the_extra(line, monkeypatch):
    monkeypatch.setitem(sys.modules, "blackjax", None)
    with pytest.raises(ImportError, match=r"extra 'bayes'"):
        sample(fitted(line), KEYS, SMALL)


def test_without_a_covariance_there_is_nothing_to_begin_from(line):
    fit = calibrate(line, LevenbergMarquardt())
    for method in (lambda: sample(fit, KEYS, SMALL), lambda: variational(fit)):
        with pytest.raises(ValueError, match="apply calibration.laplace first"):
            method()
