"""Diagnostics against published intervals, closed forms and exactly conjugate models."""

import importlib.util
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.calibrator import calibrate
from calibration.diagnostics import (
    Uniformity,
    clustered_wilson,
    convergence,
    coverage,
    distinct_optima,
    fit_coverage,
    gradient_cost,
    predictive,
    ranks,
    subgroup_coverage,
    to_arviz,
    uniform_band,
    uniformity,
    waterfall,
    wilson,
)
from calibration.fit import Fit, FitStatus
from calibration.laplace import gauss_newton, laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.multistart import Starts
from calibration.problem import Problem
from physio.bodies.pharmacokinetics import intravenous
from physio.noise import Additive
from physio.observe import AtTimes, Observation, readings
from physio.protocol import Timed
from physio.schedule import bolus
from physio.solve import Tsit5
from scipy import stats

PEOPLE, DRAWS = 60, 39
OK, LIMIT, FAILED = FitStatus.CONVERGED, FitStatus.ITERATION_LIMIT, FitStatus.SOLVE_FAILED


def starts_of(cost, status, iterations, z=None):
    cost, status, iterations = (jnp.asarray(x)[:, None] for x in (cost, status, iterations))
    z = jnp.zeros((1, cost.shape[0], 1)) if z is None else jnp.asarray(z)[None, :, None]
    return Starts(cost, status, iterations, jnp.zeros_like(iterations), z)


FIVE = starts_of([3.0, 1.0, jnp.inf, 1.04, 4.5], [OK, OK, FAILED, LIMIT, OK], [10, 20, 1, 60, 9], [0.0, 2.0, 0.0, 2.0, -1.0])


def test_every_start_counts_whatever_became_of_it():
    near, some, most = convergence(FIVE)
    assert [int(c.hits[0]) for c in (near, some, most)] == [2, 3, 4]
    # 100 iterations of five starts, two of which arrived
    assert near.expected_running_time[0] == 50.0 and near.per_iteration[0] == pytest.approx(0.02)
    assert near.share(0).counted == 5 and near.share(0).share == pytest.approx(0.4)
    np.testing.assert_allclose(waterfall(FIVE)[:, 0], [0.0, 0.04, 2.0, 3.5, np.inf])
    assert convergence(FIVE, (0.05,), best=np.asarray([0.5]))[0].expected_running_time[0] == np.inf


def test_nobody_arrived_is_not_a_perfect_score():
    lost = starts_of([jnp.inf, jnp.inf], [FAILED, FAILED], [1, 1])
    assert [int(c.hits[0]) for c in convergence(lost)] == [0, 0, 0] and distinct_optima(lost)[0] == 0
    assert np.isinf(waterfall(lost)).all()


def test_expected_running_time_of_a_geometric_search():
    """Starts of cost 7 that succeed with chance 0.2 need 35 on average."""
    hit = np.random.default_rng(0).uniform(size=40000) < 0.2
    starts = starts_of(np.where(hit, 0.0, 9.0), np.full(hit.size, OK), np.full(hit.size, 7))
    assert convergence(starts)[0].expected_running_time[0] == pytest.approx(35.0, rel=0.02)


def test_optima_are_told_apart_by_cost_and_by_place():
    # the start at its limit is no optimum; equal cost elsewhere is another one
    assert distinct_optima(FIVE)[0] == 3
    twins = starts_of([1.0, 1.0, 1.0], [OK, OK, OK], [1, 1, 1], [-1.0, 1.0, 1.01])
    assert distinct_optima(twins)[0] == 2


@pytest.mark.parametrize(
    ("held", "counted", "low", "high"),
    # R. G. Newcombe, Stat. Med. 17:857-872 (1998), table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_of_newcombe(held, counted, low, high):
    found = wilson(held, counted)
    assert found.low == pytest.approx(low, abs=5e-5) and found.high == pytest.approx(high, abs=5e-5)
    # repeated in full by everybody, the same people say no more
    twice = [(person, person < held) for person in range(counted) for _ in range(2)]
    assert clustered_wilson(twice).high == pytest.approx(found.high, abs=4e-3)


def test_wilson_of_nothing_and_of_nonsense():
    assert np.isnan(wilson(0, 0).share)
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2)


def test_subgroups_keep_their_failures():
    holds = np.asarray([[True, True, False, False], [True, True, True, False]])
    found = subgroup_coverage(holds, ["f", "f", "m", "m"])
    assert found["f"].share == 1.0 and found["m"].share == 0.25 and found["m"].counted == 4
    # one person all right, one all wrong: two independent people, half of whom hold
    assert found["f"].low == pytest.approx(wilson(2, 2).low)
    with pytest.raises(ValueError, match="4 people need as many subgroups"):
        subgroup_coverage(holds, ["f"])


