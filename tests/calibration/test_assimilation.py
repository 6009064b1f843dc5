"""Filters and the smoother against a Kalman filter in NumPy, integrals on a grid, and closed forms."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from calibration.assimilation import (
    BeliefStatus,
    EnsembleKalman,
    Extended,
    Gaussian,
    Particle,
    RandomWalk,
    Reverting,
    Unscented,
    advance,
    drawn,
    follow,
    forecast,
    smoothed,
    twin,
    update,
)
from calibration.assimilation.semidefinite import divided, root
from calibration.assimilation.state_space import AbstractStateSpace
from physio.bodies.glucose import glucose_under_insulin
from physio.bodies.pharmacokinetics import intravenous
from physio.noise import Additive
from physio.observe import AtTimes, Maximum, Observation, Readings
from physio.schedule import bolus, switch
from physio.solve import Tsit5
from physio.wiring import WiringError

import equinox as eqx

LANES = 3
EVERY = (Extended(), Unscented(), EnsembleKalman(), Particle())


def read(values, below=None) -> Readings:
    """Readings (..., instruments, lanes) from numbers, nan where there is none."""
    values = np.asarray(values, float)
    present = np.isfinite(values)
    below = np.zeros(values.shape, bool) if below is None else below
    return Readings(jnp.asarray(values), jnp.asarray(present), jnp.asarray(below))


def keys(lanes, seed=5):
    return jax.random.split(jax.random.key(seed), lanes)


def begun(filter, belief, members=64):
    """The belief in the form the filter holds."""
    return belief if isinstance(filter, Extended | Unscented) else drawn(belief, keys(belief.mean.shape[1]), members)


def numbers(belief):
    """Every array of a belief but its status."""
    leaves = jax.tree.leaves(eqx.tree_at(lambda b: b.status, belief, None))
    return [np.asarray(jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x) for x in leaves]


def same(a, b, lanes=slice(None)):
    """Bit for bit in these lanes, which are last (keys: first)."""

    def cut(x):
        return x[lanes] if x.dtype == np.uint32 else x[..., lanes]

    return all(np.array_equal(cut(x), cut(y)) for x, y in zip(numbers(a), numbers(b), strict=True))


# two compartments, doses, two instruments with a reading missing: everything is linear and normal

VOLUME, CLEARANCE, EXCHANGE = 35.0, 4.0, 4.0
RATES = np.array([[-(CLEARANCE + EXCHANGE), EXCHANGE], [EXCHANGE, -EXCHANGE]]) / VOLUME
NOISE, SPREAD, SD = np.array([2.0, 1.0]), np.array([5.0, 3.0]), np.array([0.3, 0.5])
TIMES = np.array([1.0, 2.5, 4.0, 5.0, 8.0, 8.0])
DOSES = {0.0: 100.0, 4.0: 60.0}


def compartments(nodes, method):
    instruments = [
        Observation(Additive(sd), AtTimes(), name, f"{name}.concentration", "mg/L")
        for name, sd in zip(("central", "peripheral"), SD, strict=True)
    ]
    return twin(
        intravenous(2),
        lanes=LANES,
        instruments=instruments,
        schedule=bolus("central.drug", list(DOSES), list(DOSES.values())),
        noise={"central.amount": NOISE[0], "peripheral.amount": NOISE[1]},
        nodes=nodes,
        method=method,
    )


@pytest.fixture(scope="module")
def measured():
    """Readings (times, instruments, lanes), and per lane the predicted, filtered and smoothed moments of a Kalman filter."""
    values = np.random.default_rng(1).normal(2.0, 0.5, (len(TIMES), 2, LANES))
    values[2, 0, 1] = values[3, :, 1] = np.nan
    return values, [kalman(values[..., lane]) for lane in range(LANES)]


# 3 h are short against the 5 h of the fastest way out, so that five nodes are exact to all digits that are asked
TIGHT = (5, Tsit5(rtol=1e-12, atol=1e-12, first_step=0.1))


def van_loan(length):
    """Transition and noise covariance of a linear equation, by one matrix exponential (C. F. Van Loan, 1978)."""
    block = np.block([[-RATES, np.diag(NOISE**2)], [np.zeros((2, 2)), RATES.T]])
    exponential = scipy.linalg.expm(block * length)
    transition = exponential[2:, 2:].T
    return transition, transition @ exponential[:2, 2:]


def kalman(values):
    """Filter and smoother of one person: lists of (mean, covariance) predicted, filtered, smoothed."""
    mean, covariance, time = np.zeros(2), np.diag(SPREAD**2), 0.0
    predicted, filtered, transitions = [], [], []
    for now, row in zip(TIMES, values, strict=True):
        mean = mean + np.array([sum(d for at, d in DOSES.items() if time <= at < now), 0.0])
        transition, noise = van_loan(now - time)
        mean, covariance, time = transition @ mean, transition @ covariance @ transition.T + noise, now
        predicted.append((mean, covariance))
        transitions.append(transition)
        seen = np.isfinite(row)
        if seen.any():
            look = (np.eye(2) / VOLUME)[seen]
            gain = covariance @ look.T @ np.linalg.inv(look @ covariance @ look.T + np.diag(SD[seen] ** 2))
            mean, covariance = mean + gain @ (row[seen] - look @ mean), (np.eye(2) - gain @ look) @ covariance
        filtered.append((mean, covariance))
    past = [filtered[-1]]
    for k in reversed(range(len(TIMES) - 1)):
        gain = filtered[k][1] @ transitions[k + 1].T @ np.linalg.inv(predicted[k + 1][1])
        later = past[0]
        past.insert(
            0,
            (
                filtered[k][0] + gain @ (later[0] - predicted[k + 1][0]),
                filtered[k][1] + gain @ (later[1] - predicted[k + 1][1]) @ gain.T,
            ),
        )
    return predicted, filtered, past


def start_of(model):
    return model.start(spread={"central.amount": SPREAD[0], "peripheral.amount": SPREAD[1]})


def test_filter_is_the_kalman_filter(measured):
    model, (values, exact) = compartments(*TIGHT), measured
    found = follow(Extended(), model, start_of(model), jnp.asarray(TIMES), read(values))
    assert (np.asarray(found.status) == BeliefStatus.OK).all()
    for lane, (predicted, filtered, _) in enumerate(exact):
        np.testing.assert_allclose(found.belief.mean[:, lane], filtered[-1][0], rtol=0, atol=1e-8)
        np.testing.assert_allclose(found.belief.covariance[..., lane], filtered[-1][1], rtol=0, atol=1e-8)
        for k, (mean, covariance) in enumerate(predicted):
            np.testing.assert_allclose(found.forecasts.mean[k, :, lane], mean / VOLUME, rtol=0, atol=1e-8)
            wanted = np.sqrt(np.diag(covariance) / VOLUME**2 + SD**2)
            np.testing.assert_allclose(found.forecasts.sd[k, :, lane], wanted, rtol=0, atol=1e-8)


@pytest.mark.parametrize("filter", [Extended(), Unscented(kappa=1.0)])
def test_smoother_is_that_of_rauch_tung_striebel(measured, filter):
    model, (values, exact) = compartments(*TIGHT), measured
    found = smoothed(filter, model, start_of(model), jnp.asarray(TIMES), read(values))
    for lane, (_, _, past) in enumerate(exact):
        for k, (mean, covariance) in enumerate(past):
            np.testing.assert_allclose(found.mean[k, :, lane], mean, rtol=0, atol=1e-8)
            np.testing.assert_allclose(found.covariance[k, ..., lane], covariance, rtol=0, atol=1e-8)


@pytest.mark.parametrize("filter", [EnsembleKalman(), Particle()])
def test_members_come_to_the_kalman_filter(measured, filter):
    """Means within five standard errors of what so many members can tell, and spreads within a tenth."""
    model, (values, exact) = compartments(2, Tsit5(first_step=0.5)), measured
    count, last = 1500, 2
    members = drawn(start_of(model), keys(LANES), count)
    found = follow(filter, model, members, jnp.asarray(TIMES[:last]), read(values[:last]))
    mean, covariance = found.belief.moments()
    for lane, (_, filtered, _) in enumerate(exact):
        sd = np.sqrt(np.diag(filtered[last - 1][1]))
        assert (np.abs(mean[:, lane] - filtered[last - 1][0]) < 5.0 * sd / np.sqrt(0.5 * count)).all()
        np.testing.assert_allclose(np.sqrt(np.diag(covariance[..., lane])), sd, rtol=0.1)


# a curved scalar model, against the Bayes filter summed on a grid

SHARE, SHOCK, METER = 0.8, 0.4, 0.3


class Curved(AbstractStateSpace):
    """x' = 0.8 x + bend sin x + 0.4 w, read as exp(bend x / 2) / bend + 0.3 e."""

    names: ClassVar = ("x",)
    instruments: ClassVar = ("meter",)
    noises: ClassVar = 1
    bend: float
    lanes: int = eqx.field(static=True, default=1)

    def transition(self, x, noise, begin, end):
        return SHARE * x + self.bend * jnp.sin(x) + SHOCK * noise, jnp.ones(x.shape[1], bool)

    def observe(self, instrument, x, time):
        return jnp.exp(0.5 * self.bend * x[0]) / self.bend, jnp.full_like(x[0], METER)

    def scaled(self, instrument, value):
        return value

    def tiled(self, times):
        return Curved(self.bend, self.lanes * times)

    def narrowed(self, lanes):
        return Curved(self.bend, lanes)


