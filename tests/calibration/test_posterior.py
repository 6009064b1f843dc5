"""Posteriors against closed forms: a linear model with normal errors, AR(1) chains, exact Pareto tails, quadrature."""

import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.calibrator import calibrate
from calibration.fit import FitStatus
from calibration.laplace import laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.population import Equations, Population, Theta
from calibration.posterior.amortised import Source, Training, amortised, train
from calibration.posterior.draws import DrawStatus
from calibration.posterior.hierarchical import PopulationTarget, sample_population
from calibration.posterior.importance import corrected, generalised_pareto, smoothed
from calibration.posterior.mixing import e_bfmi, ess_bulk, ess_mean, ess_tail, r_hat
from calibration.posterior.pilot import pilot
from calibration.posterior.samplers import Chees, sample
from calibration.posterior.variational import Variational, variational
from calibration.problem import AbstractProblem, Evaluation, Problem
from jax.scipy.stats import norm
from jaxtyping import Array
from physio.bodies.pharmacokinetics import intravenous
from physio.noise import Additive
from physio.observe import AtTimes, Observation, readings
from physio.priors import Normal
from physio.protocol import Timed
from physio.schedule import bolus
from physio.solve import Exponential, Status
from scipy import optimize, stats

SD, LANES = 0.3, 3
KEYS = jax.random.split(jax.random.key(1), LANES)
SMALL = Chees(chains=6, warmup=100, draws=200)


class Line(AbstractProblem):
    """y = z0 + z1 x with normal errors and a standard normal prior; nan readings cannot be solved."""

    x: Array
    y: Array
    names: tuple[str, ...] = eqx.field(static=True, default=("intercept", "slope"))
    lanes: int = eqx.field(static=True, default=LANES)
    informed: bool = eqx.field(static=True, default=True)

    def evaluate(self, z, memory=None):
        error = (self.y - z[0] - z[1] * self.x[:, None]) / SD
        status = jnp.where(jnp.abs(self.y).sum(0) < jnp.inf, Status.OK, Status.STEP_TOO_SMALL)
        return Evaluation(jnp.concatenate([error, z]), norm.logpdf(error).sum(0) + norm.logpdf(z).sum(0), status, None)

    def tiled(self, times):
        return Line(self.x, jnp.repeat(self.y, times, axis=-1), self.names, self.lanes * times)

    def values(self, z):
        return z


class Counts(AbstractProblem):
    """A Poisson count of mean exp(z): skewed, and its nearest normal distribution solves two equations."""

    y: Array
    names: tuple[str, ...] = eqx.field(static=True, default=("log mean",))
    lanes: int = eqx.field(static=True, default=LANES)
    informed: bool = eqx.field(static=True, default=True)

    def evaluate(self, z, memory=None):
        value = self.y * z[0] - jnp.exp(z[0]) - 0.5 * z[0] ** 2
        return Evaluation(z, value, jnp.zeros(z.shape[1:], jnp.int32), None)

    def tiled(self, times):
        return Counts(jnp.repeat(self.y, times), self.names, self.lanes * times)

    def values(self, z):
        return z


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


def fitted(problem):
    return laplace(calibrate(problem, LevenbergMarquardt()))


def exact(line, lane):
    """Mean and covariance of the posterior of one lane, by the normal equations."""
    design = np.stack([np.ones(7), np.asarray(line.x)], axis=1) / SD
    covariance = np.linalg.inv(design.T @ design + np.eye(2))
    return covariance @ design.T @ (np.asarray(line.y)[:, lane] / SD), covariance


def is_exact(draws, line, lane, effective):
    """Means within 4.5 standard errors, standard deviations within 4.5 of theirs."""
    mean, covariance = exact(line, lane)
    sd = np.sqrt(np.diag(covariance))
    away = (draws.values()[:, lane] - mean) / (sd / np.sqrt(effective))
    spread = (draws.posterior_sd()[:, lane] / sd - 1.0) * np.sqrt(2.0 * effective)
    assert np.abs(away).max() < 4.5 and np.abs(spread).max() < 4.5, (away, spread)


