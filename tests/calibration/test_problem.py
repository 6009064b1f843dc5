"""Problems on real bodies: likelihood of present, missing and censored readings; published minima of a real test."""

import jax.numpy as jnp
import numpy as np
import pytest
from calibration.least_squares import LevenbergMarquardt
from calibration.multistart import multistart
from calibration.problem import Problem, linearize
from experiments.problems.glucose_test import least_squares_problem, sum_of_squares
from experiments.problems.keys import keys_of
from experiments.tables import packaged, read_glucose_test
from physio.bodies.pharmacokinetics import intravenous
from physio.noise import Additive, Combined, LogNormalNoise
from physio.observe import AtTimes, Observation, readings
from physio.priors import LogNormal
from physio.protocol import Timed
from physio.schedule import bolus
from physio.solve import Tsit5
from scipy import stats

VOLUME, CLEARANCE, DOSE, SD = 20.0, 3.0, 100.0, 0.4
TIMES = np.array([0.5, 2.0, 6.0])


def exact(times, clearance=CLEARANCE):
    return DOSE / VOLUME * np.exp(-clearance / VOLUME * times)


def problem_of(values, present=None, below=None, priors=()):
    body = intravenous(1).with_values({"central.volume": VOLUME, "elimination.clearance": CLEARANCE})
    protocol = Timed(TIMES, bolus("central.drug", 0.0, DOSE), Tsit5(rtol=1e-9, atol=1e-10))
    assay = Observation(Additive(SD), AtTimes(), "assay", "central.concentration", "mg/L", priors)
    free = ["elimination.clearance", *(f"assay.{name}" for name, _ in priors)]
    return Problem(body, free, protocol=protocol, observations=[assay], readings=[readings(values, present, below)])


def z_of(problem, *values):
    return problem.unknowns(jnp.asarray([[v] for v in values]))


def test_log_density_is_that_of_normal_errors_and_prior():
    values = np.array([4.5, 3.0, 2.5])
    problem = problem_of(values)
    z = z_of(problem, 2.0)
    expected = stats.norm.logpdf(values, exact(TIMES, 2.0), SD).sum() + stats.norm.logpdf(float(z[0, 0]))
    assert float(problem.evaluate(z).log_density[0]) == pytest.approx(expected, abs=1e-7)


def test_missing_reading_adds_nothing_and_censored_one_adds_its_probability():
    values = np.array([4.5, np.nan, 1.0])
    problem = problem_of(values, None, np.array([[False], [False], [True]]))
    z = z_of(problem, 2.0)
    expected = (
        stats.norm.logpdf(4.5, exact(0.5, 2.0), SD)
        + stats.norm.logcdf(1.0, exact(6.0, 2.0), SD)
        + stats.norm.logpdf(float(z[0, 0]))
    )
    at_z = problem.evaluate(z)
    assert float(at_z.log_density[0]) == pytest.approx(expected, abs=1e-7)
    constant = stats.norm.logpdf(0.0, 0.0, SD) + stats.norm.logpdf(0.0)
    assert -0.5 * float((at_z.residuals**2).sum()) == pytest.approx(expected - constant, abs=1e-6)


def test_unknown_spread_enters_residuals_as_it_enters_the_density():
    problem = problem_of(np.array([4.5, 3.0, 2.5]), priors=(("spread", LogNormal(0.4, cv=0.5)),))
    one, two = z_of(problem, 2.0, 0.3), z_of(problem, 2.5, 0.9)
    by_density = float((problem.evaluate(one).log_density - problem.evaluate(two).log_density)[0])
    by_residuals = [-0.5 * float((problem.evaluate(z).residuals ** 2).sum()) for z in (one, two)]
    assert by_residuals[0] - by_residuals[1] == pytest.approx(by_density, abs=1e-7)


def test_jacobian_of_a_solve_against_the_closed_form():
    problem = problem_of(np.array([4.5, 3.0, 2.5]))
    z = z_of(problem, 2.0)
    _, jacobian = linearize(problem, z)
    sigma = np.sqrt(np.log(1 + 0.5**2))
    slope = exact(TIMES, 2.0) * TIMES / VOLUME * 2.0 * sigma / SD
    np.testing.assert_allclose(np.asarray(jacobian)[:3, 0, 0], slope, rtol=1e-6)


def test_unknown_address_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'elimination.clearance'"):
        body = intravenous(1)
        assay = Observation(Additive(SD), AtTimes(), "assay", "central.concentration", "mg/L")
        Problem(
            body,
            ["elimination.clearence"],
            protocol=Timed(TIMES),
            observations=[assay],
            readings=[readings(np.ones(3))],
        )


@pytest.fixture(scope="module")
def glucose():
    return read_glucose_test(packaged("fsigt"))


@pytest.mark.parametrize(
    ("basal", "values", "expected"),
    [
        ((92.0, 11.0), (0.02659, 0.02335, 5.965e-4, 276.6), 484.7030),
        ((90.0, 7.0), (0.01979, 0.03380, 5.177e-4, 264.5), 333.9667),
        ((92.0, 11.0), (0.026, 0.025, 5.0e-4, 279.0), 955.2318),
    ],
)
def test_sum_of_squares_at_published_values(glucose, basal, values, expected):
    problem = least_squares_problem(glucose, 8.0, *basal)
    assert sum_of_squares(problem, dict(zip(problem.names, values, strict=True))) == pytest.approx(expected, rel=1e-4)


def test_multistart_reaches_the_published_minimum(glucose):
    problem = least_squares_problem(glucose, 8.0, 92.0, 11.0)
    fit, _ = multistart(problem, LevenbergMarquardt(), keys_of(1, "test", ["one"]), starts=8)
    expected = [0.0188790, 0.0214227, 8.07058e-4, 261.2154]
    np.testing.assert_allclose(np.asarray(fit.values())[:, 0], expected, rtol=1e-3)
    assert 2.0 * float(fit.cost[0]) == pytest.approx(262.1223, rel=1e-3)


def test_noise_parameters_carry_their_own_units():
    both = (("spread", LogNormal(0.4, cv=0.5)), ("fraction", LogNormal(0.1, cv=0.5)))
    combined = Observation(Combined(0.4, 0.1), AtTimes(), "assay", "central.concentration", "ug/L", both)
    assert (combined.noise_unit("spread"), combined.noise_unit("fraction")) == ("ug/L", "1")
    relative = Observation(LogNormalNoise(0.1), AtTimes(), "assay", "central.concentration", "ug/L")
    assert relative.noise_unit("spread") == "1"
    problem = problem_of(np.array([4.5, 3.0, 2.5]), priors=both[:1])
    assert problem.info("assay.spread").unit == problem.observations[0].unit