VALUES, LIMIT = (0.6, 0.2, np.nan, -0.7, 1.0), -0.3


def on_a_grid(bend):
    """Mean and sd of x after readings of VALUES above those at x = 0; those below LIMIT are known only as that."""
    x = np.linspace(-8.0, 8.0, 3001)
    density = scipy.stats.norm.pdf(x, 0.5, 1.0)
    shown = (np.exp(0.5 * bend * x) - 1.0) / bend
    step = scipy.stats.norm.pdf(x[:, None], SHARE * x + bend * np.sin(x), SHOCK)
    moments = []
    for value in VALUES:
        density = step @ density
        if value < LIMIT:
            density = density * scipy.stats.norm.cdf(LIMIT, shown, METER)
        elif np.isfinite(value):
            density = density * scipy.stats.norm.pdf(value, shown, METER)
        density = density / density.sum()
        mean = (x * density).sum()
        moments.append((mean, np.sqrt(((x - mean) ** 2 * density).sum())))
    return np.array(moments)


def run_curved(filter, bend, members):
    belief = Gaussian(jnp.full((1, 1), 0.5), jnp.ones((1, 1, 1)), jnp.zeros(1), jnp.zeros(1, jnp.int32))
    belief, found, model = begun(filter, belief, members), [], Curved(bend)
    for k, value in enumerate(VALUES):
        below = value < LIMIT
        number = (LIMIT if below else value) + 1.0 / bend
        belief = advance(filter, model, belief, jnp.asarray(k + 1.0))
        belief = update(filter, model, belief, read([[number]], np.array([[below]])))
        mean, covariance = belief.moments()
        found.append((float(mean[0, 0]), float(covariance[0, 0, 0]) ** 0.5))
    return np.array(found)


