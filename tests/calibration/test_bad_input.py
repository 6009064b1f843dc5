"""Input that cannot give a sound number gives a clear error or a flagged fit, and never touches the neighbours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.calibrator import calibrate
from calibration.contradiction import checked, contradiction
from calibration.fit import FitStatus
from calibration.identifiability import contraction, spectrum, unknowns_supported
from calibration.laplace import gauss_newton, laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.multistart import multistart
from calibration.population import Equations, Population, SearchStatus, Theta, fit_population, from_curvature, with_errors
from calibration.problem import AbstractProblem, Evaluation, Problem
from jax.scipy.stats import norm
from jaxtyping import Array
from physio.bodies.pharmacokinetics import intravenous
from physio.noise import Additive, LogNormalNoise
from physio.observe import AtTimes, Observation, readings
from physio.priors import LogitNormal, LogNormal, Normal, Uniform
from physio.protocol import Timed
from physio.schedule import bolus
from physio.solve import Status, Tsit5
from physio.units import UnitError
from physio.wiring import WiringError
from scipy import stats

import equinox as eqx

TIMES, SD = np.asarray([0.5, 2.0, 6.0, 10.0]), 0.3
GOOD = np.asarray([2.6, 2.2, 1.5, 0.9])
NAN = np.nan
FREE = ("elimination.clearance", "central.volume")


def assay_of(noise=Additive(SD), path="central.concentration", unit="mg/L", name="assay"):
    return Observation(noise, AtTimes(), name, path, unit)


def problem_of(values, informed=True, *, below=None, present=None, assays=None, free=FREE):
    assays = [assay_of()] if assays is None else assays
    protocol = Timed(TIMES, bolus("central.drug", 0.0, 100.0), Tsit5(rtol=1e-7, atol=1e-8))
    read = [readings(values, present, below)] * len(assays)
    return Problem(intravenous(1), free, protocol=protocol, observations=assays, readings=read, informed=informed)


# one person a column: all are fitted in one batch
CASES = {
    "good": GOOD,
    "constant": np.full(4, 3.0),
    "single": np.asarray([4.0, NAN, NAN, NAN]),
    "below": np.full(4, 0.1),
    "nothing": np.full(4, NAN),
    "excluded": np.full(4, 1000.0),
    "twin": GOOD,
}
VALUES = np.stack(list(CASES.values()), axis=1)
BELOW = np.stack([np.full(4, name == "below") for name in CASES], axis=1)
AT = {name: lane for lane, name in enumerate(CASES)}


def fitted(informed, values=VALUES):
    problem = problem_of(values, informed, below=BELOW)
    return checked(laplace(calibrate(problem, LevenbergMarquardt()), gauss_newton))


@pytest.fixture(scope="module")
def with_priors():
    return fitted(True)


@pytest.fixture(scope="module")
def without_priors():
    return fitted(False)


def code(fit, name):
    return FitStatus(int(fit.status[AT[name]]))


def test_what_the_prior_can_answer_is_answered_and_what_it_cannot_is_flagged(with_priors):
    assert all(code(with_priors, n) == FitStatus.CONVERGED for n in ("good", "constant", "single", "nothing"))
    # four readings a tenth of the smallest that the prior foretells are as unlikely as readings a hundred times too large
    assert all(code(with_priors, n) == FitStatus.CONTRADICTED for n in ("below", "excluded"))
    supported = {(a.name, a.lane): a for a in unknowns_supported(with_priors)}
    # clearance moves nothing half an hour after the dose
    assert supported["central.volume", AT["single"]].supported
    for name in ("single", "below", "nothing", "excluded"):
        assert not supported["elimination.clearance", AT[name]].supported
    assert all(supported[n, AT["good"]].supported for n in FREE)
    assert "contradict" in supported["central.volume", AT["excluded"]].reason
    # no reading: the posterior is the prior
    np.testing.assert_allclose(contraction(with_priors)[:, AT["nothing"]], 0.0, atol=1e-12)


def test_without_priors_a_singular_fit_has_a_flag_and_no_interval(without_priors):
    assert code(without_priors, "good") == FitStatus.CONVERGED
    low, high = (np.asarray(x) for x in without_priors.interval(0.9))
    ranks = np.asarray(spectrum(without_priors).rank)
    for name, rank in {"single": 1, "nothing": 0, "below": 0, "excluded": 1}.items():
        lane = AT[name]
        assert code(without_priors, name) == FitStatus.SINGULAR and ranks[lane] <= rank
        assert np.isnan(low[:, lane]).all() and np.isnan(high[:, lane]).all()
        assert not without_priors.quantified()[lane] and "one of many" in code(without_priors, name).reason
    # a constant concentration is a clearance of nothing at all: no bound from below
    assert code(without_priors, "constant") == FitStatus.SINGULAR
    assert np.isfinite([low[:, AT["good"]], high[:, AT["good"]]]).all()


def test_two_identical_people_are_two_people_with_one_answer(with_priors):
    """To rounding: the last lanes of a batch may go through other instructions of the processor than the first."""
    for x in (with_priors.z, with_priors.covariance):
        np.testing.assert_allclose(x[..., AT["good"]], x[..., AT["twin"]], rtol=1e-12)


def test_bad_neighbours_change_no_bit(with_priors):
    """All bad columns replaced by good ones: the others stay as they are."""
    clean = VALUES.copy()
    bad = [AT[name] for name in ("constant", "single", "nothing", "excluded")]
    clean[:, bad] = GOOD[:, None]
    again = fitted(True, clean)
    for lane in (AT["good"], AT["below"], AT["twin"]):
        for x, y in ((with_priors.z, again.z), (with_priors.covariance, again.covariance), (with_priors.cost, again.cost)):
            assert np.array_equal(np.asarray(x)[..., lane], np.asarray(y)[..., lane])


def test_the_chance_of_the_readings_under_a_linear_model():
    """Box's check is exact there: one reading y of one unknown, y ~ N(mean, spread^2 + SD^2)."""
    body = intravenous(1)
    protocol = Timed(np.asarray([1e-9]), bolus("central.drug", 0.0, 100.0), Tsit5(rtol=1e-7, atol=1e-8))
    assay = Observation(LogNormalNoise(0.2), AtTimes(), "assay", "central.concentration", "mg/L")
    value = np.asarray([[1.0, 3.0, 40.0]])
    problem = Problem(body, ("central.volume",), protocol=protocol, observations=[assay], readings=[readings(value)])
    prior = problem.info("central.volume").prior
    fit = calibrate(problem, LevenbergMarquardt())
    spread = np.sqrt(prior.sigma**2 + 0.2**2)
    wanted = 2.0 * stats.norm.sf(np.abs(np.log(value[0] * prior.median / 100.0)) / spread)
    np.testing.assert_allclose(contradiction(fit), wanted, rtol=1e-5)
    assert [FitStatus(int(s)) for s in checked(fit).status] == [FitStatus.CONVERGED] * 2 + [FitStatus.CONTRADICTED]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"free": ()}, ValueError, "`free` names no unknown"),
        ({"free": (FREE[0], FREE[0])}, ValueError, "named 2 times"),
        ({"free": ("elimination.clearence",)}, WiringError, "did you mean 'elimination.clearance'"),
        ({"free": ("assay.spread",)}, WiringError, "no unknown to estimate 'assay.spread'"),
        ({"assays": [assay_of(path="central.concentratoin")]}, WiringError, "instrument 'assay' reads what the body does not have"),
        ({"assays": [assay_of(path="liver.bile")]}, WiringError, "there are: central.amount"),
        ({"assays": [assay_of(unit="mmHg")]}, UnitError, "instrument 'assay' reads central.concentration in mmHg"),
        ({"assays": [assay_of(), assay_of()]}, ValueError, "names of their own, got assay, assay"),
        ({"assays": [assay_of(noise=Additive(0.0))]}, ValueError, "standard deviation of 0 at a value of 1"),
        ({"assays": [assay_of(noise=Additive(NAN))]}, ValueError, "positive and finite"),
        ({"values": np.asarray([1.0, 2.0, np.inf, 1.0]), "present": np.ones((4, 1), bool)}, ValueError, "reading 2 of person 0"),
        ({"values": np.asarray([1.0, 0.0, 1.0, 1.0]), "assays": [assay_of(noise=LogNormalNoise(0.1))]}, ValueError, "reading 1 of"),
    ],
)
def test_what_cannot_be_a_problem_is_refused_in_words(changed, error, message):
    given = {"values": GOOD} | changed
    with pytest.raises(error, match=message):
        problem_of(given.pop("values"), **given)


