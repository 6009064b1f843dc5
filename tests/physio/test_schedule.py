"""Schedules: what they refuse, how they are padded and how they add up."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.pharmacokinetics import oral
from physio.schedule import ScheduleError, bolus, infusion, nothing, ragged, repeated, steady_state, switch
from physio.solve import solve
from physio.wiring import WiringError

PORT = "central.drug"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: bolus(PORT, [0.0, 2.0], [5.0, -1.0]),
            "'central.drug' event 1: amount is -1.0, expected zero or more",
        ),
        (lambda: bolus(PORT, 0.0, float("nan")), "event 0: amount is nan, expected zero or more"),
        (lambda: bolus(PORT, 0.0, float("inf")), "event 0: amount is inf, expected zero or more"),
        (
            lambda: bolus(PORT, [0.0, float("nan")], 1.0),
            "event 1: time is nan, expected a time on the body's clock",
        ),
        (lambda: infusion(PORT, 0.0, 1.0, -2.0), "event 0: duration is -2.0, expected zero or more"),
        (lambda: infusion(PORT, 0.0, 1.0, float("nan")), "event 0: duration is nan"),
        (lambda: repeated(PORT, 1.0, every=0.0, count=3), "count >= 1 and every > 0, got 3 and 0.0"),
        (lambda: repeated(PORT, 1.0, every=8.0, count=0), "count >= 1 and every > 0, got 0 and 8.0"),
        (lambda: repeated(PORT, 1.0, every=float("nan"), count=2), "count >= 1 and every > 0"),
        (lambda: steady_state(PORT, -1.0, every=8.0), "amount is -1.0, expected zero or more"),
        (lambda: steady_state(PORT, 1.0, every=0.0), "every > 0 and duration <= every"),
        (lambda: steady_state(PORT, 1.0, every=8.0, duration=9.0), "every > 0 and duration <= every"),
        (
            lambda: steady_state(PORT, 1.0, every=8.0) + steady_state(PORT, 1.0, every=6.0),
            "only one steady-state",
        ),
        (
            lambda: ragged([steady_state(PORT, 1.0, every=8.0), steady_state("depot.drug", 1.0, every=8.0)]),
            "must enter the same port",
        ),
    ],
)
def test_wrong_events_are_refused(make, says):
    with pytest.raises(ScheduleError) as caught:
        make()
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_inputs_may_be_lowered():
    down = switch("drug", 1.0, 2.0, level=-3.0)
    assert (
        float(down.amount[0]) == -3.0 and float(down.duration[0]) == 1.0 and down.channels == ("input.drug",)
    )
    assert float(switch("drug", 1.0).duration[0]) == np.inf


def test_traced_values_are_not_checked():
    assert float(jax.jit(lambda a: bolus(PORT, 0.0, a).amount.sum())(-1.0)) == -1.0


def test_repeated():
    doses = repeated(PORT, 50.0, every=8.0, count=3, start=2.0, duration=0.5)
    np.testing.assert_array_equal(doses.time, [2.0, 10.0, 18.0])
    np.testing.assert_array_equal(doses.amount, [50.0] * 3)
    np.testing.assert_array_equal(doses.duration, [0.5] * 3)


def test_sum_keeps_each_events_channel():
    both = (
        bolus("depot.drug", 0.0, 1.0) + infusion(PORT, [1.0, 2.0], 2.0, 0.5) + bolus("depot.drug", 3.0, 4.0)
    )
    assert both.channels == ("depot.drug", PORT)
    np.testing.assert_array_equal(both.channel, [0, 1, 1, 0])
    np.testing.assert_array_equal(both.time, [0.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(both.duration, [0.0, 0.5, 0.5, 0.0])


def test_sum_with_nothing_and_with_steady_dosing():
    dose = bolus(PORT, 1.0, 2.0)
    for same in (dose + nothing(), nothing() + dose):
        assert same.channels == (PORT,)
        np.testing.assert_array_equal(same.amount, dose.amount)
    regimen = steady_state(PORT, 3.0, every=12.0)
    for joined in (dose + regimen, regimen + dose):
        assert joined.steady.channel == PORT and float(joined.steady.every) == 12.0
        np.testing.assert_array_equal(joined.time, [1.0])


@pytest.mark.parametrize(("most", "slots"), [(0, 0), (1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (9, 16)])
def test_ragged_pads_to_powers_of_two(most, slots):
    people = [nothing(), repeated(PORT, 1.0, every=1.0, count=most) if most else nothing()]
    table = ragged(people)
    assert table.time.shape == table.amount.shape == table.channel.shape == (slots, 2)
    assert np.isinf(table.time[:, 0]).all() and np.isfinite(table.time[:, 1]).sum() == most
    assert float(table.amount.sum()) == most


def test_ragged_joins_channels():
    table = ragged([bolus("depot.drug", 0.0, 1.0), bolus(PORT, 0.0, 2.0) + bolus("depot.drug", 1.0, 3.0)])
    assert table.channels == ("depot.drug", PORT)
    np.testing.assert_array_equal(table.channel, [[0, 1], [0, 0]])
    np.testing.assert_array_equal(table.amount, [[1.0, 2.0], [0.0, 3.0]])


def test_ragged_gives_a_person_without_regimen_a_zero_one():
    table = ragged([steady_state(PORT, 5.0, every=8.0, duration=2.0), bolus(PORT, 0.0, 1.0)])
    np.testing.assert_array_equal(table.steady.amount, [5.0, 0.0])
    assert (np.asarray(table.steady.every) > 0).all()


def test_a_dose_into_an_unknown_port_names_the_nearest():
    with pytest.raises(
        WiringError, match="no port or input for a dose 'depot.drugs'; did you mean 'depot.drug'?"
    ):
        solve(oral(1), bolus("depot.drugs", 0.0, 1.0), at=[1.0])
    with pytest.raises(WiringError, match="no port or input for a dose 'input.meal'"):
        solve(oral(1), switch("meal", 0.0), at=[1.0])
    with pytest.raises(WiringError, match="central.dru"):
        solve(oral(1), steady_state("central.dru", 1.0, every=8.0), at=jnp.ones(1))