# ---- mixing ------------------------------------------------------------------------------------------------


def chains_of(phi, chains=4, draws=4000, seed=0):
    """AR(1) chains, begun in their stationary distribution."""
    rng = np.random.default_rng(seed)
    x = np.zeros((chains, draws))
    x[:, 0] = rng.standard_normal(chains) / np.sqrt(1.0 - phi**2)
    for t in range(1, draws):
        x[:, t] = phi * x[:, t - 1] + rng.standard_normal(chains)
    return x


@pytest.mark.parametrize("phi", [0.9, 0.5, 0.0, -0.4])
def test_effective_draws_of_an_autoregressive_chain(phi):
    """n (1 - phi) / (1 + phi) for the mean, and n (1 - phi^2) / (1 + phi^2) for the mean square."""
    x = chains_of(phi)
    assert float(ess_mean(x)) == pytest.approx(x.size * (1 - phi) / (1 + phi), rel=0.12)
    assert float(ess_bulk(x)) == pytest.approx(x.size * (1 - phi) / (1 + phi), rel=0.12)
    assert float(ess_mean(x**2)) == pytest.approx(x.size * (1 - phi**2) / (1 + phi**2), rel=0.12)


def test_energy_information_of_an_autoregressive_chain():
    np.testing.assert_allclose(e_bfmi(chains_of(0.6)), 2.0 * (1.0 - 0.6), rtol=0.1)


def test_r_hat_sees_what_it_is_known_to_see():
    """Places, spreads and infinite variances of chains (Vehtari 2021, section 4)."""
    rng = np.random.default_rng(2)
    same = rng.standard_normal((4, 500))
    assert float(r_hat(same)) < 1.01
    assert float(r_hat(same + np.array([0.0, 0.0, 0.0, 1.0])[:, None])) > 1.05
    assert float(r_hat(same * np.array([1.0, 1.0, 1.0, 0.3])[:, None])) > 1.05
    cauchy = rng.standard_cauchy((4, 500))
    assert float(r_hat(cauchy)) < 1.01
    assert float(r_hat(cauchy + np.array([0.0, 0.0, 0.0, 3.0])[:, None])) > 1.05
    # what is monotone does not matter
    assert float(r_hat(np.exp(same) ** 3)) == pytest.approx(float(r_hat(same)), abs=5e-3)


def test_what_is_not_a_number_or_never_moves_has_no_effective_draws():
    x = np.stack([chains_of(0.0, draws=50), np.ones((4, 50)), np.full((4, 50), np.nan)], axis=-1)
    assert np.isfinite(ess_bulk(x)).tolist() == [True, False, False]
    assert np.isfinite(r_hat(x)).tolist() == [True, False, False]


def test_too_few_draws_are_refused():
    with pytest.raises(ValueError, match="at least 8 draws"):
        ess_bulk(np.zeros((4, 5)))


def test_mixing_against_arviz():
    arviz = pytest.importorskip("arviz", reason="compares with ArviZ, which is in the extra 'bayes'")
    for x in (chains_of(0.9, draws=401), chains_of(-0.4, draws=200) ** 3, chains_of(0.99, draws=150)):
        assert float(ess_bulk(x)) == pytest.approx(float(arviz.ess(x, method="bulk")), rel=1e-9)
        assert float(ess_tail(x)) == pytest.approx(float(arviz.ess(x, method="tail", prob=(0.05, 0.95))), rel=1e-9)
        assert float(r_hat(x)) == pytest.approx(float(arviz.rhat(x)), rel=1e-9)


