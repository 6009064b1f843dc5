"""What the exponential methods alone must do: exact compartments, exact gates, and gates that are what they say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.myocyte import endocardial, epicardial, midmyocardial, paced
from physio.bodies.pharmacokinetics import oral
from physio.schedule import bolus, infusion
from physio.solve import Exponential, FixedSteps, Rodas4, RushLarsen, Tsit5, solve
from physio.solve.rush_larsen import growth
from physio.system import System


def test_compartments_are_exact_in_one_step_a_segment():
    doses = bolus("depot.drug", [0.0, 3.0], 100.0) + infusion("central.drug", 1.0, 20.0, 2.0)
    at = jnp.asarray([0.5, 2.0, 9.0])
    body = oral(2).with_values({"elimination.clearance": jnp.asarray([2.0, 9.0])})
    path = jax.jit(lambda: solve(body, doses, at=at, lanes=2, method=Exponential()))()
    other = jax.jit(lambda: solve(body, doses, at=at, lanes=2, method=Tsit5(1e-12, 1e-13)))()
    np.testing.assert_allclose(path.states, other.states, rtol=1e-9, atol=1e-10)
    # three observations, two boluses, both ends of the infusion and of the padding: as many segments at most
    assert (np.asarray(path.steps) <= 12).all()


def test_growth_near_zero():
    z = np.asarray([-50.0, -1e-3, -1e-6, 0.0, 1e-6, 2.0])
    wanted = np.where(z == 0.0, 1.0, np.expm1(z) / np.where(z == 0.0, 1.0, z))
    np.testing.assert_allclose(growth(jnp.asarray(z)), wanted, rtol=1e-14)
    slope = jax.vmap(jax.grad(growth))(jnp.asarray([-1e-7, 0.0, 1e-7]))
    np.testing.assert_allclose(slope, 0.5, rtol=1e-6)


@pytest.mark.parametrize("make", [epicardial, endocardial, midmyocardial])
def test_gates_are_linear_in_themselves_and_know_no_other_gate(make):
    system = System.of(make(), 1)
    gates = np.flatnonzero(system.gates)
    assert len(gates) == 13
    inputs = {name: jnp.zeros((1,)) for name, _ in system.wiring.inputs}

    def rates(y):
        return system.field(jnp.zeros((1,)), y[:, None], {}, inputs)[:, 0]

    y = system.rest()[:, 0]
    slopes = np.asarray(jax.jit(jax.jacfwd(rates))(y))[np.ix_(gates, gates)]
    moved = np.asarray(jax.jit(jax.jacfwd(rates))(y.at[gates].add(0.1)))[np.ix_(gates, gates)]
    assert (np.diag(slopes) < 0.0).all()
    np.testing.assert_array_equal(slopes - np.diag(np.diag(slopes)), 0.0)
    np.testing.assert_allclose(moved, slopes, rtol=1e-12)


@pytest.mark.slow
def test_an_action_potential_converges_with_order_two():
    body, at = epicardial(), jnp.asarray([5.0, 50.0])
    beat = paced(1000.0, 1)

    def voltage(method):
        return np.asarray(jax.jit(lambda: solve(body, beat, at=at, method=method)["cell.voltage"])())

    wanted = voltage(Rodas4(1e-9, 1e-10))
    coarse, fine = (np.abs(voltage(FixedSteps(RushLarsen(), step)) - wanted).max() for step in (0.02, 0.01))
    assert coarse < 0.01 and 3.0 < coarse / fine < 5.0