@pytest.mark.parametrize(
    ("filter", "bend", "error"),
    [
        (Extended(), 0.2, 0.1),
        (Unscented(), 0.2, 0.1),
        (EnsembleKalman(), 0.2, 0.1),
        (Particle(width=0.2), 1.0, 0.1),
        (Particle(width=0.0), 1.0, 0.05),
    ],
)
def test_a_curved_model_against_a_grid(filter, bend, error):
    """Errors of mean and spread in units of the belief's own sd, a censored reading included.

    Normal beliefs hold where the curvature is mild; the kernel keeps a part of it; a particle filter without one has the
    error of its 20 000 members alone.
    """
    exact, found = on_a_grid(bend), run_curved(filter, bend, 20_000)
    assert (np.abs(found[:, 0] - exact[:, 0]) < error * exact[:, 1]).all()
    assert (np.abs(found[:, 1] / exact[:, 1] - 1.0) < error).all()


@pytest.fixture(scope="module")
def glucose():
    """Three people under insulin whose sensitivity drifts."""
    meter = Observation(Additive(5.0), AtTimes(), "meter", "glucose.concentration", "mg/dL")
    return twin(
        glucose_under_insulin(),
        ["glucose.sensitivity", "glucose.initial_glucose"],
        lanes=LANES,
        instruments=[meter],
        schedule=switch("insulin", [0.0, 2.0], [60.0, 20.0], [9.0, 50.0]),
        logarithmic=["glucose.glucose"],
        drift={"glucose.sensitivity": RandomWalk(0.02)},
        method=Tsit5(first_step=1.0),
    )


def test_a_start_follows_the_priors(glucose):
    belief = glucose.start()
    sigma = np.sqrt(np.log1p(0.2**2))
    assert glucose.names == ("glucose.glucose", "glucose.action", "glucose.sensitivity", "glucose.initial_glucose")
    np.testing.assert_allclose(belief.mean[:, 0], [np.log(280.0), 0.0, 0.0, 0.0], atol=1e-12)
    wanted = np.diag([sigma**2, 0.0, 1.0, 1.0])
    wanted[0, 3] = wanted[3, 0] = sigma
    np.testing.assert_allclose(belief.covariance[..., 0], wanted, atol=1e-12)


@pytest.mark.parametrize("filter", EVERY)
def test_people_do_not_touch_each_other(glucose, filter):
    """A missing reading and a body that cannot be solved leave a belief bit for bit, and all others as they would be."""
    belief = begun(filter, glucose.start())
    broken = eqx.tree_at(
        lambda m: m.body.parts["glucose"].effectiveness, glucose, jnp.asarray([0.021, jnp.nan, 0.021])
    )
    readings = read([[200.0, 210.0, np.nan]])
    well = advance(filter, glucose, belief, jnp.asarray(5.0))
    ill = advance(filter, broken, belief, jnp.asarray(5.0))
    assert list(np.asarray(ill.status)) == [BeliefStatus.OK, BeliefStatus.SOLVE_FAILED, BeliefStatus.OK]
    assert same(ill, belief, 1) and same(ill, well, 0) and same(ill, well, 2)
    after_well, after_ill = (update(filter, glucose, b, readings) for b in (well, ill))
    # nothing was read of the third, and the second is not at the reading's time
    assert same(after_well, well, 2) and same(after_ill, ill, 1) and same(after_ill, after_well, 0)
    assert not same(after_well, well, 0) and not same(after_well, well, 1)
    # the body can be solved again, from where its belief was left
    again = advance(filter, glucose, after_ill, jnp.asarray(5.0))
    assert (np.asarray(again.status) == BeliefStatus.OK).all() and same(again, well, 1)