# ---- importance weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [0.2, 0.5, 0.9])
def test_tail_index_of_exact_pareto_tails(k):
    rng = np.random.default_rng(4)
    # exp(k E), E exponential, is Pareto with index 1 / k
    _, found = smoothed(k * rng.exponential(size=(40_000, 4)))
    np.testing.assert_allclose(found.mean(), k, atol=0.08)
    beyond = np.sort(2.0 * np.expm1(k * rng.exponential(size=20_000)) / k)
    shape, scale = generalised_pareto(beyond)
    assert shape == pytest.approx(k, abs=0.04) and scale == pytest.approx(2.0, rel=0.05)


def test_weights_sum_to_one_and_useless_ones_say_so():
    rng = np.random.default_rng(5)
    log_weights = rng.standard_normal((500, 3))
    log_weights[:, 1] = -np.inf
    log_weights[0, 2] = np.nan
    weights, k = smoothed(log_weights)
    np.testing.assert_allclose(np.exp(weights).sum(axis=0), 1.0, rtol=1e-12)
    assert k[0] < 0.7 and np.isinf(k[1:]).all()


def test_weights_find_the_exact_posterior_and_refuse_a_bad_approximation(line, broken):
    fit = fitted(line)
    draws = corrected(fit, KEYS, draws=800, tried=3000)
    assert (np.asarray(draws.status) == DrawStatus.OK).all() and (np.asarray(draws.k_hat) < 0.5).all()
    for lane in range(LANES):
        # resampling costs about half of what independent draws are worth
        is_exact(draws, line, lane, 400)
    narrow = eqx.tree_at(lambda f: f.covariance, fit, 1e-4 * fit.covariance)
    assert (np.asarray(corrected(narrow, KEYS).status) == DrawStatus.WEIGHTS_UNRELIABLE).all()
    part = corrected(fitted(broken), KEYS, draws=800, tried=3000)
    assert part.status.tolist() == [DrawStatus.OK, DrawStatus.NO_START, DrawStatus.OK]
    assert np.isnan(np.asarray(part.z)[..., 1]).all()
    for lane in (0, 2):
        assert np.array_equal(np.asarray(part.z)[..., lane], np.asarray(draws.z)[..., lane])


# ---- variational -------------------------------------------------------------------------------------------


def test_variational_is_exact_on_a_linear_model_and_leaves_the_others_alone(line, broken):
    start = fitted(line)
    # begun elsewhere, or there would be nothing to find
    moved = eqx.tree_at(lambda f: (f.z, f.covariance), start, (start.z + 0.1, 0.5 * start.covariance))
    fit = variational(moved, Variational(tolerance=1e-9, iterations=200))
    assert (np.asarray(fit.status) == FitStatus.CONVERGED).all()
    for lane in range(LANES):
        mean, covariance = exact(line, lane)
        np.testing.assert_allclose(np.asarray(fit.z)[:, lane], mean, atol=1e-8)
        np.testing.assert_allclose(np.asarray(fit.covariance)[..., lane], covariance, rtol=1e-7, atol=1e-10)
    whole, part = variational(start), variational(fitted(broken))
    assert part.status[1] == FitStatus.SOLVE_FAILED
    for lane in (0, 2):
        assert np.array_equal(np.asarray(whole.z)[:, lane], np.asarray(part.z)[:, lane])


def test_variational_solves_its_equations_on_a_skewed_posterior():
    """y - exp(m + s^2 / 2) - m = 0 and 1 / s^2 = exp(m + s^2 / 2) + 1."""
    counts = np.array([0.0, 1.0, 4.0])
    start = fitted(Counts(jnp.asarray(counts)))
    mode = optimize.brentq(lambda z: 4.0 - np.exp(z) - z, -5.0, 5.0)
    start = eqx.tree_at(lambda f: (f.z, f.covariance), start, (jnp.full((1, 3), mode), jnp.full((1, 1, 3), 0.2)))
    fit = variational(start, Variational(points=512, tolerance=1e-6, iterations=200))
    for lane, y in enumerate(counts):
        def equations(p):
            rate = np.exp(p[0] + 0.5 * np.exp(2.0 * p[1]))
            return [y - rate - p[0], np.exp(-2.0 * p[1]) - rate - 1.0]

        m, log_s = optimize.fsolve(equations, [0.0, -0.3])
        assert float(fit.z[0, lane]) == pytest.approx(m, abs=2e-3)
        assert float(fit.posterior_sd()[0, lane]) == pytest.approx(np.exp(log_s), rel=2e-3)


