"""Fences that change nothing, and bodies that are solved in the precision of their numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.pharmacokinetics import intravenous, oral
from physio.bodies.regazzoni import regazzoni
from physio.component import cast
from physio.drugs.closed_forms import LinearPK
from physio.schedule import bolus, infusion, steady_state
from physio.solve import Status, periodic, solve
from physio.fence import always_true, fence

AT = jnp.asarray([0.0, 0.5, 1.5, 2.0, 4.0])
SCHEDULE = bolus("depot.drug", 0.25, 100.0) + infusion("central.drug", 1.0, 50.0, 1.5)


@pytest.mark.parametrize("x", [[1.0, 2.0], [np.nan, 1.0], [-np.inf, -np.inf], [np.inf, np.nan]])
@pytest.mark.parametrize("clock", [-5.0, 0.0, np.nan, np.inf])
def test_a_fence_changes_nothing(x, clock):
    x = jnp.asarray(x)
    fenced = jax.jit(lambda x, t: fence(2.0 * x, always_true(t)))
    np.testing.assert_array_equal(fenced(x, jnp.full((2,), clock)), 2.0 * x)


def test_a_fence_passes_derivatives():
    value, slope = jax.jvp(
        lambda x: fence(x**2, always_true(x)), (jnp.asarray([3.0]),), (jnp.asarray([1.0]),)
    )
    assert float(value[0]) == 9.0 and float(slope[0]) == 6.0


def wide_arrays(jaxpr, found):
    """float64 arrays that hold lanes, in a program and all programs inside it."""
    for equation in jaxpr.eqns:
        for variable in equation.outvars:
            aval = variable.aval
            if getattr(aval, "dtype", None) == jnp.float64 and 7 in aval.shape:
                found.append(f"{equation.primitive.name} {aval}")
        for value in equation.params.values():
            for inner in value if isinstance(value, (tuple, list)) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    wide_arrays(inner, found)
    return found


@pytest.mark.parametrize(
    "make",
    [
        lambda b: solve(b(oral(2)), SCHEDULE + steady_state("depot.drug", 50.0, every=12.0), at=AT, lanes=7),
        lambda b: periodic(b(regazzoni()), lanes=7, samples=4),
    ],
    ids=["doses", "closed beat"],
)
def test_a_float32_body_is_solved_in_float32(make):
    # rest of a part without numbers is cast once, at the start, and is all that is wide
    program = jax.make_jaxpr(lambda: make(lambda body: cast(body, jnp.float32)).states)()
    assert program.out_avals[0].dtype == jnp.float32
    allowed = {"broadcast_in_dim", "concatenate", "convert_element_type"}
    assert {text.split()[0] for text in wide_arrays(program.jaxpr, [])} <= allowed


def test_float32_steady_state_is_found():
    body, dosing = cast(intravenous(1), jnp.float32), steady_state("central.drug", 50.0, every=12.0)
    path = jax.jit(lambda b: solve(b, dosing, at=[0.0, 1.0]))(body)
    assert Status(int(path.status)) == Status.OK and path.states.dtype == jnp.float32
    wanted = LinearPK(4.0, (35.0,)).steady_bolus(jnp.asarray([12.0, 13.0]), 50.0, 12.0)
    np.testing.assert_allclose(path["central.concentration"], wanted, rtol=1e-4)
