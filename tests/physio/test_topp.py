"""Beta-cell mass: equilibria, which of them are stable, and both sides of the separatrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.topp import topp
from physio.metabolism.topp import BetaCellMass
from physio.solve import Rodas4, Status, solve
from physio.system import System

STIFF = Rodas4(rtol=1e-9, atol=1e-9)
# Topp 2000: healthy, saddle, no beta cells; (G mg/dL, I uU/mL, beta mg)
EQUILIBRIA = [(100.0, 10.0, 300.0), (250.0, 2.8, 36.96), (600.0, 0.0, 0.0)]


def field(y):
    """d(G, I, beta)/dt per day at the published values."""
    return System.of(topp(), 1).field(jnp.zeros((1,)), y[:, None], {}, {})[:, 0]


def as_row(state):
    return [float(state.glucose), float(state.insulin), float(state.mass)]


@pytest.mark.parametrize("row", range(3))
def test_equilibria(row):
    found = as_row(BetaCellMass().equilibria()[row])
    np.testing.assert_allclose(found, EQUILIBRIA[row], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(field(jnp.asarray(EQUILIBRIA[row])), 0.0, atol=1e-10)


def test_two_are_stable_and_the_saddle_has_one_way_out():
    growing = [int((np.linalg.eigvals(jax.jacfwd(field)(jnp.asarray(e))).real > 0).sum()) for e in EQUILIBRIA]
    assert growing == [0, 1, 0]


def test_a_body_starts_at_the_healthy_equilibrium():
    np.testing.assert_allclose(System.of(topp(), 1).rest()[:, 0], EQUILIBRIA[0], rtol=1e-12)


def test_beyond_the_fold_only_the_ruined_state_is_left():
    """The two roots of r2 G^2 - r1 G + d0 meet at r1 = 2 sqrt(r2 d0) = 7.589e-4 dL/mg/d."""
    healthy, saddle, ruined = BetaCellMass(growth=7.58e-4).equilibria()
    assert np.isnan(as_row(healthy)).all() and np.isnan(as_row(saddle)).all()
    np.testing.assert_allclose(as_row(ruined), EQUILIBRIA[2], atol=1e-10)
    near = [as_row(state)[0] for state in BetaCellMass(growth=7.59e-4).equilibria()[:2]]
    assert 150.0 < near[0] < 2.0 * 0.06 / 7.59e-4 < near[1] < 170.0


@pytest.mark.parametrize(
    ("start", "days", "glucose"),
    [
        ((250.0, 2.8, 37.0), [10.0, 100.0, 200.0, 365.0], [249.82, 243.46, 161.25, 104.87]),
        ((300.0, 2.0, 30.0), [50.0], [599.44]),
    ],
    ids=["recovers", "fails"],
)
def test_both_sides_of_the_separatrix(start, days, glucose):
    """Printed figures of an independent integration, to the printed digits."""
    path = solve(topp(), at=days, start=jnp.asarray(start), method=STIFF)
    assert int(path.status) == Status.OK
    np.testing.assert_allclose(path["islets.glucose"], glucose, atol=0.00501)


def test_derivative_through_the_solve():
    """d G(50 d) / d(insulin sensitivity), just on the recovering side, against central differences."""

    def glucose(sensitivity):
        body = topp().with_values({"islets.sensitivity": sensitivity})
        return solve(body, at=[50.0], start=jnp.asarray([250.0, 2.8, 37.0]), method=STIFF)["islets.glucose"][0]

    run = jax.jit(lambda s: jax.jvp(glucose, (s,), (jnp.ones_like(s),)))
    h = 1e-3
    values = {k: float(run(jnp.asarray(0.72 + k * h))[0]) for k in (-2, -1, 1, 2)}
    differences = (8.0 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12.0 * h)
    assert float(run(jnp.asarray(0.72))[1]) == pytest.approx(differences, rel=1e-5)
