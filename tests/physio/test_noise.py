"""Scales on which errors are normal, against scipy and their own inverses."""

import jax.numpy as jnp
import numpy as np
import pytest
from physio.noise import LogitNormal, ProbitNormal, YeoJohnson
from scipy.special import logit
from scipy.stats import norm, yeojohnson


@pytest.mark.parametrize("noise", [YeoJohnson(1.0, 0.5), YeoJohnson(1.0, 1.7), YeoJohnson(1.0, 0.0)], ids=str)
def test_yeo_johnson_against_scipy(noise):
    y = np.linspace(-3.0, 4.0, 15)
    np.testing.assert_allclose(noise.transform(jnp.asarray(y)), yeojohnson(y, float(noise.exponent)), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(noise.inverse(noise.transform(jnp.asarray(y))), y, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("noise", [LogitNormal(1.0, 2.0, 12.0), ProbitNormal(1.0, 2.0, 12.0)], ids=str)
def test_bounded_scales(noise):
    y = jnp.linspace(2.1, 11.9, 15)
    wanted = (logit if isinstance(noise, LogitNormal) else norm.ppf)((np.asarray(y) - 2.0) / 10.0)
    np.testing.assert_allclose(noise.transform(y), wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(noise.inverse(noise.transform(y)), y, rtol=1e-12)
