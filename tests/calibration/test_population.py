"""Population fits against closed forms: a linear model, whose marginal likelihood is a normal density, and published values."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.population import (
    FO,
    FOCE,
    FOCEI,
    Cohort,
    Equations,
    ImportanceSampling,
    Laplace,
    Measured,
    Occasional,
    Population,
    Quadrature,
    SearchStatus,
    Theta,
    fit_population,
    from_curvature,
    from_scores,
    npde,
    occasions,
    on_occasion,
    replicated,
    saem,
    sandwich,
    terms_at,
    visual_check,
    with_errors,
)
from experiments.problems.nlme_cases import WANG_ERRORS, phenobarbital, theophylline, wang
from physio.bodies.pharmacokinetics import oral
from physio.noise import Additive, LogNormalNoise
from physio.observe import AtTimes, Observation, readings
from physio.protocol import Timed
from physio.schedule import bolus, ragged
from physio.solve import Exponential
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

METHODS = [FO(), FOCE(), FOCEI(), Laplace(), Quadrature(3)]
OMEGA = np.asarray([[0.5, 0.2], [0.2, 0.3]])
TIMES = np.linspace(0.0, 1.5, 4)
SPREAD = 0.4


def line(values, times):
    """log a + t log b: linear in the random effects of a and b."""
    return jnp.log(values["a"]) + times * jnp.log(values["b"])


def people(count, seed=0):
    """(times, values, present) of people on lines of their own; some readings are missing."""
    rng = np.random.default_rng(seed)
    times = np.repeat(TIMES[:, None], count, axis=1)
    own = rng.multivariate_normal([1.0, -0.5], OMEGA, count).T
    values = own[0] + own[1] * times + SPREAD * rng.standard_normal(times.shape)
    return times, values, rng.uniform(size=times.shape) > 0.2


def linear(times, values, present, below=None):
    population = Population(
        Equations(jnp.asarray(times), line),
        readings(values, present, below),
        Additive(SPREAD),
        thetas=[Theta("a", np.e), Theta("b", np.exp(-0.5))],
        typical=lambda theta, covariates: {"a": theta["a"], "b": theta["b"]},
        random=[("a", "b")],
        variances=[0.5, 0.3],
        spreads=["spread"],
    )
    # the Cholesky factor of OMEGA
    root = np.linalg.cholesky(OMEGA)
    return population, population.start().at[2:5].set(jnp.asarray([np.log(root[0, 0]), root[1, 0], np.log(root[1, 1])]))


def exact(times, values, present, person):
    """Minus twice the log density of one person's readings, without N log 2 pi."""
    use = present[:, person]
    design = np.stack([np.ones(use.sum()), times[use, person]], axis=1)
    covariance = design @ OMEGA @ design.T + SPREAD**2 * np.eye(use.sum())
    density = multivariate_normal(design @ [1.0, -0.5], covariance).logpdf(values[use, person])
    return -2.0 * density - use.sum() * np.log(2.0 * np.pi)


@pytest.mark.parametrize("objective", METHODS, ids=lambda m: type(m).__name__)
def test_a_linear_model_has_its_exact_likelihood_and_gradient(objective):
    data = people(6)
    population, x = linear(*data)
    at_x = Cohort(population, objective, 4).at(np.asarray(x), np.zeros((2, 6)))
    terms, slopes = at_x.terms, at_x.slopes
    assert at_x.good.all()
    np.testing.assert_allclose(terms, [exact(*data, i) for i in range(6)], rtol=1e-9)

    def normal(x):
        """The closed form as a function of x."""
        shared = population.shared(x)
        omega = shared.root @ shared.root.T
        total = []
        for i in range(6):
            use = data[2][:, i]
            design = jnp.stack([jnp.ones(use.sum()), data[0][use, i]], axis=1)
            v = design @ omega @ design.T + shared.noise.spread**2 * jnp.eye(use.sum())
            e = data[1][use, i] - design @ jnp.log(jnp.stack([shared.theta["a"], shared.theta["b"]]))
            total.append(e @ jnp.linalg.solve(v, e) + jnp.linalg.slogdet(v)[1])
        return jnp.stack(total)

    # derivatives of a quadrature hold its nodes: exact where it is exact
    bound = 0.2 if isinstance(objective, Quadrature) else 1e-8
    np.testing.assert_allclose(slopes, jax.jacfwd(normal)(x), rtol=bound, atol=bound)


def test_gradients_of_many_nodes_are_exact():
    data = people(3)
    population, x = linear(*data)
    few, many = (Cohort(population, o, 3).at(np.asarray(x), np.zeros((2, 3))) for o in (FOCEI(), Quadrature(15)))
    np.testing.assert_allclose(many.slopes, few.slopes, rtol=1e-7, atol=1e-7)


