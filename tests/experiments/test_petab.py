"""Problems of the PEtab collection: published objectives, and errors that name the file and the cell."""

import shutil

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.diagnostics.coverage import wilson
from calibration.errors import InputError
from experiments.problems.petab import boehm
from experiments.problems.petab.kinetic import kinetic_problem
from experiments.problems.petab.tables import read_tables
from physio.solve import Rodas5P
from scipy import stats

BOEHM = "Boehm_JProteomeRes2014"
# README of the data: libroadrunner at relative tolerance 1e-12
NOMINAL = 138.221998


@pytest.fixture
def collection(shared_data):
    return shared_data("petab")


@eqx.filter_jit
def both(problem, z):
    return problem.with_given(z), problem.evaluate(z)


def test_the_nominal_objective_of_boehm(collection):
    problem = kinetic_problem(boehm.MODEL, collection, 2, Rodas5P(rtol=1e-10, atol=1e-14))
    z = jnp.stack([problem.nominal, jnp.full(6, jnp.nan)], axis=1)
    given, best = both(problem, z)
    assert -float(given.log_density[0]) == pytest.approx(NOMINAL, abs=1e-6 * (1 + NOMINAL))
    # the best spreads can only be better, and the published spreads are nearly the best
    assert 0.0 <= float(best.log_density[0] - given.log_density[0]) < 1e-4
    # half the sum of squares and minus the log likelihood differ by a number that no parameter changes
    offsets = [0.5 * float((e.residuals[:, 0] ** 2).sum()) + float(e.log_density[0]) for e in (given, best)]
    assert offsets[0] == pytest.approx(offsets[1], abs=1e-8)
    assert int(best.status[1]) != 0 and np.isneginf(float(best.log_density[1]))


def test_a_missing_file_and_a_missing_column_are_named(collection, tmp_path):
    with pytest.raises(InputError, match="parameters_Boehm.*no such file"):
        read_tables(tmp_path, BOEHM)
    shutil.copytree(collection / BOEHM, tmp_path / BOEHM)
    path = tmp_path / BOEHM / f"measurementData_{BOEHM}.tsv"
    text = path.read_text()
    path.write_text(text.replace("\tmeasurement\t", "\tmeasured\t", 1))
    with pytest.raises(InputError, match="measurementData_Boehm.*:1: no column measurement"):
        read_tables(tmp_path, BOEHM)
    path.write_text(text.replace("7.90107299873911", "much", 1))
    with pytest.raises(InputError, match="measurementData_Boehm.*:2: measurement: found 'much'; expected a number"):
        read_tables(tmp_path, BOEHM)


def test_the_interval_of_a_share():
    for hits, count in ((15, 100), (0, 50), (4, 1000), (50, 50)):
        theirs = stats.binomtest(hits, count).proportion_ci(method="wilson")
        assert (wilson(hits, count).low, wilson(hits, count).high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