@pytest.mark.parametrize("filter", EVERY)
def test_a_reading_that_cannot_be_is_left_out(glucose, filter):
    belief = begun(filter, glucose.start())
    readings = read([[280.0, 280.0, 280.0]])
    readings = Readings(readings.value.at[0, 1].set(jnp.inf), jnp.ones((1, LANES), bool), readings.below)
    after = update(filter, glucose, belief, readings)
    assert np.asarray(after.status)[1] in (BeliefStatus.NOT_FINITE, BeliefStatus.IMPOSSIBLE)
    assert same(after, belief, 1) and not same(after, belief, 0)


def test_drift_has_the_variance_of_its_closed_form():
    rate, diffusion, lasting, hours = 0.3, 0.2, 0.7, 4.0
    model = twin(
        intravenous(1),
        ["central.volume", "elimination.clearance"],
        lanes=1,
        instruments=[],
        drift={"central.volume": RandomWalk(diffusion), "elimination.clearance": Reverting(rate, lasting)},
        nodes=2,
    )
    belief = model.start(mean=jnp.asarray([[0.5], [0.5]]))
    mean, covariance = advance(Extended(), model, belief, jnp.asarray(hours)).moments()
    fade = np.exp(-rate * hours)
    np.testing.assert_allclose(mean[1:, 0], [0.5, 0.5 * fade], rtol=1e-12)
    wanted = [1.0 + diffusion**2 * hours, fade**2 + lasting**2 * (1.0 - fade**2)]
    np.testing.assert_allclose(np.diag(covariance[..., 0])[1:], wanted, rtol=1e-12)


def test_looking_changes_nothing_and_forecasts_agree(glucose):
    belief = glucose.start()
    normal = forecast(Unscented(), glucose, belief)
    members = drawn(belief, keys(LANES), 4000)
    drawn_from = forecast(Particle(), glucose, members)
    # glucose is log-normal at the start; of the eight points of four rows only two move it, by two sd
    sigma = np.sqrt(np.log1p(0.2**2))
    points = 280.0 * np.exp(2.0 * sigma * np.array([1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    np.testing.assert_allclose(normal.mean[0], points.mean(), rtol=1e-10)
    np.testing.assert_allclose(normal.sd[0], np.hypot(points.std(), 5.0), rtol=1e-10)
    for level in (0.1, 0.5, 0.9):
        wanted = 280.0 * np.exp(sigma * scipy.stats.norm.ppf(level))
        np.testing.assert_allclose(drawn_from.quantile(level)[0], wanted, rtol=0.02)


def test_roots_of_singular_covariances():
    factor = np.random.default_rng(2).standard_normal((5, 3, 4))
    covariance = jnp.asarray(np.einsum("ikl,jkl->ijl", factor, factor))
    lower = root(covariance)
    np.testing.assert_allclose(jnp.einsum("ikl,jkl->ijl", lower, lower), covariance, atol=1e-12)
    right = jnp.einsum("mi,ijl->mjl", jnp.asarray(np.random.default_rng(3).standard_normal((2, 5))), covariance)
    np.testing.assert_allclose(jnp.einsum("mil,ijl->mjl", divided(right, covariance), covariance), right, atol=1e-10)


def test_what_a_twin_refuses():
    body = glucose_under_insulin()
    peak = Observation(Additive(5.0), Maximum(), "peak", "glucose.concentration", "mg/dL")
    meter = Observation(Additive(5.0), AtTimes(), "meter", "glucose.concentration", "mg/dL")
    with pytest.raises(ValueError, match="'peak' sums up a path by Maximum"):
        twin(body, lanes=1, instruments=[peak])
    with pytest.raises(ValueError, match=r"'glucose.glucose' depends on a state that is left out \(glucose.action\)"):
        twin(body, lanes=1, instruments=[meter], states=["glucose.glucose"])
    with pytest.raises(ValueError, match="'glucose.concentration' depends on a state that is left out"):
        twin(body, lanes=1, instruments=[meter], states=["glucose.action"])
    with pytest.raises(WiringError, match="parameter that drifts"):
        twin(body, ["glucose.sensitivity"], lanes=1, instruments=[meter], drift={"glucose.effectiveness": RandomWalk(0.1)})
