"""Ten thousand people with 1 to 200 doses each; events that coincide, have no length, or lie outside the span."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.pharmacokinetics import intravenous, oral
from physio.schedule import Schedule, bolus, infusion, ragged
from physio.solve import DiscreteAdjoint, ForwardMode, Status, Tsit5, solve

AMOUNTS = ("central.drug", "eliminated.drug")


def many(people: int, most: int, seed: int) -> Schedule:
    """(slots, people): 1 to ``most`` boluses and infusions between 0 and 24 h, a quarter of them coincident or without
    length.
    """
    rng = np.random.default_rng(seed)
    slots = 1 << (most - 1).bit_length()
    count = rng.integers(1, most + 1, people)
    used = np.arange(slots)[:, None] < count
    time = np.where(rng.random((slots, people)) < 0.25, 6.0, rng.uniform(0.0, 20.0, (slots, people)))
    duration = np.where(rng.random((slots, people)) < 0.5, rng.uniform(0.0, 3.0, (slots, people)), 0.0)
    return Schedule(
        time=jnp.asarray(np.where(used, time, np.inf)),
        amount=jnp.asarray(np.where(used, rng.uniform(1.0, 10.0, (slots, people)), 0.0)),
        duration=jnp.asarray(np.where(used, duration, 0.0)),
        channel=jnp.zeros((slots, people), jnp.int32),
        steady=None,
        channels=("central.drug",),
    )


def balance(people: int, most: int, seeds) -> tuple[float, int]:
    """``(largest relative loss of mass, programs compiled)``."""
    body = intravenous(1)

    @jax.jit
    def solved(clearance, schedule):
        there = body.with_values({"elimination.clearance": clearance})
        path = solve(there, schedule, at=jnp.asarray([24.0]), lanes=people, method=Tsit5(1e-4, 1e-4))
        return path.final.sum(0), path.status

    worst = 0.0
    for seed in seeds:
        doses = many(people, most, seed)
        rng = np.random.default_rng(seed)
        total, status = solved(jnp.asarray(rng.uniform(2.0, 6.0, people)), doses)
        assert (np.asarray(status) == Status.OK).all()
        given = np.asarray(doses.amount).sum(0)
        worst = max(worst, float(np.abs(np.asarray(total) / given - 1.0).max()))
    return worst, solved._cache_size()


def test_mass_is_conserved_over_many_events():
    worst, compiled = balance(96, 200, seeds=(0, 1, 2))
    assert worst < 1e-12 and compiled == 1


@pytest.mark.slow
def test_ten_thousand_people_with_up_to_two_hundred_events():
    worst, compiled = balance(10_000, 200, seeds=(0, 1))
    assert worst < 1e-12 and compiled == 1


def closed(times, amounts, durations, t, clearance=4.0, volume=20.0):
    """Concentration after boluses and infusions into one compartment."""
    k, total = clearance / volume, 0.0
    for begin, amount, lasts in zip(times, amounts, durations, strict=True):
        if lasts == 0.0:
            total += amount * np.exp(-k * (t - begin)) if t > begin else 0.0
        elif t > begin:
            until = min(t, begin + lasts)
            total += amount / (lasts * k) * (np.exp(-k * (t - until)) - np.exp(-k * (t - begin)))
    return total / volume


def seen(schedule, at, t0=0.0):
    body = intravenous(1).with_values({"elimination.clearance": 4.0, "central.volume": 20.0})
    return solve(body, schedule, at=jnp.asarray(at), t0=t0, method=Tsit5(1e-10, 1e-12))


@pytest.mark.parametrize(
    ("times", "amounts", "durations"),
    [
        ((2.0, 2.0, 2.0), (10.0, 20.0, 30.0), (0.0, 0.0, 1.0)),
        ((1.0, 3.0), (10.0, 20.0), (2.0, 2.0)),
        ((1.0, 3.0), (10.0, 20.0), (0.0, 0.0)),
    ],
    ids=["all at once", "one ends as the next begins", "plain"],
)
def test_coincident_events(times, amounts, durations):
    doses = [infusion("central.drug", t, a, d) if d else bolus("central.drug", t, a)
             for t, a, d in zip(times, amounts, durations, strict=True)]  # fmt: skip
    schedule = sum(doses[1:], doses[0])
    at = (0.5, 2.0, 4.0, 8.0)
    path = seen(schedule, at)
    wanted = [closed(times, amounts, durations, t) for t in at]
    np.testing.assert_allclose(path["central.concentration"], wanted, rtol=1e-8, atol=1e-12)


def test_an_infusion_of_no_length_is_a_bolus():
    path, other = (seen(s, (1.0, 5.0)) for s in (infusion("central.drug", 2.0, 50.0, 0.0), bolus("central.drug", 2.0, 50.0)))
    np.testing.assert_array_equal(path.states, other.states)


def test_events_outside_the_span_do_nothing():
    inside = bolus("central.drug", 2.0, 50.0)
    path = seen(bolus("central.drug", -3.0, 70.0) + inside + bolus("central.drug", 9.0, 70.0), (1.0, 5.0))
    np.testing.assert_array_equal(path["central.concentration"], seen(inside, (1.0, 5.0))["central.concentration"])


def test_a_span_of_no_length():
    path = seen(bolus("central.drug", 0.0, 50.0), (0.0,))
    assert int(path.status) == Status.OK and float(path["central.concentration"][0]) == 0.0
    later = seen(bolus("central.drug", 0.0, 50.0), (0.0, 0.0, 1.0))
    np.testing.assert_allclose(later["central.concentration"], [0.0, 0.0, 2.5 * np.exp(-0.2)], rtol=1e-8)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_derivatives_where_events_coincide(mode):
    """Three oral doses at one time: c(8) = sum_i a_i h(8 - t_i), so that its slopes are as the amounts."""
    given = {"absorption.rate": 1.3, "elimination.clearance": 4.0, "central.volume": 20.0, "depot.bioavailability": 1.0}
    amounts = jnp.asarray([10.0, 20.0, 30.0])
    adjoint = ForwardMode() if mode == "forward" else DiscreteAdjoint(rows=512)

    def late(times):
        doses = ragged([bolus("depot.drug", times, amounts)])
        body = oral(1).with_values({**given, "depot.lag": 0.0})
        method = Tsit5(1e-10, 1e-12)
        path = solve(body, doses, at=jnp.asarray([1.0, 8.0]), lanes=1, method=method, adjoint=adjoint)
        return path["central.concentration"][-1, 0]

    def exact(times):
        absorption, out = 1.3, 4.0 / 20.0
        since = 8.0 - times
        course = jnp.exp(-out * since) - jnp.exp(-absorption * since)
        return (amounts * absorption / (20.0 * (absorption - out)) * course).sum()

    times = jnp.asarray([2.0, 2.0, 2.0])
    take = jax.jacfwd if mode == "forward" else jax.jacrev
    np.testing.assert_allclose(jax.jit(take(late))(times), jax.grad(exact)(times), rtol=1e-8)
