"""Doses and compartments against closed forms: values, gradients, mass, ragged cohorts, one program a bucket.

The dose forms are those of the benchmark `pk-closed-forms`, which publishes what is asserted here.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import pk_cases
from physio.bodies.pharmacokinetics import intravenous, oral, saturable
from physio.drugs.closed_forms import LinearPK
from physio.schedule import bolus, infusion, nothing, ragged, repeated, steady_state
from physio.solve import Status, Tsit5, solve

CENTRAL, DEPOT = pk_cases.CENTRAL, pk_cases.DEPOT
COMBINATIONS = [
    pytest.param(n, group, marks=() if (n, group) in chosen else pytest.mark.slow)
    for chosen in [{(2, "doses"), (1, "steady oral")}]
    for n in (1, 2, 3)
    for group in pk_cases.GROUPS
]


@pytest.mark.parametrize(("compartments", "group"), COMBINATIONS)
def test_values_and_gradients(compartments, group):
    task = pk_cases.with_slopes(
        lambda x: pk_cases.solved(compartments, group, x), lambda x: pk_cases.exact(compartments, group, x)
    )
    error, gradients, status = pk_cases.errors(jax.jit(task)(pk_cases.arrays(pk_cases.QUANTITIES)))
    assert (status == Status.OK).all()
    assert error.max() <= 1e-9
    assert {key: value.max() for key, value in gradients.items() if value.max() > 1e-8} == {}


def test_saturable_values_and_gradients():
    task = pk_cases.with_slopes(pk_cases.solved_saturable, pk_cases.exact_saturable)
    error, gradients, status = pk_cases.errors(jax.jit(task)(pk_cases.arrays(pk_cases.SATURABLE)))
    assert (status == Status.OK).all()
    assert error.max() <= 1e-9
    assert max(value.max() for value in gradients.values()) <= 1e-8


def test_float32_error():
    x = pk_cases.arrays(pk_cases.QUANTITIES)
    values, _ = jax.jit(lambda x: pk_cases.solved(3, "doses", x, Tsit5(1e-5, 1e-6), jnp.float32))(x)
    assert values.dtype == jnp.float32
    assert pk_cases.value_error(values, pk_cases.exact(3, "doses", x)).max() <= 2e-5


# ---- steady states that do not exist -----------------------------------------------------------------------


def test_dosing_above_capacity_has_no_steady_state_and_leaves_the_others_alone():
    run = jax.jit(lambda amounts: pk_cases.above_capacity(amounts, Tsit5(1e-8, 1e-8)))
    status, values = run(np.array([300.0, 200.0, 100.0, 250.0]))
    assert [Status(int(s)) for s in status] == [Status.OK] * 4
    # 17.5 mg/h eliminate 420 mg a day at most
    mixed_status, mixed = run(np.array([300.0, 430.0, 100.0, 2000.0]))
    assert [Status(int(s)).name for s in mixed_status] == ["OK", "NO_STEADY_STATE", "OK", "NO_STEADY_STATE"]
    assert np.isnan(mixed[:, [1, 3]]).all()
    np.testing.assert_array_equal(mixed[:, [0, 2]], values[:, [0, 2]])


# ---- conservation ------------------------------------------------------------------------------------------

SITUATIONS = {
    "overlapping infusions": infusion(CENTRAL, [0.0, 1.0, 2.5], [100.0, 50.0, 80.0], [4.0, 4.0, 1.0]),
    "shared boundaries": infusion(CENTRAL, [1.0, 3.0, 3.0], [60.0, 40.0, 30.0], [2.0, 2.0, 2.0]),
    "infusion of no length": infusion(CENTRAL, 2.0, 70.0, 0.0) + infusion(CENTRAL, 2.0, 30.0, 1.0),
    "dose and observation at once": bolus(CENTRAL, [0.0, 3.0], 50.0),
    "two doses at once": bolus(CENTRAL, [2.0, 2.0], [20.0, 30.0]),
    "dose at the end": bolus(CENTRAL, [0.0, 8.0], [20.0, 30.0]),
    "infusion beyond the end": infusion(CENTRAL, 6.0, 40.0, 8.0),
    "infusion that runs at the start": infusion(CENTRAL, -1.0, 40.0, 4.0),
    "dose before the start": bolus(CENTRAL, [-1.0, 1.0], [20.0, 30.0]),
    "nothing": nothing(),
}
GIVEN_BY = {  # mg given before each of the hours 0, 1, 2, 3, 5, 8
    "overlapping infusions": [0, 25, 62.5, 140, 230, 230],
    "shared boundaries": [0, 0, 30, 60, 130, 130],
    "infusion of no length": [0, 0, 0, 100, 100, 100],
    "dose and observation at once": [0, 50, 50, 50, 100, 100],
    "two doses at once": [0, 0, 0, 50, 50, 50],
    "dose at the end": [0, 20, 20, 20, 20, 20],
    "infusion beyond the end": [0, 0, 0, 0, 0, 10],
    "infusion that runs at the start": [0, 10, 20, 30, 30, 30],
    "dose before the start": [0, 0, 30, 30, 30, 30],
    "nothing": [0] * 6,
}
HOURS = jnp.asarray([0.0, 1.0, 2.0, 3.0, 5.0, 8.0])


@pytest.fixture(scope="module")
def situations():
    """All situations as lanes of one solve."""
    body = intravenous(2)
    people = ragged(list(SITUATIONS.values()))
    return jax.jit(lambda s: solve(body, s, at=HOURS, lanes=len(SITUATIONS), method=Tsit5(1e-9, 1e-9)))(
        people
    )


@pytest.mark.parametrize("situation", SITUATIONS)
def test_mass_is_conserved(situations, situation):
    # what is in the body and what has left it is what was given, an observation being just before a dose
    lane = list(SITUATIONS).index(situation)
    held = np.asarray(situations.conserved("drug"))[:, lane]
    assert int(situations.status[lane]) == Status.OK
    np.testing.assert_allclose(held, GIVEN_BY[situation], rtol=1e-12, atol=1e-12)


def test_observation_at_a_dose_is_just_before_it(situations):
    lane = list(SITUATIONS).index("dose and observation at once")
    pk = LinearPK(4.0, (35.0, 35.0), (4.0,))
    np.testing.assert_allclose(situations["central.concentration"][3, lane], pk.bolus(3.0, 50.0), rtol=1e-7)
    assert float(situations["central.concentration"][0, lane]) == 0.0


def test_a_solve_that_goes_on_gives_each_dose_once(situations):
    lane = list(SITUATIONS).index("dose at the end")
    np.testing.assert_array_equal(situations.final[:, lane], situations.states[-1, :, lane])
    on = solve(
        intravenous(2), SITUATIONS["dose at the end"], at=[9.0], t0=8.0, start=situations.final[:, lane]
    )
    np.testing.assert_allclose(on.conserved("drug"), [50.0], rtol=1e-12)


def test_bioavailability_below_one_enters_only_what_is_absorbed():
    body = oral(1).with_values({"depot.bioavailability": 0.6, "depot.lag": 0.5})
    path = solve(body, bolus(DEPOT, 1.0, 100.0), at=[1.0, 1.5, 1.6, 20.0])
    np.testing.assert_allclose(path.conserved("drug"), [0.0, 0.0, 60.0, 60.0], rtol=1e-12)


# ---- cohorts -----------------------------------------------------------------------------------------------


def people_of(seed: int, count: int = 6):
    """People with one to seven events each, and their clearances."""
    rng = np.random.default_rng(seed)
    schedules = []
    for _ in range(count):
        times = np.sort(rng.uniform(0.0, 30.0, rng.integers(1, 6)))
        doses = bolus(DEPOT, times, rng.uniform(20.0, 200.0, len(times)))
        start, amount, length = (
            rng.uniform(0.0, 10.0, 2),
            rng.uniform(20.0, 80.0, 2),
            rng.uniform(0.5, 6.0, 2),
        )
        schedules.append(doses + infusion(CENTRAL, start, amount, length))
    return schedules, rng.uniform(2.0, 6.0, count)


@jax.jit
def cohort(clearance, schedule):
    """Concentrations and steps of all at once."""
    body = oral(2).with_values({"elimination.clearance": clearance})
    path = solve(body, schedule, at=jnp.arange(0.0, 40.0, 4.0), lanes=clearance.shape[0])
    return path["central.concentration"], path.steps


def test_cohort_equals_people_one_by_one():
    schedules, clearance = people_of(1)
    together, steps = cohort(jnp.asarray(clearance), ragged(schedules))
    for lane in range(0, 6, 2):
        table = ragged([schedules[lane], *schedules[1:2]])  # one more person, so that slots are as many
        alone, own = cohort(jnp.asarray([clearance[lane], 4.0]), table)
        np.testing.assert_allclose(alone[:, 0], together[:, lane], rtol=1e-12, atol=1e-12)
        assert int(own[0]) == int(steps[lane])


def test_single_person_equals_its_lane():
    schedules, clearance = people_of(2)
    body = oral(2).with_values({"elimination.clearance": clearance[0]})
    at = jnp.arange(0.0, 40.0, 4.0)
    alone = jax.jit(lambda s: solve(body, s, at=at))(schedules[0])
    together, _ = cohort(jnp.asarray(clearance), ragged(schedules))
    assert alone.states.shape == (10, 4) and alone.status.shape == ()
    np.testing.assert_allclose(alone["central.concentration"], together[:, 0], rtol=1e-12, atol=1e-12)


def test_new_schedules_of_a_bucket_do_not_compile_again():
    before = None
    for seed in (3, 4, 5):
        schedules, clearance = people_of(seed)
        schedules[0] = repeated(DEPOT, 10.0, every=2.0, count=5) + infusion(CENTRAL, [1.0, 2.0], 5.0, 1.0)
        cohort(jnp.asarray(clearance), ragged(schedules))
        before = before or cohort._cache_size()
        assert cohort._cache_size() == before
    longer = [repeated(DEPOT, 10.0, every=2.0, count=9) + infusion(CENTRAL, 1.0, 5.0, 1.0), *schedules[1:]]
    assert ragged(longer).time.shape[0] == 16  # another bucket, which would be compiled


def test_people_are_seen_at_different_times():
    body, schedule = intravenous(1), bolus(CENTRAL, 0.0, 70.0)
    at = jnp.asarray([[1.0, 2.0], [4.0, 3.0], [4.0, 9.0]])
    path = jax.jit(lambda at: solve(body, schedule, at=at, lanes=2, method=Tsit5(1e-10, 1e-12)))(at)
    pk = LinearPK(4.0, (35.0,))
    np.testing.assert_allclose(path["central.concentration"], pk.bolus(at, 70.0), rtol=1e-9)


@pytest.mark.slow
def test_steady_state_is_left_as_it_was_reached():
    # two weeks of dosing reach what steady dosing starts from
    body = saturable().with_values({"elimination.capacity": 30.0})
    method = Tsit5(1e-10, 1e-10)
    long = solve(body, repeated(CENTRAL, 100.0, every=12.0, count=80), at=[960.0], method=method)
    steady = solve(body, steady_state(CENTRAL, 100.0, every=12.0), at=[0.0], method=method)
    np.testing.assert_allclose(steady["central.concentration"], long["central.concentration"], rtol=1e-8)
