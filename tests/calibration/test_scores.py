"""Scores against the integrals and double sums that define them."""

import jax.numpy as jnp
import numpy as np
import scipy.integrate
import scipy.stats
from calibration.scores import crps_normal, crps_sample


def test_normal_score_is_its_integral():
    for mean, sd, y in ((1.0, 2.0, 0.3), (-3.0, 0.1, -2.6), (0.0, 1.0, 8.0)):
        below, _ = scipy.integrate.quad(lambda x: scipy.stats.norm.cdf(x, mean, sd) ** 2, mean - 12 * sd, y)  # noqa: B023
        above, _ = scipy.integrate.quad(lambda x: scipy.stats.norm.sf(x, mean, sd) ** 2, y, max(y, mean) + 12 * sd)  # noqa: B023
        np.testing.assert_allclose(crps_normal(jnp.asarray(mean), sd, y), below + above, rtol=1e-7)


def test_sample_score_is_its_double_sum():
    rng = np.random.default_rng(0)
    values, y, weights = rng.standard_normal((40, 3)), rng.standard_normal(3), rng.uniform(size=(40, 3))
    share = weights / weights.sum(0)
    apart = np.abs(values[:, None] - values[None])
    wanted = (share * np.abs(values - y)).sum(0) - 0.5 * (share[:, None] * share[None] * apart).sum((0, 1))
    np.testing.assert_allclose(crps_sample(jnp.asarray(values), jnp.asarray(y), jnp.asarray(weights)), wanted, rtol=1e-12)
    equal = np.abs(values - y).mean(0) - 0.5 * apart.mean((0, 1))
    np.testing.assert_allclose(crps_sample(jnp.asarray(values), jnp.asarray(y)), equal, rtol=1e-12)


def test_sample_score_comes_to_that_of_its_distribution():
    quantiles = scipy.stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    np.testing.assert_allclose(crps_sample(jnp.asarray(quantiles), 0.7), crps_normal(jnp.asarray(0.0), 1.0, 0.7), atol=1e-4)