def test_a_fit_recovers_what_made_the_data_and_says_how_sure_it_is():
    data = people(400, seed=2)
    population, _ = linear(*data)
    fit = with_errors(fit_population(population), from_curvature)
    assert fit.status == SearchStatus.CONVERGED
    # a few have no reading at all
    np.testing.assert_array_equal(fit.counted, data[2].any(axis=0))
    truth = [np.e, np.exp(-0.5), 0.5, 0.2, 0.3, SPREAD]
    for estimate, true in zip(fit.estimates(), truth, strict=True):
        assert abs(estimate.value - true) < 4.0 * estimate.se
    robust = with_errors(fit, sandwich)
    for a, b in zip(fit.estimates(), robust.estimates(), strict=True):
        assert 0.7 < a.se / b.se < 1.4
    assert all(0.0 < s < 0.6 for s in fit.shrinkage().values())


def test_a_person_who_cannot_be_solved_is_left_out_and_named():
    times, values, present = people(8, seed=3)
    broken = times.copy()
    broken[:, 5] = np.inf
    whole, part = (linear(*a)[0] for a in ((broken, values, present), [np.delete(a, 5, axis=1) for a in (times, values, present)]))
    fit, without = fit_population(whole), fit_population(part)
    np.testing.assert_array_equal(fit.counted, np.arange(8) != 5)
    assert fit.status == without.status == SearchStatus.CONVERGED
    # two searches that part by a rounding: each ends within what it promises
    np.testing.assert_allclose(fit.value, without.value, atol=1e-6)
    np.testing.assert_allclose(fit.x, without.x, atol=1e-5)
    # at one x the others are told apart from nobody
    there, apart = (Cohort(p, FOCEI(), p.people).at(fit.x, np.zeros((2, p.people))) for p in (whole, part))
    np.testing.assert_array_equal(there.good, fit.counted)
    np.testing.assert_allclose(there.terms[fit.counted], apart.terms, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(there.slopes[fit.counted], apart.slopes, rtol=1e-9, atol=1e-9)


def test_a_person_without_readings_is_not_counted():
    times, values, present = people(8, seed=3)
    fit = fit_population(linear(times, values, present & (np.arange(8) != 5))[0])
    without = fit_population(linear(*(np.delete(a, 5, axis=1) for a in (times, values, present)))[0])
    np.testing.assert_array_equal(fit.counted, np.arange(8) != 5)
    np.testing.assert_allclose(fit.value, without.value, atol=1e-6)
    assert fit.shrinkage() == pytest.approx(without.shrinkage(), abs=1e-5)


def test_nobody_left_is_said():
    times, values, present = people(2)
    fit = fit_population(linear(times + np.inf, values, present)[0])
    assert fit.status == SearchStatus.NOBODY and not fit.counted.any()


def test_a_reading_below_its_limit():
    """One reading of one effect: the marginal chance is normal, with the variances added."""
    population = Population(
        Equations(jnp.zeros((1, 2)), lambda v, _: jnp.log(v["a"])[None]),
        readings(np.asarray([[0.3, 0.3]]), None, np.asarray([[True, False]])),
        Additive(SPREAD),
        thetas=[Theta("a", 2.0)],
        typical=lambda theta, covariates: {"a": theta["a"]},
        random=["a"],
        variances=[0.25],
        spreads=["spread"],
    )
    terms, good = terms_at(population, Quadrature(25), population.start())
    assert good.all()
    sd = np.sqrt(0.25 + SPREAD**2)
    wanted = [-2.0 * norm.logcdf(0.3, np.log(2.0), sd), -2.0 * norm.logpdf(0.3, np.log(2.0), sd) - np.log(2.0 * np.pi)]
    np.testing.assert_allclose(terms, wanted, rtol=1e-7)


def test_objectives_of_wang_2007(shared_data):
    """Of an error on which the four differ most; ``bench nlme-wang`` has nine errors."""
    population = wang(shared_data("nlme"), WANG_ERRORS["power 0.5"])
    for objective, value in zip((FOCEI(), FO(), FOCE(), Laplace()), (9.966, 9.651, 9.331, 9.95544), strict=True):
        terms, good = terms_at(population, objective, population.start())
        assert good.all() and abs(float(terms.sum()) - value) <= 1e-3


def test_the_fit_of_phenobarbital(shared_data):
    """NONMEM's estimates and standard errors (sandwich)."""
    fit = with_errors(fit_population(phenobarbital(shared_data("nlme")), gtol=1e-3), sandwich)
    assert abs(fit.value - 586.27606) <= 1e-4
    found = fit.estimates()
    np.testing.assert_allclose([e.value for e in found[:5]], [0.00469555, 0.984258, 0.158920, 0.0293508, 0.0279060], rtol=1e-3)
    np.testing.assert_allclose(
        [e.se for e in found[:5]], [2.10036e-4, 0.0268952, 0.0837623, 0.0134153, 0.00747651], rtol=5e-3
    )


def test_a_body_and_its_closed_form_are_one_model(shared_data):
    plain = theophylline(shared_data("nlme"))
    at, dose = plain.structure.data["time"], plain.structure.data["dose"][0]
    names = {"ka": "absorption.rate", "clearance": "elimination.clearance", "volume": "central.volume"}
    observation = Observation(Additive(1.0), AtTimes(), "assay", "central.concentration", "mg/L")
    # samples must ascend to the end: those that pad are the last
    assert all((np.asarray(later) >= np.asarray(earlier)).all() for earlier, later in pairwise(at))
    body = oral(1).with_values({"depot.lag": 0.0, "depot.bioavailability": 1.0})
    doses = ragged([bolus("depot.drug", 0.0, amount) for amount in dose])
    structure = Measured(body, Timed(at, doses, Exponential()), observation, 12)
    log_values = plain.log_typical(plain.shared(plain.start()))
    values = dict(zip(plain.addresses, jnp.exp(log_values), strict=True))
    wanted, _ = plain.structure.predict(values, 12)
    found, status = structure.predict({names[n]: v for n, v in values.items()}, 12)
    assert (status == 0).all()
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def good(**changed):
    given = {
        "thetas": [Theta("a", 1.0)],
        "typical": lambda theta, covariates: {"a": theta["a"]},
        "random": ["a"],
        "variances": [0.1],
        "spreads": ["spread"],
        "noise": Additive(1.0),
        "value": np.ones((2, 3)),
        "below": None,
    } | changed
    read = readings(given.pop("value"), None, given.pop("below"))
    structure = Equations(jnp.zeros((2, 3)), lambda v, t: v["a"] + t)
    return Population(structure, read, given.pop("noise"), **given)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"random": ["b"]}, "random effect on 'b', which `typical` does not give; it gives a"),
        ({"random": ["a", "a"], "variances": [0.1, 0.1]}, "two random effects on one parameter"),
        ({"variances": [0.1, 0.2]}, "random effects need as many variances as there are, 1, counting those that are tied once; got 2"),
        ({"variances": [0.0]}, "must be above 0"),
        ({"spreads": ["fraction"]}, "Additive has no 'fraction'; it has spread"),
        ({"noise": Additive(0.0)}, "spread of Additive begins at 0"),
        ({"covariates": {"weight": np.ones(2)}}, "covariate 'weight' has shape"),
        ({"covariates": {"weight": np.asarray([1.0, np.nan, 1.0])}}, "not a number for person 1"),
        ({"noise": LogNormalNoise(0.1), "value": np.asarray([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0]])}, "reading 1 of person 1"),
        ({"below": np.ones((2, 3), bool)}, "no reading lies above its detection limit"),
    ],
)
def test_bad_populations_are_refused_in_words(changed, message):
    with pytest.raises(ValueError, match=message):
        good(**changed)


