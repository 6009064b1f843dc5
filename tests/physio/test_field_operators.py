"""Diffusion operators against cosines, closed forms, dense linear algebra and sums that must not change."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.fields import (
    Arithmetic, Domain, FieldError, Grid, Harmonic, Interpolated, TissueDiffusion, UniformDiffusion, solve_implicit,
)  # fmt: skip
from physio.fields import cosine
from physio.fields.cosine import decay_box, symbol

RNG = np.random.default_rng(7)
APPLIED = eqx.filter_jit(lambda operator, u: operator(u))
COLUMNS = eqx.filter_jit(lambda operator, all_: jax.vmap(operator)(all_))
BUILT = eqx.filter_jit(lambda domain, d, mean, order, u: TissueDiffusion.of(domain, d, mean, order)(u))
SOLVED = eqx.filter_jit(solve_implicit)


def order_seen(errors):
    return np.log2(errors[-2] / errors[-1])


def dense(operator):
    """The matrix of an operator, column by column."""
    shape = operator.domain.grid.shape
    cells = int(np.prod(shape))
    columns = COLUMNS(operator, jnp.eye(cells).reshape(cells, *shape))
    return np.asarray(columns).reshape(cells, cells).T


def porous(shape, spacing=(1.0, 0.7, 1.3)):
    return Domain(Grid(shape, spacing[: len(shape)]), RNG.random(shape) < 0.75)


@pytest.mark.parametrize("order", [2, 4, 6])
def test_uniform_order_in_a_box(order):
    errors = []
    for n in (10, 20, 40):
        grid = Grid((n, n), (10.0 / n, 8.0 / n))
        x, y = (np.asarray(grid.centres(axis)) for axis in grid.axes)
        u = np.cos(2 * np.pi * x / 10.0) * np.cos(np.pi * y / 8.0)
        exact = -0.3 * ((2 * np.pi / 10.0) ** 2 + (np.pi / 8.0) ** 2) * u
        errors.append(np.abs(APPLIED(UniformDiffusion(Domain(grid), 0.3, order), jnp.asarray(u)) - exact).max())
    assert abs(order_seen(errors) - order) < 0.15


@pytest.mark.parametrize(("order", "masked"), [(2, True), (4, False), (4, True), (6, True)])
def test_smooth_diffusivity_order_up_to_plane_walls(order, masked):
    # D = 0.3 + 0.1 cos 2kx, u = cos 3kx with no flux at both ends; the mask is the box within a larger grid
    mean, k, errors = {2: Arithmetic(), 4: Interpolated(4), 6: Interpolated(6)}[order], np.pi / 10.0, []
    for n in (20, 40, 80):
        room = 5 if masked else 0
        grid = Grid((n + 2 * room,), (10.0 / n,))
        x = np.asarray(grid.centres(0)) - room * 10.0 / n
        inside = (x > 0) & (x < 10.0) if masked else None
        d, u = 0.3 + 0.1 * np.cos(2 * k * x), np.cos(3 * k * x)
        exact = -9 * k**2 * d * u + 0.6 * k**2 * np.sin(2 * k * x) * np.sin(3 * k * x)
        found = BUILT(Domain(grid, inside), jnp.asarray(d), mean, order, jnp.asarray(u))
        errors.append(np.abs((found - exact)[slice(None) if inside is None else inside]).max())
    assert abs(order_seen(errors) - order) < 0.15


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize("shape", [(40,), (6, 5, 7)])
def test_what_leaves_a_cell_enters_its_neighbour(order, shape):
    domain = porous(shape)
    d, u = jnp.asarray(RNG.random(shape)), jnp.asarray(RNG.normal(size=shape))
    for operator in (UniformDiffusion(domain, 0.4, order), TissueDiffusion.of(domain, d, Harmonic(), order)):
        rate = np.asarray(APPLIED(operator, u))
        assert abs(rate.sum()) < 1e-10 * np.abs(rate).sum()
        assert not rate[~np.asarray(domain.inside)].any()


@pytest.mark.parametrize("order", [2, 4, 6])
def test_symmetric_without_positive_eigenvalues_and_bounded(order):
    domain = porous((5, 4, 3))
    d = jnp.asarray(RNG.random((5, 4, 3)))
    for operator in (UniformDiffusion(domain, 0.4, order), TissueDiffusion.of(domain, d, Arithmetic(), order)):
        matrix = dense(operator)
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
        values = np.linalg.eigvalsh(matrix)
        assert values.max() < 1e-12 and -values.min() <= float(operator.largest()) * (1 + 1e-12)


def test_series_resistance_at_a_jump():
    # steady flux through two layers that meet on a face: q = (a - b) / (L1 / D1 + L2 / D2), exact on any grid
    grid = Grid((8,), (0.5,))
    d = jnp.where(grid.centres(0) < 2.0, 0.2, 1.0)
    face = float(TissueDiffusion.of(Domain(grid), d, Harmonic()).faces[0][3])
    assert face == pytest.approx(0.5 / (0.25 / 0.2 + 0.25 / 1.0), rel=1e-14)


@pytest.mark.parametrize("order", [2, 4, 6])
def test_cosine_solver_against_a_dense_solve(order):
    grid = Grid((6, 5, 4), (1.0, 0.7, 1.3))
    operator, f = UniformDiffusion(Domain(grid), 0.35, order), RNG.normal(size=grid.shape)
    matrix = dense(operator)
    exact = np.linalg.solve(np.eye(matrix.shape[0]) - 2.0 * matrix, f.reshape(-1)).reshape(grid.shape)
    np.testing.assert_allclose(SOLVED(operator, jnp.asarray(f), 2.0), exact, atol=1e-12)
    np.testing.assert_allclose(
        np.sort(0.35 * symbol(grid, order).reshape(-1)), np.sort(-np.linalg.eigvalsh(matrix)), atol=1e-12
    )
    values, vectors = np.linalg.eigh(matrix)
    flow = (vectors * np.exp(1.5 * values)) @ (vectors.T @ f.reshape(-1))
    np.testing.assert_allclose(decay_box(operator, jnp.asarray(f), 1.5).reshape(-1), flow, atol=1e-12)


def test_fast_and_slow_transforms_agree(monkeypatch):
    operator, f = UniformDiffusion(Domain(Grid((12, 7), (1.0, 0.5))), 0.3, 2), jnp.asarray(RNG.normal(size=(12, 7)))
    slow = np.asarray(decay_box(operator, f, 0.7))
    monkeypatch.setattr(cosine, "_LONGEST_MATRIX", 1)
    np.testing.assert_allclose(decay_box(operator, f, 0.7), slow, atol=1e-13)


def test_conjugate_gradients_on_a_mask_against_a_dense_solve():
    domain = porous((6, 5, 4))
    d, f = jnp.asarray(0.1 + RNG.random((6, 5, 4))), RNG.normal(size=(6, 5, 4))
    operator = TissueDiffusion.of(domain, d, Harmonic(), 4)
    matrix = dense(operator)
    right = np.where(domain.inside, f, 0.0)
    exact = np.linalg.solve(np.eye(matrix.shape[0]) - 3.0 * matrix, right.reshape(-1)).reshape(f.shape)
    np.testing.assert_allclose(SOLVED(operator, jnp.asarray(f), 3.0), exact, atol=1e-8)
    # too few iterations are seen
    assert not np.isfinite(SOLVED(operator, jnp.asarray(f), 3.0, iterations=1)).all()


def test_derivative_of_an_implicit_step_against_differences():
    domain = porous((5, 4, 3))
    f, w = jnp.asarray(RNG.normal(size=(5, 4, 3))), jnp.asarray(RNG.normal(size=(5, 4, 3)))

    def value(d):
        operator = TissueDiffusion.of(domain, d * jnp.ones((5, 4, 3)))
        return (w * solve_implicit(operator, f, 1.0, 1e-12)).sum()

    value = jax.jit(value)
    slope = (value(0.4 + 1e-5) - value(0.4 - 1e-5)) / 2e-5
    assert float(jax.jit(jax.grad(value))(0.4)) == pytest.approx(float(slope), rel=1e-7)
    assert float(jax.jit(lambda d: jax.jvp(value, (d,), (1.0,))[1])(0.4)) == pytest.approx(float(slope), rel=1e-7)


def test_float32_stays_float32():
    domain = porous((6, 5, 4))
    u = jnp.asarray(RNG.normal(size=(6, 5, 4)), jnp.float32)
    d = jnp.full((6, 5, 4), 0.3, jnp.float32)
    for operator in (UniformDiffusion(domain, 0.3, 4), TissueDiffusion.of(domain, d, Harmonic(), 4)):
        assert operator(u).dtype == jnp.float32
        single, double = SOLVED(operator, u, 1.0), SOLVED(operator, u.astype(jnp.float64), 1.0)
        assert single.dtype == jnp.float32
        np.testing.assert_allclose(single, double, atol=2e-5)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Grid((4, 4), (1.0,)), "one spacing each"),
        (lambda: Grid((4, 1), (1.0, 1.0)), "2 cells or more"),
        (lambda: Grid((4,), (-1.0,)), "positive and finite"),
        (lambda: Domain(Grid((4,), (1.0,)), np.zeros(4, bool)), "mask is empty"),
        (lambda: Domain(Grid((4,), (1.0,)), np.ones(5, bool)), "one value for each cell"),
        (lambda: UniformDiffusion(Domain(Grid((4,), (1.0,))), 0.1, 3), "one of (2, 4, 6)"),
        (lambda: TissueDiffusion.of(Domain(Grid((4,), (1.0,))), jnp.ones(3)), "give one for each cell"),
        (lambda: Interpolated(2), "4 or 6"),
    ],
)
def test_what_cannot_be_is_named(make, says):
    with pytest.raises(FieldError, match=says.replace("(", r"\(").replace(")", r"\)")):
        make()