# ---- samplers ----------------------------------------------------------------------------------------------


def test_chains_find_the_exact_posterior_and_a_failed_lane_leaves_the_others_unchanged(line, broken):
    pytest.importorskip("blackjax", reason="samplers need blackjax, which is in the extra 'bayes'")
    draws = sample(fitted(line), KEYS, SMALL)
    assert draws.z.shape == (6, 200, 2, LANES) and not np.asarray(draws.diverged).any()
    for lane in range(LANES):
        is_exact(draws, line, lane, min(draws.ess_tail()[:, lane].min(), draws.ess_bulk()[:, lane].min()) / 2.0)
    assert draws.ess_bulk().min() > 300 and draws.e_bfmi().min() > 0.3
    assert draws.energy.shape == draws.z.shape[:2] + draws.z.shape[3:]
    part = sample(fitted(broken), KEYS, SMALL)
    assert part.status[1] == DrawStatus.NO_START and np.isnan(np.asarray(part.z)[..., 1]).all()
    for lane in (0, 2):
        assert np.array_equal(np.asarray(part.z)[..., lane], np.asarray(draws.z)[..., lane])


def test_without_blackjax_the_error_names_the_extra(line, monkeypatch):
    monkeypatch.setitem(sys.modules, "blackjax", None)
    with pytest.raises(ImportError, match=r"extra 'bayes'"):
        sample(fitted(line), KEYS, SMALL)


def test_without_a_covariance_there_is_nothing_to_begin_from(line):
    fit = calibrate(line, LevenbergMarquardt())
    for method in (lambda: sample(fit, KEYS, SMALL), lambda: variational(fit)):
        with pytest.raises(ValueError, match="apply calibration.laplace first"):
            method()


# ---- populations -------------------------------------------------------------------------------------------

PEOPLE, EACH, MU, OMEGA, NOISE = 15, 3, 0.4, 0.5, 0.4
PRIORS = {"mu": Normal(0.0, 1.0), "omega[phi,phi]": Normal(-1.0, 0.7)}


@pytest.fixture(scope="module")
def normal_population():
    """y_ij ~ N(log phi_i, NOISE^2), log phi_i ~ N(log mu, omega^2): integrals over people are known."""
    rng = np.random.default_rng(8)
    y = MU + OMEGA * rng.standard_normal(PEOPLE) + NOISE * rng.standard_normal((EACH, PEOPLE))

    def predict(values, rows):
        return jnp.log(values["phi"]) + rows

    structure = Equations(jnp.zeros((EACH, PEOPLE)), predict)
    return Population(
        structure,
        readings(y),
        Additive(NOISE),
        thetas=[Theta("mu", 1.0)],
        typical=lambda theta, covariates: {"phi": theta["mu"]},
        random=["phi"],
        variances=[0.1],
        spreads=[],
    )


def marginal(population, x):
    """log p(x | y) up to a constant: means of people are N(log mu, omega^2 + NOISE^2 / EACH)."""
    means = np.asarray(population.readings.value).mean(0)
    sd = np.sqrt(np.exp(2.0 * x[1]) + NOISE**2 / EACH)
    prior = stats.norm.logpdf(x[0], 0.0, 1.0) + stats.norm.logpdf(x[1], -1.0, 0.7)
    return stats.norm.logpdf(means, x[0], sd).sum() + prior


