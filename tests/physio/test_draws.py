"""Draws from each body's prior, and ten times as far out: every lane ends, and what is not finite is flagged.

Draws are uniform in z between the prior's 0.1 and 99.9 %, then between ten times those z, where parameters are often
absurd: lanes may fail, silently they may not. The full number of draws is marked slow.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.glucose import glucose_test
from physio.bodies.myocyte import epicardial, paced
from physio.bodies.pharmacokinetics import intravenous, oral, saturable
from physio.bodies.regazzoni import regazzoni, regazzoni_at_any_rate
from physio.bodies.shi_hose import shi_hose
from physio.bodies.topp import topp
from physio.schedule import bolus
from physio.solve import DiscreteAdjoint, Rodas4, Status, Tsit5, solve

EDGE = 3.0902323  # z at 99.9 %
INSULIN = ([0.0, 5.0, 20.0, 60.0, 180.0], [10.0, 120.0, 60.0, 20.0, 10.0])
EXPLICIT, STIFF = Tsit5(1e-5, 1e-6, max_steps=5000), Rodas4(1e-5, 1e-6, max_steps=2000)
CASES = {
    "regazzoni": (regazzoni, None, 1.0, EXPLICIT),
    "regazzoni at any rate": (regazzoni_at_any_rate, None, 1.0, EXPLICIT),
    "shi-hose": (shi_hose, None, 1.0, EXPLICIT),
    "oral": (lambda: oral(2), bolus("depot.drug", 1.0, 100.0), 24.0, EXPLICIT),
    "intravenous": (lambda: intravenous(3), bolus("central.drug", 1.0, 100.0), 24.0, EXPLICIT),
    "saturable": (saturable, bolus("central.drug", 1.0, 100.0), 24.0, EXPLICIT),
    "glucose test": (lambda: glucose_test(*INSULIN), None, 180.0, EXPLICIT),
    "topp": (topp, None, 30.0, STIFF),
    "myocyte": (epicardial, paced(1000.0, 1), 20.0, STIFF),
}
QUICK = ("oral", "topp")


@functools.cache
def solver(name: str, draws: int):
    """z (parameters, draws) -> ((loss, trajectory), derivatives), compiled once for both distances."""
    make, schedule, end, method = CASES[name]
    body = make()

    def loss(z):
        values = {a: body.parameters[a].prior.from_z(row) for a, row in zip(body.parameters, z, strict=True)}
        adjoint = DiscreteAdjoint(rows=256)
        there = body.with_values(values)
        path = solve(there, schedule, at=jnp.asarray([end]), lanes=draws, method=method, adjoint=adjoint)
        return jnp.where(path.status == Status.OK, path.final, 0.0).sum(), path

    return len(body.parameters), jax.jit(jax.value_and_grad(loss, has_aux=True))


def drawn(name: str, draws: int, far: float):
    count, both = solver(name, draws)
    rng = np.random.default_rng(20261124)
    (_, path), slopes = both(jnp.asarray(far * EDGE * rng.uniform(-1.0, 1.0, (count, draws))))
    return path, np.asarray(slopes)


def check(name: str, draws: int, far: float) -> float:
    """The share of lanes that were solved."""
    path, slopes = drawn(name, draws, far)
    status = np.asarray(path.status)
    assert set(status.tolist()) <= {int(s) for s in Status}
    good = status == Status.OK
    assert np.isfinite(np.asarray(path.final)[:, good]).all(), "a value that is not finite has no flag"
    assert (slopes[:, ~good] == 0.0).all(), "a lane that failed has derivatives"
    # the flag of a derivative is nan in all of a lane, where frozen steps beyond stability overflow
    flagged = np.isnan(slopes).any(axis=0)
    assert np.isfinite(slopes[:, ~flagged]).all(), "a derivative that is not finite has no flag"
    assert np.isnan(slopes[:, flagged]).mean() == 1.0 or not flagged.any(), "a lane has some derivatives of which others overflow"
    assert flagged.mean() < (0.02 if far > 1.0 else 1e-9), "derivatives overflow too often"
    return float(good.mean())


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("far", [1.0, 10.0])
def test_some_draws(name, far):
    solved = check(name, 256, far)
    assert far > 1.0 or solved > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("far", [1.0, 10.0])
def test_ten_thousand_draws(name, far):
    solved = check(name, 10_000, far)
    assert far > 1.0 or solved > 0.95
