"""The straight line that methods are tried on; and lets the tests of this folder import the module beside them."""

import sys
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))

from straight_line import LANES, SD, Line  # noqa: E402


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