def test_pilot_finds_the_mode_of_the_exact_marginal(normal_population):
    known = pilot(normal_population, PRIORS)
    best = optimize.minimize(lambda x: -marginal(normal_population, x), [0.0, -1.0], tol=1e-10)
    assert known.settled
    np.testing.assert_allclose(known.x, best.x, atol=1e-3)
    h, e = 1e-3, np.eye(2) * 1e-3

    def corner(i, j, a, b):
        return -marginal(normal_population, np.asarray(known.x) + a * e[i] + b * e[j])

    pairs = ((1, 1), (1, -1), (-1, 1), (-1, -1))
    curved = [[sum(a * b * corner(i, j, a, b) for a, b in pairs) / (4.0 * h**2) for j in range(2)] for i in range(2)]
    np.testing.assert_allclose(np.linalg.inv(known.covariance), curved, rtol=1e-4, atol=1e-3)


def test_density_of_a_population_with_its_jacobian(normal_population):
    """log p(x, phi, y) + log |d(x, phi) / du| up to one constant, the determinant by derivatives of the map."""
    known = pilot(normal_population, PRIORS)
    target = PopulationTarget(known, 2)
    y = np.asarray(normal_population.readings.value)

    def apart(u):
        x, log_phi, _ = target.taken_apart(u)
        return jnp.concatenate([x, log_phi[0]])

    u = jax.random.normal(jax.random.key(2), (1, 2, target.size))
    evaluate, volume = eqx.filter_jit(target.evaluate), jax.jit(jax.jacfwd(apart))
    value, slope = evaluate(u)
    expected = []
    for one in u[0]:
        x, log_phi = np.split(np.asarray(apart(one)), [2])
        joint = stats.norm.logpdf(y, log_phi, NOISE).sum() + stats.norm.logpdf(log_phi, x[0], np.exp(x[1])).sum()
        prior = stats.norm.logpdf(x[0], 0.0, 1.0) + stats.norm.logpdf(x[1], -1.0, 0.7)
        expected.append(joint + prior + np.linalg.slogdet(np.asarray(volume(one)))[1])
    assert float(value[0, 0] - value[0, 1]) == pytest.approx(expected[0] - expected[1], abs=1e-9)
    h, way = 1e-5, jax.random.normal(jax.random.key(3), u.shape)
    differences = (evaluate(u + h * way)[0] - evaluate(u - h * way)[0]) / (2.0 * h)
    np.testing.assert_allclose((slope * way).sum(-1), differences, rtol=1e-6)
    backward = PopulationTarget(known, 2, reverse=normal_population.structure)
    for ours, theirs in zip(eqx.filter_jit(backward.evaluate)(u), (value, slope), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11)


def test_chains_of_a_population_against_quadrature(normal_population):
    pytest.importorskip("blackjax", reason="samplers need blackjax, which is in the extra 'bayes'")
    shared, own, _ = sample_population(pilot(normal_population, PRIORS), jax.random.key(4), SMALL)
    a, b = np.meshgrid(np.linspace(-0.6, 1.4, 161), np.linspace(-3.5, 0.6, 161), indexing="ij")
    logs = np.vectorize(lambda m, s: marginal(normal_population, (m, s)))(a, b)
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()
    for row, grid in enumerate((a, b)):
        mean = (weight * grid).sum()
        sd = np.sqrt((weight * (grid - mean) ** 2).sum())
        effective = min(shared.ess_bulk()[row, 0], shared.ess_tail()[row, 0]) / 2.0
        drawn = np.asarray(shared.points)[:, :, row, 0]
        assert abs(drawn.mean() - mean) < 4.5 * sd / np.sqrt(effective)
        assert drawn.std() == pytest.approx(sd, rel=4.5 / np.sqrt(2.0 * effective))
    # each person: a mean over the grid of precision-weighted means
    means = np.asarray(normal_population.readings.value).mean(0)
    share = np.exp(2.0 * b) / (np.exp(2.0 * b) + NOISE**2 / EACH)
    for person in (0, 7):
        expected = (weight * (a + share * (means[person] - a))).sum()
        assert np.asarray(own.z)[:, :, 0, person].mean() == pytest.approx(expected, abs=0.06)
    assert own.z.shape[-1] == PEOPLE


