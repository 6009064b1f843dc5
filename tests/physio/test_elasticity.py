"""Bodies that grow against closed forms, a made solution, dense linear algebra and balances of force."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.fields import Domain, ElasticBody, FieldError, Grid, centred, displaced
from physio.fields.sine import solve_held

RNG = np.random.default_rng(11)
SOLVED = eqx.filter_jit(displaced)
PULLED = eqx.filter_jit(lambda body, w, growth: body.pull(w, growth))
BUILT = eqx.filter_jit(lambda domain, young, poisson, growth: displaced(ElasticBody.of(domain, young, poisson), growth))
STRESS = eqx.filter_jit(lambda body, w, growth: body.stress(w, growth))


def body_of(domain, young, poisson=0.3, dtype=jnp.float64):
    return ElasticBody.of(domain, *(jnp.asarray(np.broadcast_to(x, domain.grid.shape), dtype) for x in (young, poisson)))


def positions(grid, axis=None):
    """Coordinates of cells, or of the inner faces along an axis, (..., axes)."""
    along = [(np.arange(n) + 0.5) * h for n, h in zip(grid.shape, grid.spacing, strict=True)]
    if axis is not None:
        along[axis] = np.arange(1, grid.shape[axis]) * grid.spacing[axis]
    return np.stack(np.meshgrid(*along, indexing="ij"), -1)


def over(function, points, chunk=2048):
    """A compiled function of chunks of points, at every point."""
    flat = np.asarray(points).reshape(-1, points.shape[-1])
    parts = np.split(np.concatenate([flat, np.tile(flat[:1], (-len(flat) % chunk, 1))]), -(-len(flat) // chunk))
    done = np.concatenate([np.asarray(function(part)) for part in parts])[: len(flat)]
    return done.reshape(*points.shape[:-1], *done.shape[1:])


def made(x):
    """w, E, nu and g at a point of a box of 10 x 8 x 12 mm: w is zero on its walls."""
    length = jnp.asarray([10.0, 8.0, 12.0])[: x.size]
    s, c = jnp.sin(jnp.pi * x / length), jnp.cos(jnp.pi * x / length)
    w = jnp.prod(s) * jnp.asarray([1.0, 0.5 + c[0], c[-1] - 0.3])[: x.size]
    return w, 2.0 + c[0] * s[-1], 0.35 + 0.1 * c[-1], 0.1 * (c[0] + s[-1] ** 2)


def made_stress(x):
    w, young, poisson, growth = made(x)
    slope = jax.jacfwd(lambda x: made(x)[0])(x)
    eps = jnp.zeros((3, 3)).at[: x.size, : x.size].set(0.5 * (slope + slope.T)) - growth * jnp.eye(3)
    lame = young * poisson / ((1 + poisson) * (1 - 2 * poisson))
    return lame * jnp.trace(eps) * jnp.eye(3) + young / (1 + poisson) * eps


def made_force(x):
    return -jnp.trace(jax.jacfwd(made_stress)(x)[: x.size, : x.size], axis1=1, axis2=2)


# in rows: w, f; E, nu, g; stress
MADE = jax.jit(jax.vmap(lambda x: jnp.concatenate([made(x)[0], made_force(x), jnp.stack(made(x)[1:]), made_stress(x).ravel()])))


@eqx.filter_jit
def solved(domain, young, poisson, growth, force):
    """Displacement, pressure and von Mises stress."""
    body = ElasticBody.of(domain, young, poisson)
    w = displaced(body, growth, force)
    stress = body.stress(w, growth)
    return w, stress.pressure(), stress.von_mises()


@pytest.mark.parametrize(("axes", "coarsest"), [(1, 16), (2, 16), (3, 10)])
def test_order_on_a_made_solution(axes, coarsest):
    errors = []
    for n in (coarsest, 2 * coarsest):
        shape = (n, n + n // 2, n)[:axes]
        grid = Grid(shape, [length / k for length, k in zip((10.0, 8.0, 12.0), shape, strict=False)])
        cells, faces = over(MADE, positions(grid)), [over(MADE, positions(grid, a)) for a in grid.axes]
        young, poisson, growth = (jnp.asarray(cells[..., 2 * axes + k]) for k in range(3))
        force = tuple(jnp.asarray(x[..., axes + a]) for a, x in enumerate(faces))
        w, pressure, mises = solved(Domain(grid), young, poisson, growth, force)
        exact = cells[..., -9:].reshape(*shape, 3, 3)
        mean = np.trace(exact, axis1=-2, axis2=-1)[..., None, None] / 3.0
        true_mises = np.sqrt(1.5 * ((exact - mean * np.eye(3)) ** 2).sum((-2, -1)))
        deep = (slice(n // 4, -n // 4),) * axes
        off = max(np.abs(w[a] - x[..., a]).max() for a, x in enumerate(faces))
        errors.append([off, np.abs(pressure + mean[..., 0, 0])[deep].max(), np.abs(mises - true_mises)[deep].max()])
    assert (np.abs(np.log2(np.divide(*errors)) - 2.0) < 0.15).all()


def dense(grid, function):
    """The matrix of a linear map of displacements, column by column."""
    shapes = [tuple(n - (k == a) for k, n in enumerate(grid.shape)) for a in grid.axes]
    ends = np.cumsum([0] + [int(np.prod(s)) for s in shapes])

    def faces(x):
        return tuple(x[i:j].reshape(s) for i, j, s in zip(ends, ends[1:], shapes, strict=False))

    def flat(x):
        return jnp.concatenate([part.reshape(-1) for part in function(faces(x))])

    return np.asarray(jax.jit(jax.vmap(flat))(jnp.eye(ends[-1]))).T


def porous(shape):
    return Domain(Grid(shape, (1.0, 0.7, 1.3)), RNG.random(shape) < 0.8)


def random_body(domain):
    shape = domain.grid.shape
    return ElasticBody.of(domain, jnp.asarray(1.0 + 5.0 * RNG.random(shape)), jnp.asarray(0.2 + 0.25 * RNG.random(shape)))


def test_symmetric_positive_and_solved_on_a_mask():
    domain = porous((4, 5, 4))
    grid, body = domain.grid, random_body(domain)
    growth = jnp.asarray(RNG.random(grid.shape))
    matrix = dense(grid, lambda w: body.pull(w, jnp.zeros(grid.shape)))
    w = SOLVED(body, growth)
    among = np.concatenate([np.asarray(domain.open(jnp.ones_like(x), a)).ravel() for a, x in enumerate(w)]) > 0
    inner = matrix[np.ix_(among, among)]
    np.testing.assert_allclose(inner, inner.T, atol=1e-13)
    # every pattern costs energy, the finest ones too
    assert np.linalg.eigvalsh(inner).min() > 0.1
    load = -np.concatenate([x.ravel() for x in PULLED(body, tuple(jnp.zeros_like(x) for x in w), growth)])
    found = np.concatenate([np.asarray(x).ravel() for x in w])
    np.testing.assert_allclose(found[among], np.linalg.solve(inner, load[among]), atol=1e-9)
    assert not found[~among].any()


def test_too_few_iterations_are_seen():
    body, growth = random_body(Domain(Grid((12,), (1.0,)))), jnp.asarray(RNG.random(12))
    early = SOLVED(body, growth, iterations=1)
    assert not any(np.isfinite(x).any() for x in early)
    assert not np.isfinite(STRESS(body, early, growth).von_mises()).any()


def test_korn_bounds_in_a_box():
    # mu |grad w|^2 <= energy <= (lambda + 2 mu) |grad w|^2 for w = 0 on the walls: whatever the grid
    grid = Grid((4, 5, 3), (1.0, 0.7, 1.3))
    body = body_of(Domain(grid), 2.6, 0.3)  # mu = 1, lambda = 1.5
    energy = dense(grid, lambda w: body.pull(w, jnp.zeros(grid.shape)))
    inverse = dense(grid, lambda w: tuple(solve_held(grid, a, x) for a, x in enumerate(w)))
    values = np.linalg.eigvals(inverse @ energy)
    assert np.abs(values.imag).max() < 1e-12
    assert 1.0 - 1e-12 < values.real.min() < 1.1 and 3.0 < values.real.max() < 3.5 + 1e-12


@pytest.mark.parametrize("shape", [(6,), (6, 4)])
def test_growth_without_room_is_pressure(shape):
    # everywhere the same, held at the skull: w = 0, p = E g / (1 - 2 nu)
    grid = Grid(shape, (1.0, 0.7)[: len(shape)])
    body, growth = body_of(Domain(grid), 3.0, 0.45), jnp.full(shape, 0.02)
    w = SOLVED(body, growth)
    assert max(np.abs(x).max() for x in w) < 1e-12
    stress = STRESS(body, w, growth)
    np.testing.assert_allclose(stress.pressure(), 3.0 * 0.02 / 0.1, rtol=1e-10)
    np.testing.assert_allclose(stress.von_mises(), 0.0, atol=1e-10)


def test_bar_of_two_stiffnesses():
    # uniaxial: M e - 3 k g is one stress along the bar, and e1 L1 + e2 L2 = 0; M = lambda + 2 mu, 3 k = 3 lambda + 2 mu
    grid = Grid((10,), (0.5,))
    soft = np.arange(10) < 4  # 2 mm, and 3 mm of the stiff one, which alone grows
    body = ElasticBody.of(Domain(grid), jnp.where(soft, 1.0, 6.0), jnp.where(soft, 0.45, 0.3))
    w = SOLVED(body, jnp.where(soft, 0.0, 0.1))
    (lame1, mu1), (lame2, mu2) = ((e * v / ((1 + v) * (1 - 2 * v)), e / (2 + 2 * v)) for e, v in ((1.0, 0.45), (6.0, 0.3)))
    e2 = (3 * lame2 + 2 * mu2) * 0.1 / (lame2 + 2 * mu2 + 1.5 * (lame1 + 2 * mu1))
    np.testing.assert_allclose(w[0][3], -3.0 * e2, rtol=1e-9)
    np.testing.assert_allclose(STRESS(body, w, jnp.where(soft, 0.0, 0.1)).normal[0], -1.5 * e2 * (lame1 + 2 * mu1), rtol=1e-8)


def test_layers_in_shear():
    # a force along x in the one row of faces at y = 2.5 mm, layers in series on both sides, in the middle of a long box
    grid = Grid((48, 8), (1.0, 1.0))
    young = jnp.where(np.arange(8) < 4, 2.0, 20.0) * jnp.ones((48, 8))  # nu = 0: mu = 1 and 10
    force = (jnp.zeros((47, 8)).at[:, 2].set(0.3), jnp.zeros((48, 7)))
    w = SOLVED(ElasticBody.of(Domain(grid), young, jnp.zeros((48, 8))), jnp.zeros((48, 8)), force)
    below, above = 2.5 / 1.0, 1.5 / 1.0 + 4.0 / 10.0
    assert float(w[0][23, 2]) == pytest.approx(0.3 / (1 / below + 1 / above), rel=1e-3)
    # and linear in each layer up to the other wall
    np.testing.assert_allclose(np.diff(w[0][23, 4:]), -0.3 * below / (below + above) / 10.0, rtol=5e-3)


@pytest.mark.parametrize(("inner", "outer"), [((3.0, 0.3), (3.0, 0.3)), ((6.0, 0.4), (3.0, 0.45))])
def test_a_sphere_that_grows_within_a_held_sphere(inner, outer):
    # w_r = c r within a, and c a^3 (R^3 - r^3) / (R^3 - a^3) / r^2 beyond; sigma_rr is continuous at a:
    # 3 k1 (c - g) = - c (3 k2 a^3 + 4 mu2 R^3) / (R^3 - a^3). At R = inf, one tissue: c = g (1 + nu) / (3 (1 - nu)), Eshelby's
    (k1, _), (k2, mu2) = ((e / (3 - 6 * v), e / (2 + 2 * v)) for e, v in (inner, outer))
    a, far, growth = 6.0, 15.0, 0.1
    c = 3 * k1 * growth / (3 * k1 + (3 * k2 * a**3 + 4 * mu2 * far**3) / (far**3 - a**3))
    grid = Grid((40, 40, 40), (0.8, 0.8, 0.8))
    r = np.sqrt(((positions(grid) - 16.0) ** 2).sum(-1))
    core = np.clip((a - r) / 0.8 + 0.5, 0.0, 1.0)  # the share of a cell within
    moduli = (jnp.asarray(y + core * (x - y)) for x, y in zip(inner, outer, strict=True))
    w = np.asarray(centred(BUILT(Domain(grid, r < far), *moduli, jnp.asarray(growth * core))))
    radial = (w * np.moveaxis(positions(grid) - 16.0, -1, 0)).sum(0) / r
    true = np.where(r < a, c * r, c * a**3 * (far**3 - r**3) / (far**3 - a**3) / r**2)
    # the strain of the core in each of its cells, displacement in the mean
    assert np.abs(radial / r / c - 1.0)[r < 0.6 * a].max() < 0.012
    assert np.sqrt(((radial - true)[r < far] ** 2).mean()) < 0.01 * c * a


def test_forces_on_a_part_balance():
    # tractions on the walls across y, and on cuts across x through the outer cells, bear the whole force along x
    grid = Grid((7, 6), (1.0, 0.7))
    body, growth = random_body(Domain(grid)), jnp.asarray(RNG.random(grid.shape))
    force = tuple(jnp.asarray(RNG.normal(size=s)) for s in ((6, 6), (7, 5)))
    stress = STRESS(body, SOLVED(body, growth, force), growth)
    across = (stress.normal[0][-1] - stress.normal[0][0]).sum() * 0.7
    sides = (stress.shear[0][1:-1, -1] - stress.shear[0][1:-1, 0]).sum() * 1.0
    assert float(across + sides) == pytest.approx(-float(force[0].sum()) * 0.7, abs=1e-8)


def test_derivatives_against_differences():
    shape = (7, 6)
    domain = Domain(Grid(shape, (1.0, 0.7)), RNG.random(shape) < 0.8)
    weight = [jnp.asarray(RNG.normal(size=s)) for s in ((6, 6), (7, 5), shape, shape)]
    asked = tuple(jnp.asarray(low + span * RNG.random(shape)) for low, span in ((1.0, 5.0), (0.2, 0.25), (0.0, 0.2)))
    along = tuple(jnp.asarray(RNG.normal(size=shape) * scale) for scale in (1.0, 0.05, 0.1))

    @jax.jit
    def value(young, poisson, growth):
        body = ElasticBody.of(domain, young, poisson)
        w = displaced(body, growth, tolerance=1e-13)
        stress = body.stress(w, growth)
        return sum((a * x).sum() for a, x in zip(weight, (*w, stress.pressure(), stress.von_mises()), strict=True))

    def moved(e):
        return float(value(*(x + e * d for x, d in zip(asked, along, strict=True))))

    rough = [(moved(e) - moved(-e)) / (2 * e) for e in (1e-3, 2e-3)]
    slope = (4 * rough[0] - rough[1]) / 3
    reverse = jax.jit(jax.grad(value, argnums=(0, 1, 2)))(*asked)
    assert sum(float((g * d).sum()) for g, d in zip(reverse, along, strict=True)) == pytest.approx(slope, rel=1e-8)
    assert float(jax.jit(lambda a, d: jax.jvp(value, a, d)[1])(asked, along)) == pytest.approx(slope, rel=1e-8)


def test_float32_stays_float32():
    domain = Domain(Grid((7, 6), (1.0, 0.7)), RNG.random((7, 6)) < 0.8)
    young, growth = (jnp.asarray(low + RNG.random((7, 6))) for low in (1.0, 0.0))
    double = SOLVED(body_of(domain, young), growth)
    single = SOLVED(body_of(domain, young, dtype=jnp.float32), growth.astype(jnp.float32))
    for a, b in zip(single, double, strict=True):
        assert a.dtype == jnp.float32
        np.testing.assert_allclose(a, b, atol=2e-5)


@pytest.mark.parametrize(
    ("young", "poisson", "says"),
    [
        (1.0, 0.5, "Poisson's ratio is 0.5 in 12 cells inside: expected above -1 and below 0.5"),
        (1.0, -1.0, "Poisson's ratio is -1 in 12 cells inside"),
        (0.0, 0.3, "Young's modulus is 0 in 12 cells inside: expected positive and finite"),
        (np.nan, 0.3, "Young's modulus is nan"),
    ],
)
def test_what_no_tissue_is(young, poisson, says):
    domain = Domain(Grid((4, 4), (1.0, 1.0)), np.arange(16).reshape(4, 4) < 12)
    ones = jnp.ones((4, 4))
    with pytest.raises(FieldError, match=says):
        ElasticBody.of(domain, young * ones, poisson * ones)
    with pytest.raises(FieldError, match=says):
        jax.jit(lambda: ElasticBody.of(domain, young * np.ones((4, 4)), poisson * np.ones((4, 4))))()
    # outside it does not matter
    ElasticBody.of(domain, jnp.where(domain.inside, 1.0, young), jnp.where(domain.inside, 0.3, poisson))
    # what is traced cannot be refused: it does not come out finite
    assert not np.isfinite(BUILT(domain, young * ones, poisson * ones, 0.1 * ones)[0]).any()


def test_shapes_that_do_not_fit():
    domain = Domain(Grid((4, 3), (1.0, 1.0)))
    with pytest.raises(FieldError, match=r"modulus of shape \(4,\) on a grid of \(4, 3\): give one value for each cell"):
        ElasticBody.of(domain, jnp.ones(4), jnp.ones((4, 3)))
    with pytest.raises(FieldError, match=r"growth of shape \(3, 4\) on a grid of \(4, 3\)"):
        displaced(body_of(domain, 1.0), jnp.ones((3, 4)))
    with pytest.raises(FieldError, match=r"force of shapes .* inner faces, \[\(3, 3\), \(4, 2\)\]"):
        displaced(body_of(domain, 1.0), jnp.ones((4, 3)), (jnp.ones((4, 3)), jnp.ones((4, 3))))
