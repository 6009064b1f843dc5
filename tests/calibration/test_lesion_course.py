"""Courses of lesions: probabilities that add up, all paths of regimes counted out, draws against the density they come from."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from calibration.problem import Problem
from calibration.scores import inside_sample
from calibration.tumours.instruments import PSA_LIMIT, caliper, psa, scanned, with_limit
from calibration.tumours.lesion_course import LIMIT, LesionCourse, fit_course, forecast_draws, log_density, scans
from calibration.tumours.records import TumourRecord
from physio.bodies.prostate_cancer import calendar
from physio.protocol import Timed
from physio.schedule import switch

COURSE = eqx.tree_at(
    lambda c: (c.begin, c.change, c.repeat, c.spread),
    LesionCourse.start(),
    (
        jnp.asarray([0.3, -0.4, 0.1]),
        jnp.asarray([[0.0, -1.0, -2.0], [-1.5, 0.0, -0.5], [-2.5, -0.7, 0.0]]),
        jnp.asarray([-1.0, 0.5, -2.0]),
        jnp.asarray([-2.0, -3.0, -1.5]),
    ),
)


def record(size, time=None, person="1"):
    size = np.asarray(size, float)
    time = 6.0 * np.arange(len(size)) if time is None else np.asarray(time, float)
    return TumourRecord(person, "A", time, size, "week", "mm")


@pytest.mark.parametrize("before", [8.0, 40.0])
def test_chances_of_the_next_reading_add_up(before):
    """Atom, not seen, and the density over sizes, which is that of log (d + 5)."""
    density = jax.jit(lambda e: jnp.exp(COURSE.log_next(jnp.asarray(before), e, jnp.asarray(9.0))))
    for regime in range(3):
        moved = sum(
            quad(lambda e: float(density(jnp.asarray(e))[regime]) / (e + 5.0), a, b, limit=80, epsrel=1e-4)[0]
            for a, b in ((LIMIT, before), (before, 2.0 * before), (2.0 * before, 3000.0))
        )
        atom, unseen = float(density(jnp.asarray(before))[regime]), float(density(jnp.asarray(0.0))[regime])
        # Wallace's chance below the limit is good to a few thousandths, and a t variable has a tail
        assert moved + atom + unseen == pytest.approx(1.0, abs=8e-3)


def test_the_forward_recursion_counts_every_path():
    seen = record([30.0, 30.0, 34.0, 0.0, 0.0], [0.0, 6.0, 11.0, 20.0, 26.0])
    before, after, weeks = (jnp.asarray(x) for x in (seen.size[:-1], seen.size[1:], np.diff(seen.time)))
    each = np.exp(np.asarray(COURSE.log_next(before, after, weeks)))
    begin, change = np.asarray(jax.nn.softmax(COURSE.begin)), np.asarray(jax.nn.softmax(COURSE.change, axis=1))
    total = 0.0
    for path in itertools.product(range(3), repeat=4):
        chance = begin[path[0]] * np.prod([change[a, b] for a, b in zip(path, path[1:])])
        total += chance * np.prod([each[k, j] for j, k in enumerate(path)])
    assert float(log_density(COURSE, scans([seen], 9))[0]) == pytest.approx(np.log(total), rel=1e-12)


PEOPLE = [record([30.0, 24.0, 19.0]), record([10.0, 10.0, 10.0]), record([50.0, 0.0, 0.0, 0.0])]


def drawn(people, keys):
    return np.asarray(forecast_draws(COURSE, scans(people, 9), jnp.full((2, 3), 6.0), keys, 40000))


def test_draws_come_from_the_density_and_nobody_depends_on_a_neighbour():
    """How often the next repeats and is not seen, and how often it is somewhat smaller, from the filtered regimes."""
    keys = jax.random.split(jax.random.key(1), 3)
    draws = drawn(PEOPLE, keys)
    np.testing.assert_array_equal(draws, drawn(PEOPLE[::-1], keys[::-1])[:, :, ::-1])
    shares = jax.nn.softmax(COURSE.filtered(scans(PEOPLE, 9)), axis=0)
    following = jax.jit(lambda last, e: jnp.exp(COURSE.log_next(last, e, jnp.asarray(6.0))))
    for i, last in enumerate((19.0, 10.0)):
        ask = lambda e: float(shares[:, i] @ following(jnp.asarray(last), jnp.asarray(e)))
        first = draws[0, :, i]
        assert (first == last).mean() == pytest.approx(ask(last), abs=0.01)
        assert (first == 0.0).mean() == pytest.approx(ask(0.0), abs=0.01)
        part = quad(lambda e: ask(e) / (e + 5.0), 0.8 * last, 0.999 * last, limit=60, epsrel=1e-3)[0]
        assert ((first > 0.8 * last) & (first < 0.999 * last)).mean() == pytest.approx(part, abs=0.01)


def test_a_fit_finds_drifts_that_made_the_records():
    """600 people in one regime that lasts: log (d + 5) drifts by 0.1 a visit with a spread of 0.05."""
    rng = np.random.default_rng(3)
    steps = 0.1 + 0.05 * rng.standard_t(8, (600, 5))
    sizes = 30.0 * np.exp(np.concatenate([np.zeros((600, 1)), np.cumsum(steps, axis=1)], axis=1)) - 5.0
    course = eqx.tree_at(lambda c: c.size, LesionCourse.start(1), jnp.asarray(0.0))
    fitted, _ = fit_course(scans([record(s) for s in sizes]), course, iterations=80)
    sizes_matter = (jnp.asarray(sizes[:, :-1]).mean() / 35.0) ** fitted.size
    assert float(fitted.drift[0] * sizes_matter) == pytest.approx(0.1, rel=0.05)
    assert float(jnp.exp(fitted.spread[0])) == pytest.approx(0.05, rel=0.15)
    assert float(jax.nn.sigmoid(fitted.repeat[0])) < 0.01


def test_what_is_inside_counts_an_atom_by_its_part():
    """A right distribution with an atom covers its level on average; a closed interval holds all of the atom or nothing."""
    rng = np.random.default_rng(4)
    draws, seen = (np.where(rng.uniform(size=n) < 0.4, 0.0, rng.exponential(size=n)) for n in (20000, 20000))
    every = np.asarray(jax.jit(jax.vmap(lambda y: inside_sample(jnp.asarray(draws), y, 0.8)))(jnp.asarray(seen[:2000])))
    assert every.mean() == pytest.approx(0.8, abs=0.02)
    # of the atom of 0.4 at the lower end three quarters are inside
    assert inside_sample(jnp.asarray(draws), jnp.asarray(0.0), 0.8) == pytest.approx(0.75, abs=0.01)
    assert set(every[seen[:2000] > 0.0]) <= {0.0, 1.0}


def test_a_marker_below_detection_is_a_chance_and_not_a_zero():
    """The density of a man's readings is that of log-normal errors, and of a reading under the assay's limit where one is."""
    at, seen = np.array([0.0, 30.0, 60.0]), np.array([11.0, 0.05, np.nan])
    body = calendar().with_values({"marker.baseline": 10.0})
    problem = Problem(
        body, ["tumour.cost"], protocol=Timed(at, switch("dose", 0.0)), observations=[psa()],
        readings=[with_limit(seen, PSA_LIMIT)], informed=False,
    )  # fmt: skip
    z = jnp.zeros((1, 1))
    (predicted,), _, _, _ = problem.predict(z)
    log = np.log(np.asarray(predicted)[:, 0])
    expected = norm.logpdf(np.log(11.0), log[0], 0.15) + norm.logcdf(np.log(PSA_LIMIT), log[1], 0.15)
    assert float(problem.evaluate(z).log_density[0]) == pytest.approx(expected, rel=1e-9)


def test_readings_under_the_limit_are_marked_and_absent_ones_left_out():
    seen = with_limit([3.0, 0.0, np.nan, 0.04], PSA_LIMIT)
    assert seen.present[:, 0].tolist() == [True, True, False, True]
    assert seen.below[:, 0].tolist() == [False, True, False, True]
    np.testing.assert_allclose(seen.value[:, 0], [3.0, 0.1, 0.0, 0.1])


@pytest.mark.parametrize("instrument", [caliper(), scanned(), psa()], ids=lambda i: i.name)
def test_instruments_name_what_may_be_estimated(instrument):
    for name, prior in instrument.priors:
        assert float(getattr(instrument.noise, name)) == pytest.approx(prior.median)
