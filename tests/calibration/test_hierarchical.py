"""The joint posterior of a population against quadrature and differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.population import Equations, Population, Theta
from calibration.posterior.hierarchical import PopulationTarget, sample_population
from calibration.posterior.pilot import pilot
from calibration.posterior.samplers import Chees
from physio.noise import Additive
from physio.observe import readings
from physio.priors import Normal
from scipy import optimize, stats

SMALL = Chees(chains=6, warmup=100, draws=200)


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
