"""The solver's test problems against the same equations in plain Python, and published values of Robertson's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import solver_isolation, solver_stiff
from experiments.problems.ode_cases import lorenz, robertson, van_der_pol
from physio.bodies.topp import topp
from physio.solve import Rodas4, Status, solve
from physio.system import System


def _lorenz(y, rho):
    return [10.0 * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - 8.0 / 3.0 * y[2]]


@pytest.mark.parametrize(
    ("make", "address", "plain", "value"),
    [
        (lorenz, "case.rho", _lorenz, 21.0),
        (van_der_pol, "case.mu", solver_stiff._van_der_pol, 700.0),
        (robertson, "case.k", solver_stiff._robertson, 0.03),
        (topp, "islets.sensitivity", solver_stiff._topp, 0.7),
    ],
    ids=["Lorenz", "van der Pol", "Robertson", "Topp"],
)
def test_rates_are_those_of_the_plain_equations(make, address, plain, value):
    system = System.of(make().with_values({address: value}), 1)
    y = np.asarray([0.7, 2e-5, 0.3])[: len(system.state_names)]
    found = system.field(jnp.zeros((1,)), jnp.asarray(y)[:, None], {}, {})[:, 0]
    np.testing.assert_allclose(found, plain(y, value), rtol=1e-13)


@pytest.mark.parametrize(
    ("t", "published"),
    [(0.4, (9.8517e-1, 3.3864e-5, 1.4794e-2)), (4e10, (5.2083e-8, 2.0833e-13, 9.9999994792e-1))],
)
def test_robertson(t, published):
    """To the digits printed for this problem with the example programs of CVODE (SUNDIALS)."""
    method = Rodas4(1e-9, 1e-18, max_steps=1_000_000)
    path = jax.jit(lambda b: solve(b, at=jnp.asarray([t]), method=method))(robertson())
    assert int(path.status) == Status.OK
    np.testing.assert_allclose(path.final, published, rtol=2e-3 if t > 1.0 else 5e-5)


@pytest.mark.parametrize(
    ("plain", "slopes", "value"),
    [
        (solver_stiff._van_der_pol, solver_stiff._van_der_pol_slopes, 700.0),
        (solver_stiff._robertson, solver_stiff._robertson_slopes, 0.03),
        (solver_stiff._topp, solver_stiff._topp_slopes, 0.7),
    ],
)
def test_jacobians_of_the_baselines(plain, slopes, value):
    y = np.asarray([0.7, 2e-5, 0.3])[: len(plain(np.ones(3), value))]
    wanted = np.asarray(jax.jacfwd(lambda y: jnp.stack(plain(y, value)))(jnp.asarray(y)))
    np.testing.assert_allclose(slopes(y, value), wanted, rtol=1e-13)


def test_one_diverging_lane_is_named_and_changes_no_other():
    by_name = {target.figure: target for target in solver_isolation.run(None, quick=True).targets}
    assert by_name["other lanes whose bits changed"].met and by_name["lanes named as failed"].met


def test_every_stiff_case_names_parameters_of_its_body():
    cases = [case for case, _, _ in solver_stiff.cases(4)]
    assert [case.lanes for case in cases] == [4] * 4
    for case in cases:
        case.body.with_values(case.values)