def test_priors_must_name_every_shared_number(normal_population):
    with pytest.raises(ValueError, match="missing: mu"):
        pilot(normal_population, {"omega[phi,phi]": Normal(-1.0, 0.7)})


# ---- amortised ---------------------------------------------------------------------------------------------

TIMES = np.array([1.0, 4.0, 8.0])


def person(values=None, times=TIMES):
    """One compartment of known volume, one bolus; clearance is unknown."""
    body = intravenous(1).with_values({"central.volume": 20.0})
    assay = Observation(Additive(0.4), AtTimes(), "assay", "central.concentration", "mg/L")
    value = np.ones(times.size) if values is None else values
    protocol = Timed(times, bolus("central.drug", 0.0, 100.0), Exponential())
    return Problem(
        body, ["elimination.clearance"], protocol=protocol, observations=[assay], readings=[readings(value)]
    )


@pytest.fixture(scope="module")
def network():
    return train(person(), jax.random.key(6), Training(people=4000, steps=1000, width=32, depth=2, components=2), chunk=1000)


def by_quadrature(curve):
    """Posterior mean and standard deviation of z by a grid."""
    grid = np.linspace(-7.0, 7.0, 2801)
    clearance = 4.0 * np.exp(np.sqrt(np.log1p(0.5**2)) * grid)
    error = (curve - 5.0 * np.exp(-clearance[:, None] / 20.0 * TIMES)) / 0.4
    logs = -0.5 * (error**2).sum(1) - 0.5 * grid**2
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()
    mean = (weight * grid).sum()
    return mean, np.sqrt((weight * (grid - mean) ** 2).sum())


def test_amortised_posterior_against_quadrature_and_a_wrong_network_is_found_out(network):
    curves = 5.0 * np.exp(-np.array([2.5, 5.0, 2.5]) / 20.0 * TIMES[:, None])
    curves += 0.3 * np.random.default_rng(9).standard_normal(curves.shape)
    # few people like the third were ever simulated
    curves[:, 2] = [0.5, 1.0, 0.5]
    problem = person(curves)
    wrong = eqx.tree_at(lambda m: m.location, network, network.location + 3.0)
    for model, source in ((network, Source.NETWORK), (wrong, Source.LAPLACE)):
        found = amortised(model, problem, KEYS, draws=2000, tried=4000, sampler=None)
        assert (found.source[:2] == source).all()
        assert (np.asarray(found.draws.status) == DrawStatus.OK).all()
        assert ((found.k_hat <= 0.7) == (found.source == Source.NETWORK)).all()
        for lane in range(LANES):
            mean, sd = by_quadrature(curves[:, lane])
            drawn = np.asarray(found.draws.z)[0, :, 0, lane]
            assert drawn.mean() == pytest.approx(mean, abs=0.15 * sd), lane
            assert drawn.std() == pytest.approx(sd, rel=0.12), lane
    raw = np.asarray(amortised(network, problem, KEYS, draws=2000, tried=4000, sampler=None).raw)
    for lane in range(2):
        mean, sd = by_quadrature(curves[:, lane])
        assert raw[:, 0, lane].mean() == pytest.approx(mean, abs=0.25 * sd), lane


def test_missing_readings_and_other_designs_do_not_reach_a_network_that_never_saw_them(network):
    problem = person(np.array([[4.0, np.nan, 4.0], [2.5, 2.5, np.nan], [np.nan, 1.5, 1.5]]))
    found = amortised(network, problem, KEYS, draws=2000, tried=4000, sampler=None)
    assert (found.source == Source.LAPLACE).all() and np.isinf(found.k_hat).all()
    assert (np.asarray(found.draws.status) == DrawStatus.OK).all()
    with pytest.raises(ValueError, match="another protocol"):
        amortised(network, person(np.array([4.0, 2.5, 1.5]), TIMES + 1.0), KEYS[:1])
