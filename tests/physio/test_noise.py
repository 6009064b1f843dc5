"""Scales on which errors are normal, against scipy and their own inverses."""

import jax.numpy as jnp
import numpy as np
import pytest
from physio.noise import FlooredPower, LogitNormal, Power, ProbitNormal, YeoJohnson
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


def test_a_floored_power_is_the_power_above_its_floor_and_constant_below():
    """Benzekry's caliper: 0.21 max(V, 83)^0.84 is 8.59 mm3 up to 83 mm3, 69.5 mm3 at 1000."""
    noise, value = FlooredPower(0.21, 0.84, 83.0), jnp.asarray([1.0, 83.0, 1000.0])
    np.testing.assert_allclose(noise.sd(value), [8.595, 8.595, 69.54], rtol=1e-3)
    np.testing.assert_allclose(noise.sd(value)[1:], Power(0.21, 0.84).sd(value)[1:], rtol=1e-14)
