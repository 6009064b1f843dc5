"""Sparsity read from the wires against dense derivatives by automatic differentiation and NumPy's linear algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.problems.order_cases import robertson_balanced
from experiments.problems.ring import ring
from physio.bodies.glucose import glucose_test
from physio.bodies.myocyte import epicardial
from physio.bodies.pharmacokinetics import oral
from physio.bodies.regazzoni import regazzoni, regazzoni_at_any_rate
from physio.bodies.shi_hose import shi_hose
from physio.bodies.topp import topp
from physio.schedule import nothing
from physio.solve.lane_solve import lane_solver
from physio.solve.lanes import field_jacobian
from physio.solve.plan import arrivals, plan_of
from physio.sparsity import colours, pattern
from physio.system import System

BODIES = {
    "regazzoni": regazzoni,
    "regazzoni at any rate": regazzoni_at_any_rate,
    "shi-hose": shi_hose,
    "oral": lambda: oral(2),
    "glucose test": lambda: glucose_test([0.0, 60.0], [10.0, 20.0]),
    "topp": topp,
    "myocyte": epicardial,
    "ring": lambda: ring(9),
    "implied": robertson_balanced,
}


@pytest.mark.parametrize("name", BODIES)
def test_slopes_by_shared_directions_are_the_dense_ones(name):
    system = System.of(BODIES[name](), 1)
    zero = jnp.zeros((1,))
    plan = plan_of(system, (), arrivals(system, nothing()), jnp.ones((1, 1)), zero)
    rest = np.asarray(system.rest())
    rng = np.random.default_rng(1)
    # several places, so that a slope that happens to vanish at one does not hide
    for s in (0.05, 0.35, 0.8):
        y = jnp.asarray(rest * rng.uniform(0.8, 1.2, rest.shape) + 0.01)

        def both(s, y):
            field = plan.field(system, plan.columns(plan.table[:, 0]))
            return field_jacobian(field, s, y), jax.jacfwd(field, argnums=(0, 1))(s, y)

        (_, found), (along_s, along_y) = jax.jit(both)(zero + s, y)
        dense = np.concatenate([np.asarray(along_y)[:, 0, :, 0].T, np.asarray(along_s)[:, 0, :].T])
        assert (pattern(system.wiring) | (dense[:-1].T == 0.0)).all(), "a slope lies where the wires say there is none"
        np.testing.assert_allclose(found[..., 0], dense, rtol=1e-9, atol=1e-12 * np.abs(dense).max())


def test_directions_are_as_few_as_the_graph_allows():
    # the columns of a cycle of 3 m states that meet their neighbours take three
    assert colours(pattern(ring(60).wiring)).max() + 1 == 3
    # no fewer than the fullest row has entries
    found = pattern(shi_hose().wiring)
    assert found.sum(axis=1).max() == colours(found).max() + 1 == 5
    assert colours(np.ones((4, 4), bool)).tolist() == [0, 1, 2, 3]
    assert colours(np.eye(4, dtype=bool)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("size", "share"), [(6, 0.3), (14, 0.2), (30, 0.05), (30, 0.9)])
def test_systems_with_zeros(size, share):
    rng = np.random.default_rng(size)
    found = rng.uniform(size=(size, size)) < share
    a = np.where(found[..., None], rng.standard_normal((size, size, 3)), 0.0) + 2.0 * size * np.eye(size)[..., None]
    b = rng.standard_normal((size, 3))

    @jax.jit
    def both(a, b):
        solved, pullback = jax.vjp(lane_solver(a, pattern=found), b)
        return solved, pullback(b)[0]

    solved, back = both(a, b)
    square = np.moveaxis(a, -1, 0)
    np.testing.assert_allclose(solved, np.linalg.solve(square, b.T[..., None])[..., 0].T, rtol=1e-11)
    np.testing.assert_allclose(back, np.linalg.solve(square.transpose(0, 2, 1), b.T[..., None])[..., 0].T, rtol=1e-11)