def drug(people, seed=0, samples=4, sd=0.3):
    """A one-compartment bolus problem of many people with their true z."""
    rng = np.random.default_rng(seed)
    at = np.linspace(0.5, 8.0, samples)
    body = intravenous(1)
    assay = Observation(Additive(sd), AtTimes(), "assay", "central.concentration", "mg/L")
    protocol = Timed(at, bolus("central.drug", 0.0, 100.0), Tsit5(rtol=1e-7, atol=1e-8))

    def build(values):
        free = ("elimination.clearance", "central.volume")
        return Problem(body, free, protocol=protocol, observations=[assay], readings=[readings(values)])

    truth = jnp.asarray(rng.standard_normal((2, people)))
    clearance, volume = build(np.ones((samples, people))).values(truth)
    clean = np.asarray(100.0 / volume * jnp.exp(-clearance / volume * at[:, None]))
    return build(clean + sd * rng.standard_normal(clean.shape)), truth


@pytest.fixture(scope="module")
def fitted():
    problem, truth = drug(PEOPLE)
    return laplace(calibrate(problem, LevenbergMarquardt()), gauss_newton), truth


def test_coverage_of_a_fit_counts_a_failed_one_as_a_miss(fitted):
    fit, truth = fitted
    whole = fit_coverage(fit, fit.problem.values(truth))
    for level, found in whole.items():
        low, high = found.band(level)
        assert low <= found.share <= high and found.counted == 2 * PEOPLE
    lost = Fit(
        fit.problem, fit.z, fit.cost, fit.status.at[0].set(FAILED), fit.iterations, None, fit.covariance, fit.method
    )
    assert fit_coverage(lost, fit.problem.values(truth))[0.5].share <= whole[0.5].share
    before, after = (fit_coverage(f, fit.problem.values(truth), identified=True)[0.95].counted for f in (fit, lost))
    # a failed person's intervals are all counted, whether its unknowns would have been identified or not
    assert before < 2 * PEOPLE and after - before == int((np.asarray(fit.posterior_sd())[:, 0] > 0.5).sum())


