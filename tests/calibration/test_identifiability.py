"""Spectrum, contraction, profiles and verdicts against closed forms and a published interval."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.calibrator import calibrate
from calibration.fit import FitStatus
from calibration.identifiability import (
    End,
    Held,
    contraction,
    contraction_of_draws,
    profile,
    profiles_supported,
    quantities_supported,
    spectrum,
    unknowns_supported,
)
from calibration.laplace import exact_curvature, laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.problem import AbstractProblem, Evaluation, linearize
from jax.scipy.stats import norm
from jaxtyping import Array
from physio.solve import Status
from scipy import stats


class Curve(AbstractProblem):
    """y = f(x, z) with normal errors of SD ``sd``, with or without the standard normal prior."""

    function: object = eqx.field(static=True)
    x: Array
    y: Array
    sd: float
    names: tuple[str, ...] = eqx.field(static=True)
    lanes: int = eqx.field(static=True)
    informed: bool = eqx.field(static=True)

    def evaluate(self, z, memory=None):
        error = (self.y - self.function(self.x[:, None], z)) / self.sd
        residuals, density = error, norm.logpdf(error).sum(0)
        if self.informed:
            residuals, density = jnp.concatenate([error, z]), density + norm.logpdf(z).sum(0)
        status = jnp.where(jnp.abs(error).sum(0) < jnp.inf, Status.OK, Status.STEP_TOO_SMALL)
        return Evaluation(residuals, density, status, None)

    def tiled(self, times):
        y = jnp.repeat(self.y, times, axis=-1)
        return Curve(self.function, self.x, y, self.sd, self.names, self.lanes * times, self.informed)

    def values(self, z):
        return z


def straight(x, z):
    return z[0] + z[1] * x


def product(x, z):
    """Two unknowns that show only as one."""
    return jnp.exp(z[0] + z[1]) * x


def kinetics(x, z):
    """Michaelis-Menten."""
    return 200.0 * jnp.exp(z[0]) * x / (0.05 * jnp.exp(z[1]) + x)


SD, X = 0.3, np.linspace(-1.0, 2.0, 7)
DESIGN = np.stack([np.ones(7), X], axis=1) / SD


def line(informed, lanes=3, seed=3):
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((2, lanes))
    y = truth[0] + truth[1] * X[:, None] + SD * rng.standard_normal((7, lanes))
    return Curve(straight, jnp.asarray(X), jnp.asarray(y), SD, ("intercept", "slope"), lanes, informed)


def scaled(informed):
    """Readings of a product: 2 lanes."""
    x = np.asarray([1.0, 2.0, 3.0])
    y = np.stack([1.2 * x, 0.7 * x], axis=1) + 0.01 * np.asarray([[1.0], [-1.0], [0.5]])
    return Curve(product, jnp.asarray(x), jnp.asarray(y), 0.1, ("a", "b"), 2, informed)


@pytest.mark.parametrize("informed", [True, False])
def test_spectrum_of_a_linear_model(informed):
    found = spectrum(calibrate(line(informed), LevenbergMarquardt()))
    values, vectors = np.linalg.eigh(DESIGN.T @ DESIGN)
    for lane in range(3):
        np.testing.assert_allclose(found.values[:, lane], values[::-1], rtol=1e-9)
        np.testing.assert_allclose(np.abs(found.directions[..., lane]), np.abs(vectors[:, ::-1]), rtol=1e-7)
    np.testing.assert_allclose(found.posterior_sd()[:, 0], 1.0 / np.sqrt(values[::-1] + 1.0))
    assert (np.asarray(found.rank) == 2).all() and (np.asarray(found.supported()) == 2).all()
    np.testing.assert_allclose(found.unseen(), 0.0)


@pytest.mark.parametrize("informed", [True, False])
def test_spectrum_names_the_direction_that_nobody_sees(informed):
    found = spectrum(calibrate(scaled(informed), LevenbergMarquardt()))
    assert (np.asarray(found.rank) == 1).all()
    np.testing.assert_allclose(found.unseen(), 0.5, rtol=1e-6)
    seen, hidden = found.of(0)
    # a and b move against each other, sqrt(1/2) each
    assert dict(hidden.loadings) == pytest.approx({"a": np.sqrt(0.5), "b": -np.sqrt(0.5)}) or dict(
        hidden.loadings
    ) == pytest.approx({"a": -np.sqrt(0.5), "b": np.sqrt(0.5)})
    assert hidden.posterior_sd == pytest.approx(1.0) and not hidden.supported and seen.supported


def test_spectrum_from_the_exact_curvature_of_a_linear_model():
    fit = calibrate(line(True), LevenbergMarquardt())
    np.testing.assert_allclose(spectrum(fit, exact_curvature).values, spectrum(fit).values, rtol=1e-9)


def test_a_lane_without_a_fit_has_no_spectrum_and_no_profile():
    whole = line(True)
    broken = eqx.tree_at(lambda p: p.y, whole, whole.y.at[0, 1].set(jnp.nan))
    fits = [laplace(calibrate(p, LevenbergMarquardt())) for p in (whole, broken)]
    found = spectrum(fits[1])
    assert list(np.asarray(found.rank)) == [2, -1, 2] and not found.known[1] and found.of(1) == []
    assert np.isnan(np.asarray(contraction(fits[1]))[:, 1]).all()
    full, part = (profile(fit) for fit in fits)
    assert (part.code[..., 1] == End.NO_FIT).all() and np.isnan(part.end[..., 1]).all()
    for lane in (0, 2):
        np.testing.assert_array_equal(full.end[..., lane], part.end[..., lane])
        assert (part.code[..., lane] == End.CLOSED).all()
    answers = {(a.name, a.lane): a for a in unknowns_supported(fits[1])}
    assert answers["slope", 0].supported and not answers["slope", 1].supported
    assert answers["slope", 1].value is None and "could not be solved" in answers["slope", 1].reason


def test_contraction_of_a_linear_model_and_of_its_draws():
    fit = laplace(calibrate(line(True), LevenbergMarquardt()))
    covariance = np.linalg.inv(DESIGN.T @ DESIGN + np.eye(2))
    np.testing.assert_allclose(contraction(fit)[:, 0], 1.0 - covariance.diagonal(), rtol=1e-9)
    draws = np.random.default_rng(0).multivariate_normal([0.0, 0.0], covariance, 20000)[..., None]
    np.testing.assert_allclose(contraction_of_draws(jnp.asarray(draws))[:, 0], 1.0 - covariance.diagonal(), atol=1e-3)
    with pytest.raises(ValueError, match="leaves its priors out"):
        contraction(calibrate(line(False), LevenbergMarquardt()))


@pytest.mark.parametrize("informed", [True, False])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_profile_of_a_linear_model_is_a_parabola(informed, level):
    problem = line(informed)
    found = profile(calibrate(problem, LevenbergMarquardt()), level)
    covariance = np.linalg.inv(DESIGN.T @ DESIGN + informed * np.eye(2))
    sd, reach = np.sqrt(covariance.diagonal()), stats.norm.ppf(0.5 + 0.5 * level)
    assert (found.code == End.CLOSED).all()
    for lane in range(3):
        mean = covariance @ DESIGN.T @ (np.asarray(problem.y)[:, lane] / SD)
        low, high = found.interval()
        np.testing.assert_allclose(low[:, lane], mean - reach * sd, atol=2e-5 * sd.max())
        np.testing.assert_allclose(high[:, lane], mean + reach * sd, atol=2e-5 * sd.max())
        for k in range(2):
            at, rise = found.curve(k, lane)
            np.testing.assert_allclose(rise, 0.5 * ((at - mean[k]) / sd[k]) ** 2, atol=1e-7)


def test_profiles_of_a_product_are_open_and_its_factors_not_supported():
    bare = profile(calibrate(scaled(False), LevenbergMarquardt()), limit=3.0)
    assert (bare.code == End.OPEN).all() and np.isnan(bare.end).all()
    answers = profiles_supported(bare)
    assert not any(a.supported for a in answers) and all(a.value is a.low is a.high is None for a in answers)
    assert "the data do not support this" in str(answers[0]) and "no bound" in answers[0].reason

    fit = laplace(calibrate(scaled(True), LevenbergMarquardt()))
    assert not any(a.supported for a in unknowns_supported(fit))
    whole, difference = (
        quantities_supported(fit, f, ("q",), ("1",))[0] for f in (lambda z: z[:1] + z[1:], lambda z: z[:1] - z[1:])
    )
    assert whole.supported and not difference.supported
    # the prior's SD of the difference is the posterior's
    assert difference.remaining == pytest.approx(1.0) and "100 %" in difference.reason
    with pytest.raises(ValueError, match="profiles_supported"):
        unknowns_supported(bare.fit)


def test_profile_interval_of_the_puromycin_data():
    """Bates and Watts (1988), treated cells; R's confint of nls: Vm 197.30 to 229.29, K 0.04693 to 0.08616 (profile t, 10 df).

    Recomputed from the sum of squares concentrated in one dimension: 197.30193 to 229.28906, 0.0469203 to 0.0861569.
    """
    conc = np.repeat([0.02, 0.06, 0.11, 0.22, 0.56, 1.10], 2)
    rate = np.asarray([76, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200.0])
    problem = Curve(kinetics, jnp.asarray(conc), jnp.asarray(rate)[:, None], np.sqrt(1195.44881443936 / 10), ("Vm", "K"), 1, False)
    level = stats.chi2.cdf(stats.t.ppf(0.975, 10) ** 2, 1)
    found = profile(calibrate(problem, LevenbergMarquardt()), level)
    low, high = (np.asarray([200.0, 0.05]) * np.exp(x[:, 0]) for x in found.interval())
    np.testing.assert_allclose(low, [197.30193, 0.04692034], rtol=2e-5)
    np.testing.assert_allclose(high, [229.28906, 0.08615691], rtol=2e-5)
    assert [a.supported for a in profiles_supported(found)] == [True, True]


def test_a_profile_that_meets_a_better_fit_says_so():
    """Two minima of unequal depth, near z = -1 and z = 1, and a low pass between them."""

    def wells(x, z):
        return jnp.where(x > 0.0, 2.0 * (z[:1] ** 2 - 1.0), 0.8 * (z[:1] - 1.0)) + 0.0 * z[1:]

    problem = Curve(wells, jnp.asarray([1.0, 0.0]), jnp.zeros((2, 1)), 1.0, ("a", "b"), 1, True)
    fit = calibrate(problem, LevenbergMarquardt(), jnp.asarray([[-1.0], [0.0]]))
    other = calibrate(problem, LevenbergMarquardt(), jnp.asarray([[1.0], [0.0]]))
    assert float(fit.cost[0]) > float(other.cost[0]) + 1.0
    found = profile(fit, 0.99)
    assert found.code[0, 1, 0] == End.BETTER_FOUND and np.isnan(found.end[0, 1, 0])
    with pytest.raises(ValueError, match="a prior closes every profile"):
        profiles_supported(found)
    again = calibrate(problem, LevenbergMarquardt(), jnp.asarray(found.lowest))
    np.testing.assert_allclose(again.cost, other.cost, rtol=1e-9)


def test_what_cannot_be_solved_ends_a_profile_without_a_number():
    def walled(x, z):
        return jnp.where(z[:1] < 0.3, 0.1 * z[:1], jnp.nan) + 0.0 * x + 0.0 * z[1:]

    problem = Curve(walled, jnp.zeros(1), jnp.zeros((1, 1)), 1.0, ("a", "b"), 1, True)
    found = profile(calibrate(problem, LevenbergMarquardt()))
    assert list(found.code[0, :, 0]) == [End.CLOSED, End.UNSOLVED]
    assert np.isnan(found.end[0, 1, 0]) and float(np.nanmax(found.at[:, 0, 1, 0])) == pytest.approx(0.3, abs=2e-3)


def test_a_held_unknown_stays_and_its_residuals_are_its_density():
    problem = line(True)
    mask = jnp.asarray([[True, False, False], [False, True, False]])
    held = Held(problem, mask, jnp.full((2, 3), 0.25))
    fit = calibrate(held, LevenbergMarquardt(), jnp.full((2, 3), 0.25))
    assert (np.asarray(fit.status) == FitStatus.CONVERGED).all()
    assert (np.asarray(fit.z)[np.asarray(mask)] == 0.25).all()
    # the other unknown by its own normal equation
    y, x = np.asarray(problem.y)[:, 0], X
    wanted = (x @ (y - 0.25) / SD**2) / (x @ x / SD**2 + 1.0)
    assert float(fit.z[1, 0]) == pytest.approx(wanted, rel=1e-8)
    one, two = (held.evaluate(jnp.full((2, 3), v)) for v in (0.1, 0.7))
    change = -0.5 * ((one.residuals**2).sum(0) - (two.residuals**2).sum(0))
    np.testing.assert_allclose(one.log_density - two.log_density, change, rtol=1e-9)
    assert linearize(held, fit.z)[1].shape == (7 + 2 + 2, 2, 3)
    wide = held.tiled(2)
    np.testing.assert_array_equal(wide.evaluate(jnp.repeat(fit.z, 2, axis=1)).log_density[::2], held.evaluate(fit.z).log_density)


def test_an_unknown_that_has_run_off_does_not_make_the_others_look_determined():
    """exp(a) / F is seen, F = 1 / (1 + exp(-b)) lies below 1: a has an upper bound, log(1.2) + reach, and no lower one."""

    def apparent(x, z):
        return jnp.exp(z[0]) * (1.0 + jnp.exp(-z[1])) * x

    x = np.asarray([1.0, 2.0, 3.0])
    problem = Curve(apparent, jnp.asarray(x), jnp.asarray(1.2 * x)[:, None], 0.1, ("a", "b"), 1, False)
    found = profile(calibrate(problem, LevenbergMarquardt(), jnp.asarray([[0.0], [60.0]])))
    assert found.code[..., 0].tolist() == [[End.OPEN, End.CLOSED], [End.OPEN, End.OPEN]]
    # F is 1 but for what the leash leaves, and the slope has SD 0.1 / sqrt(14)
    assert float(found.end[0, 1, 0]) == pytest.approx(np.log(1.2 + 1.959964 * 0.1 / np.sqrt(14.0)), abs=2e-3)
