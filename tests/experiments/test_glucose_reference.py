"""The benchmark of glucose models: its people against their reference days, and what it says where there are none."""

import jax
import jax.numpy as jnp
import pytest

from experiments.benchmarks import glucose_reference as bench
from experiments.problems import glucose_references as known
from experiments.problems.s2008_people import read_days
from physio.bodies.uva_s2008 import balanced
from physio.component import cast
from physio.system import System


@pytest.fixture(scope="module")
def days(shared_data):
    return read_days(shared_data("uva_s2008_reference"))


@pytest.mark.parametrize("name", bench.PRECISIONS)
def test_all_people_and_days_in_one_solve(days, name):
    dtype, method, bound = bench.PRECISIONS[name]
    body, start = cast((days.body(), jnp.asarray(days.start)), dtype)
    error = bench.errors(days, *jax.jit(bench.solved(days, method))(body, start, days.schedule))
    assert error.shape == (90,) and error.max() <= bound, days.names[int(error.argmax())]


def test_rest_of_these_people_follows_from_their_numbers(days):
    """Their initial states, basal delivery and production are those of ``rest`` and ``balanced``."""
    body = days.body()
    rest = System.of(body, len(days.names)).rest()
    assert jnp.abs(rest - days.start).max() < 1e-8
    found = balanced(body)
    for address in ("depot.basal", "glucose.production"):
        assert jnp.abs(found.value(address) - body.value(address)).max() < 1e-9


def test_without_data_it_says_so():
    targets = bench._people(None, True)[1] + bench._dalla_man(None)[1]
    assert len(targets) == 4 and all(target.met is None and "not found" in target.reason for target in targets)


def test_a_printed_figure():
    assert known.agrees(18.0544, "18.05") and not known.agrees(18.0551, "18.05") and known.agrees(213.7, "214")
