"""One contract for every method made of steps, and what each alone must do. Checked against closed forms and SciPy."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from experiments.problems.ode_cases import van_der_pol
from experiments.problems.order_cases import driven
from physio.bodies.meals import insulin, meal_at_once
from physio.bodies.pharmacokinetics import oral
from physio.bodies.uva_s2008 import smooth_uva_s2008
from physio.schedule import bolus, infusion, ragged
from physio.solve import (
    DiscreteAdjoint,
    Exponential,
    FixedSteps,
    ForwardMode,
    Rescued,
    Rodas4,
    Rodas5P,
    RushLarsen,
    Status,
    Tsit5,
    solve,
)
from physio.solve.lane_solve import lane_solver
from physio.solve.rodas4 import RODAS4
from physio.solve.rodas5p import RODAS5P

# class, order, and the tolerances at which derivatives are within the bound
METHODS = {
    "Tsit5": (Tsit5, 5, (1e-11, 1e-12), 1e-8),
    "Rodas4": (Rodas4, 4, (1e-9, 1e-11), 1e-6),
    "Rodas5P": (Rodas5P, 5, (1e-9, 1e-11), 1e-6),
    "Exponential": (Exponential, 2, (1e-9, 1e-11), 1e-8),
    "RushLarsen": (RushLarsen, 2, (1e-6, 1e-8), 1e-3),
}


def season(strength):
    return driven().with_values({"case.strength": strength})


def oscillator(mu):
    return van_der_pol().with_values({"case.mu": mu})


# ---- every method ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_order_where_rates_depend_on_time(name):
    make, order, *_ = METHODS[name]
    # over the whole course: at one time alone the error may happen to pass through zero
    at = jnp.asarray([0.5, 1.0, 1.5, 2.0])
    exact = jnp.exp(jnp.asarray([1.0, 0.7]) * jnp.sin(at)[:, None])

    @jax.jit
    def error(step):
        body = season(jnp.asarray([1.0, 0.7]))
        path = solve(body, at=at, lanes=2, method=FixedSteps(make(), step))
        return jnp.sqrt(((path["case.x"] - exact) ** 2).sum())

    counts = np.array([24, 36, 52, 76])
    errors = [float(error(2.0 / count)) for count in counts]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert slope >= order - 0.15


@pytest.mark.parametrize("name", METHODS)
def test_error_follows_tolerance(name):
    make = METHODS[name][0]
    exact = np.exp(np.asarray([1.0, 0.5]) * np.sin(2.0))
    errors = []
    for rtol in (1e-4, 1e-6, 1e-8):
        run = jax.jit(lambda b, m=make(rtol, rtol): solve(b, at=[2.0], lanes=2, method=m).final[0])
        errors.append(float(np.abs(run(season(jnp.asarray([1.0, 0.5]))) - exact).max()))
    assert errors[0] < 1e-2 and errors[1] < 1e-4 and errors[2] < 1e-6
    assert errors[0] > 5.0 * errors[1] > 25.0 * errors[2]


def bateman(ka, k, v, f, lag, time, dose, t):
    """Concentration of one oral dose into one compartment."""
    since = t - time - lag
    return f * dose * ka / (v * (ka - k)) * (np.exp(-k * since) - np.exp(-ka * since))


@pytest.mark.parametrize(
    ("name", "mode"),
    # blocks are the same whatever the scheme
    [("Tsit5", "reverse in short blocks"), *((name, mode) for name in METHODS for mode in ("forward", "reverse"))],
)
def test_derivatives_of_doses_against_the_closed_form(name, mode):
    make, _, tolerances, bound = METHODS[name]
    given = {
        "absorption.rate": 1.3,
        "elimination.clearance": 4.0,
        "central.volume": 20.0,
        "depot.bioavailability": 0.8,
        "depot.lag": 0.4,
    }
    start = jnp.asarray([*given.values(), 0.5, 100.0])
    # an observation stands exactly where the dose arrives, and another between
    at = jnp.asarray([0.5, 0.9, 2.0, 6.0])
    adjoint = {
        "forward": ForwardMode(),
        "reverse": DiscreteAdjoint(rows=1024),
        "reverse in short blocks": DiscreteAdjoint(rows=40),
    }[mode]
    tight = make(*tolerances)

    def seen(v):
        body = oral(1).with_values(dict(zip(given, v[:5], strict=True)))
        path = solve(body, bolus("depot.drug", v[5], v[6]), at=at, method=tight, adjoint=adjoint)
        return path["central.concentration"][-2:]

    take = jax.jacfwd if mode == "forward" else jax.jacrev
    found = np.asarray(jax.jit(take(seen))(start))

    def exact(v):
        ka, cl, volume, f, lag, time, dose = v
        since = at[-2:] - time - lag
        k = cl / volume
        return f * dose * ka / (volume * (ka - k)) * (jnp.exp(-k * since) - jnp.exp(-ka * since))

    wanted = np.asarray(jax.jacfwd(exact)(start))
    error = np.abs(found - wanted) / (np.abs(wanted) + 1e-3 * np.abs(wanted).max())
    assert error.max() <= bound
    np.testing.assert_allclose(exact(start), bateman(1.3, 0.2, 20.0, 0.8, 0.4, 0.5, 100.0, np.asarray(at[-2:])))


@pytest.mark.parametrize("name", METHODS)
def test_reverse_equals_forward_for_ragged_people(name):
    make = METHODS[name][0]
    people = ragged(
        [
            bolus("depot.drug", [0.0, 2.0, 2.0], 50.0) + infusion("central.drug", 1.0, 20.0, 0.5),
            bolus("depot.drug", 1.0, 80.0),
            infusion("central.drug", [0.0, 3.0], 30.0, [0.0, 2.0]),
        ]
    )
    at = jnp.asarray([1.0, 2.0, 2.0, 5.0])

    def seen(scale, adjoint):
        body = oral(1).with_values({"elimination.clearance": scale})
        path = solve(body, people, at=at, lanes=3, method=make(), adjoint=adjoint, chunk=2)
        return (path["central.concentration"] ** 2).sum() + path.final.sum()

    start = jnp.asarray([3.0, 4.0, 5.0])
    forward = jax.jit(jax.jacfwd(lambda v: seen(v, ForwardMode())))(start)
    backward = jax.jit(jax.grad(lambda v: seen(v, DiscreteAdjoint(rows=64))))(start)
    np.testing.assert_allclose(backward, forward, rtol=1e-11)


def test_repeated_blocks_take_the_same_steps_where_stability_limits_them():
    """Steps of a day of glucose are chaotic at tight tolerances: rounding alone decides on some, and each program rounds differently."""
    spread = jnp.asarray(np.linspace(0.9, 1.1, 8))
    day = meal_at_once(60.0, 60.0) + insulin(60.0, 5.0)

    def seen(fastest, adjoint):
        body = smooth_uva_s2008().with_values({"stomach.fastest": fastest, "glucose.volume": 1.88 * spread})
        path = solve(body, day, at=10.0 * jnp.arange(41), lanes=8, method=Tsit5(1e-7, 1e-7), adjoint=adjoint)
        return (path["glucose.glucose"] ** 2).sum()

    start = jnp.full(8, 0.0558)
    short, whole = (
        jax.jit(jax.grad(lambda v, a=a: seen(v, a)))(start) for a in (DiscreteAdjoint(rows=128), DiscreteAdjoint(rows=4096, blocks=1))
    )
    np.testing.assert_allclose(short, whole, rtol=1e-7)


@pytest.mark.parametrize("name", METHODS)
def test_a_failing_lane_leaves_values_and_gradients_of_others_alone(name):
    make = METHODS[name][0]
    method = make(1e-5, 1e-5, max_steps=2000)

    def loss(strength):
        path = solve(season(strength), at=[1.0, 3.0], lanes=3, method=method, adjoint=DiscreteAdjoint(rows=64))
        return jnp.where(path.status == Status.OK, path.final.sum(0), 0.0).sum(), path.status

    both = jax.jit(jax.value_and_grad(loss, has_aux=True))
    (_, good), slopes = both(jnp.asarray([1.0, 0.8, 0.6]))
    (_, mixed), mixed_slopes = both(jnp.asarray([1.0, np.nan, 0.6]))
    assert [Status(int(s)) for s in good] == [Status.OK] * 3
    assert Status(int(mixed[1])) != Status.OK
    np.testing.assert_array_equal(mixed_slopes[jnp.asarray([0, 2])], slopes[jnp.asarray([0, 2])])
    assert float(mixed_slopes[1]) == 0.0


@pytest.mark.parametrize("name", METHODS)
def test_chunks_and_their_order_change_nothing(name):
    make = METHODS[name][0]
    mu = jnp.asarray([0.5, 8.0, 2.0, 4.0, 1.0])

    def run(chunk, order=None):
        path = solve(oscillator(mu), at=[1.0, 4.0], lanes=5, method=make(), chunk=chunk, order=order)
        return path.states, path.steps

    whole = jax.jit(lambda: run(5))()
    for other in (jax.jit(lambda: run(2))(), jax.jit(lambda: run(2, whole[1]))()):
        np.testing.assert_array_equal(other[1], whole[1])
        size = np.abs(whole[0]).max(axis=(0, 2))[:, None]
        np.testing.assert_allclose(other[0] / size, whole[0] / size, atol=1e-13)


# ---- what each alone must do -------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [Rodas4, Rodas5P])
def test_rosenbrock_methods_on_a_stiff_oscillator(make):
    mu = np.array([500.0, 1000.0])
    path = jax.jit(lambda b: solve(b, at=[1000.0], lanes=2, method=make(1e-8, 1e-10)))(oscillator(mu))
    assert (np.asarray(path.status) == Status.OK).all()
    for lane, m in enumerate(mu):
        other = solve_ivp(
            lambda t, y, m=m: [y[1], m * (1.0 - y[0] ** 2) * y[1] - y[0]],
            (0.0, 1000.0),
            [2.0, 0.0],
            "Radau",
            rtol=1e-10,
            atol=1e-12,
            jac=lambda t, y, m=m: [[0.0, 1.0], [-2.0 * m * y[0] * y[1] - 1.0, m * (1.0 - y[0] ** 2)]],
        )
        assert abs(float(path.final[0, lane]) - other.y[0, -1]) < 1e-6
    # an explicit method needs its step below 1 / mu all the way
    explicit = jax.jit(lambda b: solve(b, at=[10.0], lanes=2, method=Tsit5()))(oscillator(mu))
    assert int(explicit.steps.min()) > 10 * int(path.steps.max()) / 100


def test_lanes_that_one_method_fails_on_are_solved_by_another():
    mu = jnp.asarray([2.0, 1000.0, 5.0, 500.0])
    first = Tsit5(max_steps=3000)

    def final(method, mu):
        path = solve(oscillator(mu), at=[50.0, 100.0], lanes=4, method=method)
        return path.final, (path.states, path.status, path.steps)

    alone = jax.jit(lambda: final(first, mu))()
    stiff = jax.jit(lambda: final(Rodas5P(), mu))()
    assert [Status(int(s)) for s in alone[1][1]] == [Status.OK, Status.STEP_BUDGET] * 2
    ones = jnp.ones(4)
    both, slopes, rest = jax.jit(lambda: jax.jvp(lambda m: final(Rescued(first), m), (mu,), (ones,), has_aux=True))()
    assert (np.asarray(rest[1]) == Status.OK).all()
    np.testing.assert_array_equal(both[:, ::2], alone[0][:, ::2])
    np.testing.assert_array_equal(both[:, 1::2], stiff[0][:, 1::2])
    np.testing.assert_array_equal(rest[2][1::2], 3000 + stiff[1][2][1::2])
    _, by_stiff, _ = jax.jit(lambda: jax.jvp(lambda m: final(Rodas5P(), m), (mu,), (ones,), has_aux=True))()
    np.testing.assert_allclose(slopes[:, 1::2], by_stiff[:, 1::2], rtol=1e-12)
    with pytest.raises(ValueError, match="Rescued brings its own derivatives"):
        solve(oscillator(mu), at=[1.0], lanes=4, method=Rescued(first), adjoint=DiscreteAdjoint())


def test_fixed_steps_are_counted_and_a_lane_that_leaves_the_numbers_is_named():
    steady = jax.jit(lambda b: solve(b, at=[1.0, 2.0], lanes=2, method=FixedSteps(Tsit5(), 0.1)))
    path = steady(season(jnp.asarray([1.0, 0.5])))
    np.testing.assert_array_equal(path.steps, [20, 20])
    mixed = steady(season(jnp.asarray([1.0, np.inf])))
    assert Status(int(mixed.status[1])) == Status.STEP_TOO_SMALL
    np.testing.assert_array_equal(mixed.states[..., 0], path.states[..., 0])


def test_adjoint_says_how_much_memory_it_needs():
    with pytest.raises(ValueError, match=r"DiscreteAdjoint\(memory=1000\) is too little for 1 lanes of 2 states"):
        jax.grad(lambda v: solve(season(v), at=[1.0], adjoint=DiscreteAdjoint(memory=1000)).final.sum())(1.0)


@pytest.mark.parametrize("size", [1, 3, 12])
@pytest.mark.parametrize("pivot", [False, True])
def test_small_linear_systems(size, pivot):
    rng = np.random.default_rng(size)
    a = rng.standard_normal((size, size, 5))
    a += (0.0 if pivot else 4.0 * size) * np.eye(size)[..., None]
    b, weights = rng.standard_normal((2, size, 5))
    exact = np.linalg.solve(np.moveaxis(a, -1, 0), b.T[..., None])[..., 0].T
    np.testing.assert_allclose(lane_solver(jnp.asarray(a), pivot)(jnp.asarray(b)), exact, rtol=1e-9)
    slopes = jax.grad(lambda a: (weights * lane_solver(a, pivot)(jnp.asarray(b))).sum())(jnp.asarray(a))
    back = np.linalg.solve(np.moveaxis(a, -1, 0).transpose(0, 2, 1), weights.T[..., None])[..., 0].T
    np.testing.assert_allclose(slopes, -back[:, None] * exact[None], rtol=1e-8, atol=1e-10)


def trees(size):
    """Rooted trees of so many vertices, each the sorted tuple of its branches."""
    if size == 1:
        return {()}
    smaller = {tree for n in range(1, size) for tree in trees(n)}
    return {
        tuple(sorted(branches))
        for count in range(1, size)
        for branches in itertools.combinations_with_replacement(smaller, count)
        if sum(map(vertices, branches)) == size - 1
    }


def vertices(tree):
    return 1 + sum(map(vertices, tree))


@pytest.mark.parametrize(("known", "order"), [(RODAS4, 4), (RODAS5P, 5)])
def test_coefficients_satisfy_the_conditions_of_their_order(known, order):
    """Hairer and Wanner II, theorem IV.7.4: alpha where a vertex branches, beta = alpha + gamma where it does not."""
    size = len(known.nodes)
    a, c = np.zeros((2, size, size))
    for i in range(size):
        short = min(i, len(known.a) - 1)
        a[i, :short], a[i, short:i] = known.a[short], 1.0
        c[i, :i] = known.c[i]
    last = a[-1].copy()
    last[-1] = 1.0
    gamma = np.linalg.inv(np.eye(size) / known.gamma - c)
    b, alpha = last @ gamma, a @ gamma
    np.testing.assert_allclose(alpha.sum(1), known.nodes, atol=1e-12)
    np.testing.assert_allclose(gamma.sum(1), known.d, atol=1e-12)

    def weights(tree):
        if len(tree) == 1:
            return (alpha + gamma) @ weights(tree[0])
        return np.prod([alpha @ weights(branch) for branch in tree], axis=0) * np.ones(size)

    def density(tree):
        return vertices(tree) * np.prod([density(branch) for branch in tree])

    counts = [len(trees(n)) for n in range(1, order + 1)]
    assert counts == [1, 1, 2, 4, 9][:order]
    for n in range(1, order + 1):
        for tree in trees(n):
            np.testing.assert_allclose(b @ weights(tree), 1.0 / density(tree), atol=1e-11)