@pytest.mark.parametrize("count", [1, 5])
def test_one_reading_does_not_stand_for_four(count):
    with pytest.raises(ValueError, match=f"gives 4 numbers for each of 1 people, its readings are {count} for 1"):
        calibrate(problem_of(np.ones(count)), LevenbergMarquardt())


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (lambda: Uniform(2.0, 1.0), "low must be below high, got low=2.0, high=1.0"),
        (lambda: Uniform(1.0, 1.0), "low must be below high"),
        (lambda: LogitNormal(0.5, 1.0, 1.0, 0.0), "low must be below high"),
        (lambda: LogitNormal(2.0, 1.0), "median must lie between"),
        (lambda: LogNormal(1.0, 0.0), "cv must be positive"),
        (lambda: Normal(0.0, -1.0), "sd must be positive"),
    ],
)
def test_bounds_that_contradict_each_other_are_no_prior(prior, message):
    with pytest.raises(ValueError, match=message):
        prior()


class Wall(AbstractProblem):
    """Rosenbrock's valley, one a lane; it cannot be solved where z0 exceeds the lane's wall."""

    wall: Array
    names: tuple[str, ...] = eqx.field(static=True, default=("a", "b"))
    lanes: int = eqx.field(static=True, default=3)
    informed: bool = eqx.field(static=True, default=False)

    def evaluate(self, z, memory=None):
        residuals = jnp.stack([10.0 * (z[1] - z[0] ** 2), 1.0 - z[0]])
        status = jnp.where(z[0] < self.wall, Status.OK, Status.STEP_TOO_SMALL)
        return Evaluation(residuals, norm.logpdf(residuals).sum(0), status, None)

    def tiled(self, times):
        return Wall(jnp.repeat(self.wall, times), self.names, self.lanes * times, self.informed)

    def values(self, z):
        return z


