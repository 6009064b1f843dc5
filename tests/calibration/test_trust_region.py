"""The bounded trust region against closed forms, certified values and known active sets."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.calibrator import calibrate
from calibration.fit import FitStatus
from calibration.box_search import search_box, uniform_starts
from calibration.lane_pool import run_pool
from calibration.problem import AbstractProblem, Evaluation
from calibration.recombination import recombined
from calibration.reflective import least_in_ball, whole_promise
from calibration.trust_region import TrustRegion
from jaxtyping import Array
from physio.solve import Status


class Boxed(AbstractProblem):
    """Least squares in a box; ``terms`` turns z (unknowns, lanes) and data into residuals (numbers, lanes)."""

    data: Array
    lower: Array
    upper: Array
    terms: callable = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    lanes: int = eqx.field(static=True)
    informed: bool = eqx.field(static=True, default=False)

    def evaluate(self, z, memory=None):
        r = self.terms(z, self.data)
        cost = 0.5 * (r**2).sum(0)
        status = jnp.where(jnp.abs(cost) < jnp.inf, Status.OK, Status.STEP_TOO_SMALL)
        return Evaluation(r, -cost, status, None)

    def bounds(self):
        return self.lower, self.upper

    def tiled(self, times):
        return Boxed(jnp.repeat(self.data, times, axis=-1), self.lower, self.upper, self.terms, self.names, self.lanes * times)

    def values(self, z):
        return z


def boxed(terms, data, lower, upper, lanes):
    lower, upper = (jnp.asarray(x, jnp.float64) for x in (lower, upper))
    return Boxed(jnp.asarray(data), lower, upper, terms, tuple(f"z{k}" for k in range(len(lower))), lanes)


def line_of(z, data):
    return jnp.einsum("rp,pl->rl", DESIGN, z) - data


# orthogonal columns: the least squares in a box are those without it, cut to the box coordinate by coordinate
DESIGN = jnp.asarray(np.linalg.qr(np.random.default_rng(2).standard_normal((6, 3)))[0] * np.array([1.0, 5.0, 0.2]))


def test_a_quadratic_in_a_box_has_the_known_active_set():
    free = np.array([[0.5, -3.0, 2.0], [2.0, 0.25, -7.0], [-0.9, 0.3, 0.1], [9.0, 9.0, -9.0]]).T
    problem = boxed(line_of, np.asarray(DESIGN) @ free, [-1.0] * 3, [1.0] * 3, 4)
    fit = calibrate(problem, TrustRegion(), jnp.zeros((3, 4)))
    assert (np.asarray(fit.status) == FitStatus.CONVERGED).all()
    np.testing.assert_allclose(fit.z, np.clip(free, -1.0, 1.0), atol=1e-6)


def rosenbrock(z, data):
    return jnp.stack([10.0 * (z[1] - z[0] ** 2), data[0] - z[0]])


@pytest.mark.parametrize(
    "upper, minimum",
    [
        ((2.0, 2.0), (1.0, 1.0)),
        # on the bound x = 1/2 the first term is zero at y = 1/4
        ((0.5, 2.0), (0.5, 0.25)),
        # on the bound y = 0 the cost 50 x^4 + (1 - x)^2 / 2 is least where 200 x^3 + x = 1
        ((2.0, 0.0), (float(np.roots([200.0, 0.0, 1.0, -1.0])[-1].real), 0.0)),
    ],
)
def test_rosenbrock_in_a_box(upper, minimum):
    problem = boxed(rosenbrock, np.ones((1, 2)), (-2.0, -2.0), upper, 2)
    fit = calibrate(problem, TrustRegion(), jnp.asarray([[-1.2, 0.1], [-0.5, -1.9]]))
    np.testing.assert_allclose(np.asarray(fit.z), np.asarray(minimum)[:, None] * np.ones((1, 2)), atol=2e-5)


# NIST StRD, Misra1a: y = b1 (1 - exp(-b2 x)); certified b1 238.94212918, b2 5.5015643181e-4, residual sum of squares
# 0.12455138894
MISRA_X = [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0]
MISRA_Y = [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78]


def misra(z, data):
    b1, b2 = 10.0 ** z[0], 10.0 ** z[1]
    return b1 * (1.0 - jnp.exp(-b2 * jnp.asarray(MISRA_X)[:, None])) - data


@pytest.fixture(scope="module")
def misra_problem():
    return boxed(misra, np.asarray(MISRA_Y)[:, None] * np.ones((1, 4)), (0.0, -6.0), (4.0, 0.0), 4)


def test_certified_values_of_misra1a(misra_problem):
    starts = jnp.log10(jnp.asarray([[500.0, 250.0, 20.0, 9000.0], [1e-4, 5e-4, 1e-5, 1e-2]]))
    fit = calibrate(misra_problem, TrustRegion(), starts)
    assert (np.asarray(fit.status) == FitStatus.CONVERGED).all()
    np.testing.assert_allclose(10.0 ** np.asarray(fit.z[0]), 238.94212918, rtol=1e-7)
    np.testing.assert_allclose(10.0 ** np.asarray(fit.z[1]), 5.5015643181e-4, rtol=1e-7)
    np.testing.assert_allclose(2.0 * np.asarray(fit.cost), 0.12455138894, rtol=1e-8)


def test_a_failing_lane_changes_no_bit_of_the_others(misra_problem):
    starts = jnp.log10(jnp.asarray([[500.0, 250.0, 20.0, 9000.0], [1e-4, 5e-4, 1e-5, 1e-2]]))
    broken = eqx.tree_at(lambda p: p.data, misra_problem, misra_problem.data.at[3, 2].set(jnp.nan))
    whole, part = (calibrate(p, TrustRegion(), starts) for p in (misra_problem, broken))
    assert int(part.status[2]) == FitStatus.SOLVE_FAILED
    for lane in (0, 1, 3):
        assert np.array_equal(np.asarray(whole.z)[:, lane], np.asarray(part.z)[:, lane])
        assert int(whole.iterations[lane]) == int(part.iterations[lane])


def test_a_pool_ends_where_lanes_of_their_own_end(misra_problem):
    starts = np.array(uniform_starts(misra_problem, jax.random.split(jax.random.key(0), 11)))
    assert (starts > np.array([[0.0], [-6.0]])).all() and (starts < np.array([[4.0], [0.0]])).all()
    starts[:, 5] = np.nan
    ends = run_pool(misra_problem, TrustRegion(), starts)
    assert ends.status[5] == FitStatus.SOLVE_FAILED and ends.cost[5] == np.inf
    for first in (0, 4, 7):
        fit = calibrate(misra_problem, TrustRegion(), jnp.asarray(starts[:, first : first + 4]))
        assert np.array_equal(np.nan_to_num(ends.z[:, first : first + 4]), np.nan_to_num(np.asarray(fit.z)))


def with_a_hole(z, data):
    """Not a number where z0 < 0."""
    return jnp.where(z[:1] < 0.0, jnp.nan, z - 0.5) - 0.0 * data[:1]


def test_starts_that_fail_are_drawn_again_and_counted():
    problem = boxed(with_a_hole, np.zeros((1, 4)), (-1.0, -1.0), (1.0, 1.0), 4)
    keys = jax.random.split(jax.random.key(1), 24)
    first = np.asarray(uniform_starts(problem, keys))[0] < 0.0
    plain, none = search_box(problem, TrustRegion(), keys)
    assert np.array_equal(plain.status == FitStatus.SOLVE_FAILED, first) and not none.any()
    again, redrawn = search_box(problem, TrustRegion(), keys, redraws=20)
    assert (again.status != FitStatus.SOLVE_FAILED).all()
    assert np.array_equal(redrawn > 0, first)
    # a promise of 1e-12 is a distance of sqrt(2e-12)
    np.testing.assert_allclose(again.z, 0.5, atol=1.5e-6)


def test_infinite_bounds_have_no_uniform_starts():
    problem = boxed(rosenbrock, np.ones((1, 1)), (-1.0, -np.inf), (1.0, 1.0), 1)
    with pytest.raises(ValueError, match="z1"):
        uniform_starts(problem, jax.random.split(jax.random.key(0), 2))


def test_children_stay_in_the_box_and_take_from_both_parents():
    elite = jnp.asarray([[0.1, 0.9, 0.5], [0.2, 0.8, 0.5]])
    children = np.asarray(recombined(elite, jnp.zeros(2), jnp.ones(2), jax.random.key(0), 200))
    assert children.shape == (2, 200) and (children >= 0.0).all() and (children <= 1.0).all()
    crossed = {(0.1, 0.8), (0.9, 0.2), (0.1, 0.5), (0.9, 0.5), (0.5, 0.2), (0.5, 0.8)}
    found = {tuple(np.round(c, 12)) for c in children.T}
    assert found & crossed


def test_the_least_in_a_ball_is_a_root_of_the_secular_equation():
    """Optimality of More and Sorensen: (M + shift) p = -g, shift >= 0, M + shift positive, shift (radius - |p|) = 0."""
    rng = np.random.default_rng(4)
    half = rng.standard_normal((5, 5, 40))
    matrix = half + half.transpose(1, 0, 2)
    slope, radius = rng.standard_normal((5, 40)), 10.0 ** rng.uniform(-2, 1, 40)
    p = np.asarray(least_in_ball(*(jnp.asarray(x) for x in (matrix, slope, radius))))
    length = np.linalg.norm(p, axis=0)
    assert (length <= radius * (1 + 1e-6)).all()
    moved = np.einsum("ijl,jl->il", matrix, p)
    shift = -((moved + slope) * p).sum(0) / length**2
    np.testing.assert_allclose(moved + shift * p, -slope, atol=1e-5)
    lowest = np.linalg.eigvalsh(matrix.transpose(2, 0, 1))[:, 0]
    assert (shift >= -1e-8).all() and (lowest + shift >= -1e-6).all()
    np.testing.assert_allclose(shift * (radius - length), 0.0, atol=1e-4)


def test_the_whole_promise_is_that_of_least_squares_in_the_free_unknowns():
    """Half of what numpy's least squares takes off the squares; columns of 1e-9 count like others, held unknowns do not."""
    rng = np.random.default_rng(5)
    jacobian = rng.standard_normal((8, 4)) * np.array([1.0, 1e-9, 1e3, 1.0])
    residuals = rng.standard_normal(8)
    gradient = jacobian.T @ residuals
    lower, upper = -np.ones((4, 1)), np.ones((4, 1))
    z = np.zeros((4, 1))
    z[3] = -np.sign(gradient[3])
    found = whole_promise(*(jnp.asarray(x) for x in (z, gradient[:, None], (jacobian.T @ jacobian)[..., None], lower, upper)))
    left = residuals - jacobian[:, :3] @ np.linalg.lstsq(jacobian[:, :3], residuals, rcond=1e-15)[0]
    assert float(found[0]) == pytest.approx(0.5 * (residuals @ residuals - left @ left), rel=1e-6)
