"""Priors against scipy's distributions, closed forms and quadrature."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from physio.priors import AbstractPrior, LogitNormal, LogNormal, Normal, Uniform

SIGMA = math.sqrt(math.log(1.0 + 0.35**2))
CASES = [
    (LogNormal(1.39, cv=0.35), stats.lognorm(SIGMA, scale=1.39), (0.0, np.inf)),
    (Normal(-2.0, sd=3.0), stats.norm(-2.0, 3.0), (-np.inf, np.inf)),
    (Uniform(2.0, 5.0), stats.uniform(2.0, 3.0), (2.0, 5.0)),
    (LogitNormal(0.7, sd=0.8), None, (0.0, 1.0)),
    (LogitNormal(20.0, sd=0.5, low=10.0, high=60.0), None, (10.0, 60.0)),
]
PRIORS = [case[0] for case in CASES]
Z = jnp.linspace(-4.0, 4.0, 33)


@pytest.mark.parametrize("prior", PRIORS)
def test_z_there_and_back(prior):
    assert isinstance(prior, AbstractPrior)
    np.testing.assert_allclose(prior.to_z(prior.from_z(Z)), Z, rtol=1e-9, atol=1e-9)
    assert float(prior.from_z(0.0)) == pytest.approx(prior.median, rel=1e-12)


@pytest.mark.parametrize(("prior", "reference", "support"), CASES)
def test_probabilities(prior, reference, support):
    values = np.asarray(prior.from_z(Z))
    assert np.all(np.diff(values) > 0.0) and support[0] < values[0] and values[-1] < support[1]
    for p in (0.01, 0.05, 0.5, 0.9, 0.99):
        value = prior.quantile(p)
        assert isinstance(value, float)
        assert stats.norm.cdf(float(prior.to_z(value))) == pytest.approx(p, rel=1e-9)
        if reference is not None:
            assert value == pytest.approx(reference.ppf(p), rel=1e-10)
    assert (prior.quantile(0.0), prior.quantile(1.0)) == support
    if reference is not None:
        np.testing.assert_allclose(prior.log_density(values), reference.logpdf(values), rtol=1e-9)


@pytest.mark.parametrize(("prior", "reference", "support"), CASES)
def test_density_integrates_to_the_probability_between_quantiles(prior, reference, support):
    low, high = prior.quantile(0.02), prior.quantile(0.85)
    area, _ = integrate.quad(lambda x: math.exp(float(prior.log_density(x))), low, high, epsabs=1e-10)
    assert area == pytest.approx(0.83, abs=1e-8)


def test_lognormal_cv_is_the_ratio_of_sd_to_mean():
    prior = LogNormal(1.39, cv=0.35)
    mean = 1.39 * math.exp(0.5 * prior.sigma**2)
    variance = mean**2 * (math.exp(prior.sigma**2) - 1.0)
    assert math.sqrt(variance) / mean == pytest.approx(0.35, rel=1e-12)


def test_logitnormal_one_sd_is_one_on_the_logit_scale():
    value = float(LogitNormal(0.5, sd=1.0).from_z(1.0))
    assert value == pytest.approx(1.0 / (1.0 + math.exp(-1.0)), rel=1e-12)


@pytest.mark.parametrize("prior", PRIORS)
def test_outside_the_support(prior):
    outside = {LogNormal: -1.0, Uniform: 6.0, LogitNormal: 100.0}.get(type(prior))
    if outside is not None:
        assert prior.log_density(outside) == -jnp.inf
        assert jax.grad(prior.log_density)(outside) == 0.0


@pytest.mark.parametrize("prior", PRIORS)
def test_gradients_are_those_of_the_map(prior):
    for z in (-2.5, -0.3, 0.0, 0.3, 2.5):
        slope, step = jax.grad(prior.from_z)(z), 1e-5
        rise = float(prior.from_z(z + step) - prior.from_z(z - step))
        assert slope == pytest.approx(rise / (2.0 * step), rel=1e-7)
        assert jax.grad(prior.to_z)(prior.from_z(z)) == pytest.approx(1.0 / float(slope), rel=1e-9)
        change_of_variable = stats.norm.logpdf(z) - math.log(slope)
        assert float(prior.log_density(prior.from_z(z))) == pytest.approx(change_of_variable, rel=1e-9)


@pytest.mark.parametrize("prior", PRIORS)
def test_recentred_keeps_family_and_spread(prior):
    moved = prior.recentred(prior.median * 1.1)
    assert type(moved) is type(prior)
    assert moved.median == pytest.approx(prior.median * 1.1, rel=1e-12)
    before, after = (prior.median, prior.quantile(0.9)), (moved.median, moved.quantile(0.9))
    if isinstance(prior, LogNormal):
        assert after[1] / after[0] == pytest.approx(before[1] / before[0], rel=1e-12)
    if isinstance(prior, (Normal, Uniform)):
        assert after[1] - after[0] == pytest.approx(before[1] - before[0], rel=1e-12)


@pytest.mark.parametrize("prior", PRIORS)
def test_priors_are_static_values(prior):
    twin = type(prior)(**{name: getattr(prior, name) for name in prior.__dataclass_fields__})
    assert twin == prior and hash(twin) == hash(prior)
    with pytest.raises(AttributeError):
        prior.median = 2.0
    compiled = jax.jit(lambda given, z: given.from_z(z), static_argnums=0)
    assert compiled(prior, 1.0) == pytest.approx(float(prior.from_z(1.0)), rel=1e-12)
    assert "\n" not in prior.spread


def test_spread_in_words():
    assert LogNormal(1.39, cv=0.35).spread == "cv 35 %"
    assert Normal(0.0, sd=2.0).spread == "sd 2"
    assert Uniform(2, 5).spread == "between 2 and 5"
    assert LogitNormal(0.7, sd=0.8).spread == "sd 0.8 on the logit scale between 0 and 1"


def test_float32_stays_float32():
    for prior in PRIORS:
        z = jnp.asarray([-1.0, 1.0], jnp.float32)
        x = prior.from_z(z)
        assert x.dtype == prior.to_z(x).dtype == prior.log_density(x).dtype == jnp.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogNormal(-1.0, cv=0.1), "LogNormal: median must be positive"),
        (lambda: LogNormal(1.0, cv=0.0), "LogNormal: cv must be positive"),
        (lambda: LogNormal("1", cv=0.1), "LogNormal: median must be a number"),
        (lambda: LogNormal(1.0, cv=math.inf), "LogNormal: cv must be positive and finite"),
        (lambda: Normal(math.nan, sd=1.0), "Normal: mean must be finite"),
        (lambda: Normal(0.0, sd=-1.0), "Normal: sd must be positive"),
        (lambda: Normal(None, sd=1.0), "Normal: mean must be a plain number"),
        (lambda: LogitNormal(2.0, sd=1.0), "LogitNormal: median must lie between"),
        (lambda: LogitNormal(0.5, sd=1.0, low=1.0, high=0.0), "LogitNormal: low must be below high"),
        (lambda: Uniform(1.0, 1.0), "Uniform: low must be below high"),
        (lambda: Uniform(0.0, math.inf), "Uniform: high must be finite"),
        (lambda: Normal(0.0, sd=1.0).quantile(1.5), "p must lie between 0 and 1"),
        (lambda: jax.jit(lambda m: LogNormal(m, cv=0.1).median)(1.0), "median must be a plain number"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