def test_a_start_drawn_again_moves_no_other():
    """Starts of the middle person fail at first; the others are stopped early and must not be given more iterations."""
    keys = jax.random.split(jax.random.key(0), 3)
    search = LevenbergMarquardt(iterations=4)
    free, walled = jnp.full(3, 1e9), jnp.asarray([1e9, -0.6, 1e9])
    (alone, before), (beside, after) = (multistart(Wall(w), search, keys, starts=6, redraws=5) for w in (free, walled))
    assert int(after.redrawn[:, 1].sum()) > 0 and int(after.redrawn[:, [0, 2]].sum()) == 0
    assert (np.asarray(before.status) == FitStatus.ITERATION_LIMIT).any()
    for lane in (0, 2):
        for x, y in ((alone.z, beside.z), (before.cost, after.cost), (before.z, after.z), (before.iterations, after.iterations)):
            assert np.array_equal(np.asarray(x)[..., lane], np.asarray(y)[..., lane])
    # what was tried in vain is counted too
    tries = np.asarray(after.iterations)[:, 1]
    assert (tries >= 1 + np.asarray(after.redrawn)[:, 1]).all()


LINE_TIMES = np.linspace(0.0, 1.5, 4)


def population(values, *, twice=False, below=None):
    """log a + t log b for every column of ``values``; with ``twice``, a is the product of two shared numbers."""
    values = np.asarray(values, float)
    return Population(
        Equations(jnp.repeat(jnp.asarray(LINE_TIMES)[:, None], values.shape[1], axis=1), lambda v, t: jnp.log(v["a"]) + t * jnp.log(v["b"])),
        readings(values, None, below),
        Additive(0.4),
        thetas=[Theta("a", np.e), Theta("b", 0.6), *[Theta("c", 1.5)][: int(twice)]],
        typical=lambda theta, covariates: {"a": theta["a"] * theta.get("c", 1.0), "b": theta["b"]},
        random=["a", "b"],
        variances=[0.5, 0.3],
        spreads=["spread"],
    )


LINES = np.random.default_rng(0).normal(1.0, 0.6, 6) + 0.3 * np.random.default_rng(1).standard_normal((4, 6))


def test_a_population_of_one_or_of_twins_has_no_scatter_to_report():
    with pytest.raises(ValueError, match="one person says nothing about how people scatter"):
        fit_population(population(LINES[:, :1]))
    fit = with_errors(fit_population(population(np.repeat(LINES[:, :1], 2, axis=1))), from_curvature)
    assert set(fit.vanished) == {"a", "b"}
    scatter = [e.se for e in fit.estimates() if e.name.startswith("omega")]
    assert scatter == [None, None]


def test_a_population_of_constant_data_has_not_converged():
    fit = with_errors(fit_population(population(np.full((4, 6), 1.0))), from_curvature)
    assert fit.status != SearchStatus.CONVERGED and all(e.se is None for e in fit.estimates())


def test_a_population_with_single_readings_or_without_any_is_flagged_or_refused():
    single = np.where(np.arange(4)[:, None] == 0, LINES, NAN)
    fit = with_errors(fit_population(population(single)), from_curvature)
    assert all(e.se is None for e in fit.estimates())
    with pytest.raises(ValueError, match="no reading lies above its detection limit"):
        population(LINES, below=np.ones(LINES.shape, bool))
    with pytest.raises(ValueError, match=r"predicts \(4, 6\) \(numbers, people\), the readings are \(1, 6\)"):
        fit_population(population(LINES[:1]))


def test_a_singular_population_has_no_standard_errors():
    fit = with_errors(fit_population(population(LINES, twice=True)), from_curvature)
    assert fit.covariance is None and all(e.se is None for e in fit.estimates())