def test_a_theta_that_cannot_be_a_logarithm():
    with pytest.raises(ValueError, match="clearance begins at -1"):
        Theta("clearance", -1.0)


def test_numbers_that_only_show_in_their_product_get_no_errors():
    data = people(20)
    population = linear(*data)[0]
    twice = Population(
        population.structure,
        population.readings,
        population.noise,
        thetas=[Theta("a", 2.0), Theta("b", 0.6), Theta("factor", 1.5)],
        typical=lambda theta, covariates: {"a": theta["a"] * theta["factor"], "b": theta["b"]},
        random=["a", "b"],
        variances=[0.5, 0.3],
        spreads=["spread"],
    )
    fit = with_errors(fit_population(twice), from_curvature)
    assert fit.covariance is None
    assert [e.se for e in fit.estimates()] == [None] * 6


def test_occasions_of_a_linear_model_have_their_exact_likelihood():
    """Two readings on each of two occasions: one effect of the person, one of each occasion, all of them normal."""
    rng = np.random.default_rng(5)
    values = rng.standard_normal((4, 3))
    level = Equations(jnp.zeros((2, 3)), lambda v, zero: jnp.log(v["a"]) + zero)
    population = Population(
        Occasional([level, level], ["a"]),
        readings(values),
        Additive(SPREAD),
        thetas=[Theta("a", 1.5)],
        typical=lambda theta, covariates: {"a": theta["a"], on_occasion("a", 1): 1.0, on_occasion("a", 2): 1.0},
        random=["a", occasions("a", 2)],
        variances=[0.5, 0.2],
        spreads=["spread"],
    )
    assert population.names == ("a", "omega[a,a]", "omega[a@1 = a@2]", "spread")
    same = np.kron(np.eye(2), np.ones((2, 2)))
    covariance = 0.5 * np.ones((4, 4)) + 0.2 * same + SPREAD**2 * np.eye(4)
    exact = multivariate_normal(np.full(4, np.log(1.5)), covariance).logpdf(values.T)
    for objective in (FOCEI(), Laplace()):
        terms, good = terms_at(population, objective, population.start())
        assert good.all()
        np.testing.assert_allclose(terms, -2.0 * exact - 4.0 * np.log(2.0 * np.pi), rtol=1e-9)


