"""The straight line that methods are tried on."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from experiments.problems.straight_line import LANES, SD, Line, exact


@pytest.fixture(scope="module")
def line():
    x = np.linspace(-1.0, 2.0, 7)
    rng = np.random.default_rng(3)
    truth = rng.standard_normal((2, LANES))
    y = truth[0] + truth[1] * x[:, None] + SD * rng.standard_normal((7, LANES))
    return Line(jnp.asarray(x), jnp.asarray(y))


@pytest.fixture(scope="module")
def broken(line):
    """The second lane cannot be solved."""
    return eqx.tree_at(lambda p: p.y, line, line.y.at[0, 1].set(jnp.nan))


@pytest.fixture(scope="session")
def is_exact():
    """A check of draws, of so many effective ones: means and standard deviations within 4.5 of their standard errors."""

    def check(draws, line, lane, effective):
        mean, covariance = exact(line, lane)
        sd = np.sqrt(np.diag(covariance))
        away = (draws.values()[:, lane] - mean) / (sd / np.sqrt(effective))
        spread = (draws.posterior_sd()[:, lane] / sd - 1.0) * np.sqrt(2.0 * effective)
        assert np.abs(away).max() < 4.5 and np.abs(spread).max() < 4.5, (away, spread)

    return check
