"""Steppers against exact solutions in space and time, and against sums that must not change."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.fields import (
    AbstractFieldModel, Checkpointed, CrankNicolson, Domain, ExactCosine, FieldError, Forward, ForwardEuler, Grid, Heun,
    NoReaction, Stabilised, Strang, TissueDiffusion, UniformDiffusion, solve_field,
)  # fmt: skip
from physio.schedule import bolus, switch
from physio.solve.status import Status

RNG = np.random.default_rng(3)
METHODS = [ForwardEuler(), Heun(), Strang(Stabilised(5)), Strang(CrankNicolson(1e-12)), Strang(ExactCosine())]


class Fisher(AbstractFieldModel):
    """du/dt = L u + r u (1 - u); ``halving`` events multiply u by 2^-amount."""

    channels = ("halving",)

    operator: UniformDiffusion | TissueDiffusion
    rate: jax.Array = eqx.field(converter=lambda x: jnp.asarray(x, jnp.float64), default=1.0)

    def diffusion(self):
        return self.operator

    def rates(self, t, u):
        return jnp.asarray(self.rate, u.dtype) * u * (1.0 - u)

    def reacted(self, t, dt, u):
        grown = jnp.asarray(jnp.exp(self.rate * dt), u.dtype)
        return u * grown / (1.0 + (grown - 1.0) * u)

    def settled(self, t, u):
        return self, u

    def jump(self, t, amounts, u):
        return u * jnp.asarray(2.0 ** -amounts["halving"], u.dtype)


def ended(model, u, at, step, method, schedule=None):
    run = eqx.filter_jit(lambda m, u: solve_field(m, u, schedule, at=at, step=step, method=method))
    path = run(model, u)
    assert int(path.status) == Status.OK
    return np.asarray(path.seen[-1])


def wave(x, t):
    """Ablowitz and Zeppetella (1979), D = r = 1, speed 5 / sqrt 6."""
    return (1.0 + np.exp((x - 5.0 * t / np.sqrt(6.0)) / np.sqrt(6.0))) ** -2


def front_error(n, order, method, step):
    grid = Grid((n,), (160.0 / n,))
    x = np.asarray(grid.centres(0)) - 80.0
    model = Fisher(UniformDiffusion(Domain(grid), 1.0, order))
    return np.abs(ended(model, jnp.asarray(wave(x, 0.0)), [0.0, 1.0], step, method) - wave(x, 1.0)).max()


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(getattr(m, "propagator", m)).__name__)
def test_order_in_time_on_an_exact_front(method):
    # the grid of order 6 is so fine that what is left is time; steps halve
    step = 1.0 / 60 if isinstance(method, ForwardEuler) else 1.0 / 16
    if isinstance(method, Heun):
        step = 1.0 / 30
    coarse, fine = (front_error(400, 6, method, step / k) for k in (1, 2))
    assert abs(np.log2(coarse / fine) - method.order) < 0.15


@pytest.mark.parametrize("order", [2, 4, 6])
def test_order_in_space_and_time_on_an_exact_front(order):
    # a method of order 2 in steps that shrink with h^(order / 2)
    errors = [front_error(n, order, Strang(ExactCosine()), 0.2 * (160 / n) ** (order // 2)) for n in (160, 320)]
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.15


@pytest.mark.parametrize("method", METHODS[1:], ids=lambda m: type(getattr(m, "propagator", m)).__name__)
def test_cosine_mode_decays_as_it_should(method):
    # the continuum's exp(-D (2 pi / L)^2 t), to the error of order 6 in space and 2 in time
    grid = Grid((32, 8), (0.5, 1.0))
    mode = jnp.asarray(np.cos(2 * np.pi * np.asarray(grid.centres(0)) / 16.0) * np.ones((1, 8)))
    model = NoReaction(UniformDiffusion(Domain(grid), 0.8, 6))
    rate = 0.8 * (2 * np.pi / 16.0) ** 2
    found = ended(model, mode, [0.0, 3.0], 0.04, method)
    np.testing.assert_allclose(found, np.asarray(mode) * np.exp(-3.0 * rate), atol=(rate * 0.04) ** 2)


@pytest.mark.parametrize("method", METHODS[:4], ids=lambda m: type(getattr(m, "propagator", m)).__name__)
def test_mass_is_kept_in_random_masks(method):
    grid = Grid((9, 8, 7), (1.0, 0.8, 1.2))
    domain = Domain(grid, RNG.random(grid.shape) < 0.7)
    operator = TissueDiffusion.of(domain, jnp.asarray(0.05 + 0.2 * RNG.random(grid.shape)))
    u = domain.kept(jnp.asarray(RNG.random(grid.shape)))
    after = ended(NoReaction(operator), u, [0.0, 10.0], 0.25, method)
    assert after.sum() == pytest.approx(float(u.sum()), rel=1e-10)
    assert np.abs(after - np.asarray(u)).max() > 0.05


def test_doses_fall_between_steps():
    # without diffusion: logistic in closed form, halved twice at 0.37 and thrice at 1.11, whatever the step
    grid = Grid((4,), (1.0,))
    model = Fisher(UniformDiffusion(Domain(grid), 0.0), 0.7)
    schedule = bolus("halving", [0.37, 1.11], [2.0, 3.0])
    u, t = 0.4, 0.0
    for until, halvings in ((0.37, 2.0), (1.11, 3.0), (2.0, 0.0)):
        u = u * np.exp(0.7 * (until - t)) / (1.0 + u * (np.exp(0.7 * (until - t)) - 1.0)) * 2.0**-halvings
        t = until
    found = ended(model, jnp.full((4,), 0.4), [0.0, 1.11, 2.0], 0.5, Strang(Stabilised(3)), schedule)
    np.testing.assert_allclose(found, u, rtol=1e-13)


HALVINGS = bolus("halving", [0.5, 1.3], [1.0, 1.0])


def loss(model, u, amounts, adjoint):
    schedule = eqx.tree_at(lambda s: s.amount, HALVINGS, amounts)
    path = solve_field(model, u, schedule, at=[0.0, 1.0, 2.0], step=0.1, method=Heun(), adjoint=adjoint)
    return (path.seen**2 * jnp.asarray([1.0, 2.0, 3.0])[:, None, None]).sum()


@pytest.mark.parametrize("adjoint", [Checkpointed(4), Checkpointed(again=False)], ids=["again", "kept"])
def test_reverse_gradient_of_everything_against_differences(adjoint):
    grid = Grid((6, 5), (1.0, 1.0))
    domain = Domain(grid, RNG.random(grid.shape) < 0.8)
    u = domain.kept(jnp.asarray(RNG.random(grid.shape)))
    asked = (jnp.asarray(0.2), jnp.asarray(0.9), u, jnp.asarray([0.6, 0.3]))

    def value(diffusivity, rate, u, amounts, by=adjoint):
        white = jnp.where(jnp.arange(6)[:, None] < 3, diffusivity, 0.3 * diffusivity) * jnp.ones(grid.shape)
        return loss(Fisher(TissueDiffusion.of(domain, white), rate), u, amounts, by)

    slopes = jax.jit(jax.grad(value, argnums=(0, 1, 2, 3)))(*asked)
    along = jax.tree.map(lambda x: jnp.asarray(RNG.normal(size=x.shape)), asked)
    plain = jax.jit(lambda *a: value(*a, by=Forward()))

    def moved(e):
        return float(plain(*jax.tree.map(lambda x, d: x + e * d, asked, along)))

    rough = [(moved(e) - moved(-e)) / (2 * e) for e in (1e-3, 2e-3)]
    slope = (4 * rough[0] - rough[1]) / 3
    assert sum(float((g * d).sum()) for g, d in zip(slopes, along, strict=True)) == pytest.approx(slope, rel=1e-8)


def test_float32_field_follows_float64():
    grid = Grid((40,), (0.5,))
    u = jnp.asarray(np.exp(-np.asarray(grid.centres(0))))
    model = Fisher(UniformDiffusion(Domain(grid), 0.3))
    single = ended(model, u.astype(jnp.float32), [0.0, 5.0], 0.1, Heun())
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, ended(model, u, [0.0, 5.0], 0.1, Heun()), atol=1e-5)


def test_an_unstable_step_is_refused_or_marked():
    # h^2 / (6 D) = 1 / 1.2 in three dimensions
    grid = Grid((4, 4, 4), (1.0, 1.0, 1.0))
    model, u = NoReaction(UniformDiffusion(Domain(grid), 0.2)), jnp.ones(grid.shape)
    with pytest.raises(FieldError, match=r"step of 0.909091 .* bounds it by 0.833333, .* step=0.825 or less, or method=Strang"):
        solve_field(model, u, at=[0.0, 10.0], step=0.91, method=ForwardEuler())
    traced = eqx.filter_jit(lambda m: solve_field(m, u, at=[0.0, 10.0], step=0.91, method=ForwardEuler()).status)
    assert int(traced(model)) == Status.UNSTABLE_STEP
    assert np.isclose(float(ForwardEuler().limit(model)), 1.0 / 1.2)


def test_a_field_that_blows_up_is_marked():
    grid = Grid((4,), (1.0,))
    model = Fisher(UniformDiffusion(Domain(grid), 0.0), 1.0)
    path = solve_field(model, jnp.full((4,), -5.0), at=[0.0, 40.0], step=1.0, method=ForwardEuler())
    assert int(path.status) == Status.NOT_FINITE


@pytest.mark.parametrize(
    ("schedule", "at", "says"),
    [
        (bolus("radiation", 1.0, 2.0), [0.0, 2.0], "'radiation', which this model does not take; its channels: halving"),
        (bolus("halving", -1.0, 2.0), [0.0, 2.0], "event 0 is at -1, outside the solve from 0 to 2"),
        (switch("x", 1.0), [0.0, 2.0], "input.x"),
        (None, [0.0], "two or more finite rising times"),
        (None, [0.0, 2.0, 1.0], "two or more finite rising times"),
    ],
)
def test_what_cannot_be_planned_is_named(schedule, at, says):
    model = Fisher(UniformDiffusion(Domain(Grid((4,), (1.0,))), 0.1))
    with pytest.raises(FieldError, match=says):
        solve_field(model, jnp.ones(4), schedule, at=at, step=0.5)


def test_exact_cosines_need_a_box():
    grid = Grid((4,), (1.0,))
    model = NoReaction(UniformDiffusion(Domain(grid, np.asarray([1, 1, 0, 1], bool)), 0.1))
    with pytest.raises(FieldError, match="take CrankNicolson"):
        solve_field(model, jnp.ones(4), at=[0.0, 1.0], step=0.5, method=Strang(ExactCosine()))