def test_importance_sampling_integrates_a_normal_density_exactly():
    data = people(4)
    population, x = linear(*data)
    terms, good = terms_at(population, ImportanceSampling(log2_points=5), x)
    assert good.all()
    np.testing.assert_allclose(terms, [exact(*data, i) for i in range(4)], rtol=1e-9)


def test_importance_sampling_of_a_skewed_density():
    """One reading far below its limit's middle: the integral over one effect by scipy."""
    value, limit = 1.3, 0.4
    population = Population(
        Equations(jnp.zeros((2, 1)), lambda v, _: jnp.stack([v["a"], v["a"]])),
        readings([[value], [limit]], below=[[False], [True]]),
        Additive(0.5),
        thetas=[Theta("a", 1.0)],
        typical=lambda theta, covariates: {"a": theta["a"]},
        random=["a"],
        variances=[0.6],
        spreads=["spread"],
    )

    def inside(eta):
        a = np.exp(eta)
        return norm.pdf(eta, 0.0, np.sqrt(0.6)) * norm.pdf(value, a, 0.5) * norm.cdf(limit, a, 0.5)

    exact = -2.0 * np.log(quad(inside, -6.0, 6.0, epsabs=1e-13)[0]) - np.log(2.0 * np.pi)
    for seed in (0, 1):
        terms, _ = terms_at(population, ImportanceSampling(log2_points=12, seed=seed), population.start())
        np.testing.assert_allclose(terms, [exact], atol=5e-3)


def test_saem_finds_the_exact_maximum_of_a_linear_model():
    data = people(60, seed=7)
    population, _ = linear(*data)
    exact = fit_population(population, gtol=1e-4)
    found, trace = saem(population, jax.random.key(0), explore=80, average=150, judge=ImportanceSampling(log2_points=9))
    assert found.status == SearchStatus.CONVERGED and len(trace) == 230
    errors = np.sqrt(np.diagonal(from_scores(exact)))
    assert (np.abs(found.x - exact.x) < 0.2 * errors).all()
    assert found.value - exact.value < 0.1


def test_saem_without_random_effects_on_every_parameter():
    """A slope that everybody shares is found by scoring; the likelihood is exact in closed form, as above."""
    times, values, present = people(60, seed=8)
    rng = np.random.default_rng(0)
    values = 1.0 + 0.7 * rng.standard_normal(60) - 0.5 * times + SPREAD * rng.standard_normal(times.shape)
    population = Population(
        Equations(jnp.asarray(times), line),
        readings(values, present),
        Additive(SPREAD),
        thetas=[Theta("a", np.e), Theta("b", 0.9)],
        typical=lambda theta, covariates: {"a": theta["a"], "b": theta["b"]},
        random=["a"],
        variances=[0.5],
        spreads=["spread"],
    )
    exact = fit_population(population, gtol=1e-4)
    found, _ = saem(population, jax.random.key(0), explore=80, average=150, judge=ImportanceSampling(log2_points=9))
    errors = np.sqrt(np.diagonal(from_scores(exact)))
    assert (np.abs(found.x - exact.x) < 0.2 * errors).all()


def test_prediction_errors_of_the_right_model_are_normal_and_of_a_wrong_one_are_not():
    data = people(150, seed=9)
    population, x = linear(*data)
    fit = fit_population(population, x=x, iterations=0)
    made = replicated(fit, jax.random.key(2), 400)
    right = npde(made)
    assert right.left_out == 0 and np.isfinite(right.errors).sum() == data[2].sum()
    assert right.p_values()["all"] > 0.01
    assert npde(made._replace(observed=made.observed + 1.0)).p_values()["all"] < 1e-6
    check = visual_check(made, data[0], [-0.1, 0.4, 0.8, 1.2, 1.6], corrected=False)
    assert check.count.sum() == data[2].sum() and check.outside() < 0.25
    wrong = visual_check(made._replace(observed=made.observed + 1.0), data[0], [-0.1, 0.4, 0.8, 1.2, 1.6], corrected=False)
    assert wrong.outside() > 0.5
    # the intervals hold the percentiles of the exact marginal distribution
    spread = np.sqrt(OMEGA[0, 0] + SPREAD**2)
    assert (np.abs(check.middle[:, 0] - (1.0 + spread * norm.ppf([0.1, 0.5, 0.9]))) < 0.1).all()
