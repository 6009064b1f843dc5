"""Kernels compiled by gcc against SciPy's DOP853 and against central differences of the kernel's own solve."""

import shutil

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from physio.solve.kernel.gcc import compiled
from physio.solve.kernel.model import Model
from physio.solve.status import Status

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc on the PATH")


def lorenz(t, y, p):
    return jnp.stack([10.0 * (y[1] - y[0]), p[0] * y[0] - y[1] - y[0] * y[2], y[0] * y[1] - 8.0 / 3.0 * y[2]])


def van_der_pol(t, y, p):
    return jnp.stack([y[1], p[0] * (1.0 - y[0] ** 2) * y[1] - y[0]])


# 13 lanes do not fill two blocks of 8, and their numbers of steps differ threefold
CASES = {
    "lorenz": (lorenz, [1.0, 0.0, 0.0], np.linspace(1.0, 21.0, 13), 1.0),
    "van der pol": (van_der_pol, [2.0, 0.0], np.geomspace(0.1, 10.0, 13), 5.0),
}


@pytest.fixture(scope="module", params=CASES)
def case(request, tmp_path_factory):
    rhs, start, values, end = CASES[request.param]
    folder = tmp_path_factory.mktemp("objects")
    kernels = {w: compiled(Model(rhs, len(start), 1), width=w, gradient=True, folder=folder) for w in (1, 8)}
    return rhs, np.tile(np.asarray(start)[:, None], (1, values.size)), values, end, kernels


@pytest.mark.parametrize("width", [1, 8])
def test_values_are_those_of_dop853(case, width):
    rhs, start, values, end, kernels = case
    found = kernels[width].solve(start, values[None], 0.0, end, rtol=1e-9, atol=1e-9)
    assert (found.status == Status.OK).all()
    for lane, value in enumerate(values):
        oracle = solve_ivp(
            lambda t, y, v=value: np.asarray(rhs(t, y, [v])),
            (0.0, end),
            start[:, lane],
            method="DOP853",
            rtol=1e-12,
            atol=1e-13,
        )
        np.testing.assert_allclose(found.y[:, lane], oracle.y[:, -1], rtol=0.0, atol=1e-8)


def test_a_block_takes_the_steps_of_single_lanes(case):
    _, start, values, end, kernels = case
    one, eight = (kernels[w].solve(start, values[None], 0.0, end, rtol=1e-9, atol=1e-9) for w in (1, 8))
    np.testing.assert_array_equal(one.steps, eight.steps)
    np.testing.assert_allclose(one.y, eight.y, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("width", [1, 8])
def test_the_way_back_gives_central_differences(case, width):
    _, start, values, end, kernels = case
    kernel, p, d = kernels[width], values[None], 1e-5
    _, tape = kernel.record(start, p, 0.0, end, rtol=1e-9, atol=1e-9, rows=1024)
    _, gradient = kernel.pullback(tape, np.ones_like(start))
    up, down = (kernel.solve(start, p + s * d, 0.0, end, rtol=1e-12, atol=1e-12).y.sum(0) for s in (1, -1))
    expected = (up - down) / (2.0 * d)
    error = np.abs(gradient[0] - expected) / (np.abs(expected) + 1e-3 * np.abs(expected).max())
    assert error.max() < 1e-6