def conjugate(replicates, draws, sd=0.5, seed=1):
    """Truths from N(0, 1), one reading of each with error ``sd``, and draws from posteriors whose SD is ``scale`` times the exact."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((2, replicates))
    y = truth + sd * rng.standard_normal(truth.shape)
    gain = 1.0 / (1.0 + sd**2)

    def at(scale):
        return gain * y + scale * np.sqrt(1.0 - gain) * rng.standard_normal((draws, 2, replicates))

    return truth, at


def test_ranks_of_an_exactly_conjugate_model_are_uniform_and_others_are_not():
    truth, draws = conjugate(1000, 99)
    right = uniformity(ranks(draws(1.0), truth), 99, ("a", "b"))
    assert right.passes() and right.within().all() and right.failed == 0
    assert right.counts.sum(0).tolist() == [1000, 1000] and right.expected.sum() == pytest.approx(1000.0)
    for wrong in (0.7, 1.4):
        found = uniformity(ranks(draws(wrong), truth), 99, ("a", "b"))
        assert not found.passes() and not found.within().any()


def test_failed_replicates_stay_in_the_denominator():
    truth, draws = conjugate(1000, 99)
    some = draws(1.0)
    some[0, 0, :300] = np.nan
    found = ranks(some, truth)
    assert (found[:, :300] == -1).all()
    judged: Uniformity = uniformity(found, 99, ("a", "b"))
    assert judged.failed == 300 and judged.total == 1000 and not judged.passes() and judged.share.max() < 0.75


def test_p_values_of_right_posteriors_are_themselves_uniform():
    found = []
    for seed in range(60):
        truth, draws = conjugate(200, 19, seed=seed)
        found += [uniformity(ranks(draws(1.0), truth)[:1], 19, ("a",), bins=10).p_values[0]]
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_the_band_of_uniform_numbers_holds_as_often_as_it_says():
    points = np.linspace(0.05, 0.95, 19)
    low, high = uniform_band(points, 100, 0.9)
    drawn = np.sort(np.random.default_rng(5).uniform(size=(20000, 100)), axis=1)
    share = np.stack([(drawn <= p).mean(axis=1) for p in points], axis=1)
    held = ((low <= share) & (share <= high)).all(axis=1).mean()
    # counts are whole, so the band holds at least as often, and hardly more
    assert 0.895 <= held <= 0.93
    one = uniform_band(np.asarray([0.5]), 40, 0.9)
    assert one[1][0] == stats.binom.isf(0.05, 40, 0.5) / 40


def test_predictive_checks_of_a_right_and_of_a_wrong_person(fitted):
    fit, truth = fitted
    keys = jax.random.split(jax.random.key(3), PEOPLE)
    # draws at the truth: the readings are then new to them
    at_truth = jnp.broadcast_to(truth, (DRAWS, *truth.shape))
    (right,) = predictive(fit, keys, DRAWS, at_truth)
    pit = right.pit(keys)
    assert pit.shape == (4, PEOPLE) and stats.kstest(pit.ravel(), "uniform").pvalue > 0.01
    for share in right.p_values().values():
        assert stats.kstest(share, "uniform").pvalue > 0.005
    # errors are normal with SD 0.3, so the expected score is 0.3 / sqrt(pi)
    assert right.crps().mean() == pytest.approx(0.3 / np.sqrt(np.pi), rel=0.15)
    (wrong,) = predictive(fit, keys, DRAWS, at_truth + 0.7)
    assert stats.kstest(wrong.pit(keys).ravel(), "uniform").pvalue < 1e-6
    assert np.mean(wrong.p_values()["sum of squares"] < 0.05) > 0.5
    (own,) = predictive(fit, keys, DRAWS)
    assert np.isfinite(own.pit(keys)).all() and 0.2 < np.mean(own.p_values()["sum of squares"]) < 0.8


def test_draws_that_fail_are_left_out_and_counted(fitted):
    fit, truth = fitted
    keys = jax.random.split(jax.random.key(3), PEOPLE)
    z = np.broadcast_to(np.asarray(truth), (DRAWS, *truth.shape)).copy()
    z[:10, 0, 1] = z[:, 0, 2] = np.nan
    (found,) = predictive(fit, keys, DRAWS, jnp.asarray(z))
    assert list(np.asarray(found.solved.sum(0))[:4]) == [DRAWS, DRAWS - 10, 0, DRAWS]
    assert np.isfinite(found.pit(keys)[:, 1]).all() and np.isfinite(found.crps()[:, 1]).all()
    for numbers in (found.pit(keys), found.crps(), *(p[None] for p in found.p_values().values())):
        assert np.isnan(numbers[:, 2]).all() and np.isfinite(np.delete(numbers, 2, axis=1)).all()


def test_pit_of_a_reading_below_its_limit():
    """Two people: one certain to lie below the limit, one with even chance."""
    problem, _ = drug(2, samples=1)
    clearance, volume = problem.values(jnp.zeros((2, 2)))
    limit = 100.0 / volume * jnp.exp(-clearance / volume * 0.5) + np.asarray([[9.0, 0.0]])
    low = Problem(
        problem.body, problem.names, protocol=problem.protocol, observations=problem.observations,
        readings=[readings(limit, below=np.ones((1, 2), bool))],
    )  # fmt: skip
    fit = Fit(low, jnp.zeros((2, 2)), jnp.zeros(2), jnp.zeros(2, int), jnp.zeros(2, int), None, None, "given")
    draws = jnp.zeros((400, 2, 2))
    pits = []
    for seed in range(50):
        keys = jax.random.split(jax.random.key(seed), 2)
        pits.append(predictive(fit, keys, 400, draws)[0].pit(keys)[0])
    pits = np.asarray(pits)
    assert pits[:, 0].max() > 0.9 and 0.4 < pits[:, 1].max() < 0.6
    assert np.isnan(predictive(fit, keys, 400, draws)[0].crps()).all()


def test_cost_of_derivatives_is_measured(fitted):
    fit, _ = fitted
    found = gradient_cost(fit.problem, fit.z, repeats=3)
    assert (found.unknowns, found.lanes) == (2, PEOPLE)
    assert found.gradient_ratio == pytest.approx(found.gradient_s / found.evaluation_s) and found.jacobian_ratio > 0.5


def test_coverage_of_known_counts():
    found = coverage(zip("abcdabcd", [True, True, False, True, True, False, False, True], strict=True))
    assert found.share == pytest.approx(5 / 8)
    # deviations of (2, 1, 0, 2) from 1.25 each: squares sum to 2.75; times 4/3, root, over 8
    assert found.standard_error == pytest.approx(np.sqrt(2.75 * 4 / 3) / 8)
    assert coverage([]).counted == 0


def test_export_names_the_extra_that_is_missing(fitted, monkeypatch):
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(ImportError, match="extra `bayes`"):
        to_arviz(fitted[0].problem, jnp.zeros((5, 2, PEOPLE)))


@pytest.mark.skipif(importlib.util.find_spec("arviz") is None, reason="needs the extra bayes")
def test_export_keeps_draws_units_and_people(fitted):
    import arviz

    fit, _ = fitted
    keys = jax.random.split(jax.random.key(1), PEOPLE)
    z = fit.draws(keys, 300)
    people = [f"p{n}" for n in range(PEOPLE)]
    tree = to_arviz(fit.problem, z, people=people, checks=predictive(fit, keys, DRAWS), method=fit.method)
    clearance = tree["posterior"]["elimination.clearance"]
    assert clearance.dims == ("chain", "draw", "person") and clearance.attrs["units"] == "L/h"
    own = np.asarray(jax.vmap(fit.problem.values)(z))[:, 0, 7]
    np.testing.assert_allclose(clearance.sel(person="p7").values[0], own)
    assert float(arviz.summary(clearance.sel(person="p7"), round_to="none")["mean"].iloc[0]) == pytest.approx(own.mean(), rel=1e-6)
    assert tree["posterior_predictive"]["assay"].shape == (1, DRAWS, 4, PEOPLE) and tree["observed_data"]["assay"].shape == (4, PEOPLE)
    with pytest.raises(ValueError, match="the problem expects"):
        to_arviz(fit.problem, z[:, :1])
