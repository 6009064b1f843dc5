"""Lanes over many devices: the numbers of every lane are bit for bit those of one device."""

import os
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = """
import sys
import jax, jax.numpy as jnp, numpy as np
jax.config.update("jax_enable_x64", True)
from physio.bodies.pharmacokinetics import oral
from physio.schedule import bolus
from physio.solve import DiscreteAdjoint, ForwardMode, solve

clearances = jnp.linspace(2.0, 9.0, 41)

def loss(clearances, adjoint):
    body = oral(1).with_values({"elimination.clearance": clearances})
    doses = bolus("depot.drug", [0.0, 3.0], 50.0)
    path = solve(body, doses, at=jnp.asarray([1.0, 8.0]), lanes=41, adjoint=adjoint, chunk=4, order=clearances[::-1])
    return (path["central.concentration"] ** 2).sum(), path

slopes, path = jax.jit(jax.grad(lambda c: loss(c, DiscreteAdjoint(rows=64)), has_aux=True))(clearances)
tangents = jax.jit(lambda c: jax.jvp(lambda c: loss(c, ForwardMode())[1].final, (c,), (c,))[1])(clearances)
np.savez(sys.argv[1], devices=jax.local_device_count(), states=path.states, steps=path.steps, slopes=slopes, tangents=tangents)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Of one device and of eight, each in a process of its own."""
    found, running = {}, {}
    for count in (1, 8):
        path = tmp_path_factory.mktemp("devices") / f"{count}.npz"
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={count}"
        environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path)}
        running[count] = path, subprocess.Popen([sys.executable, "-c", PROGRAM, path], env=environment)
    for count, (path, process) in running.items():
        assert process.wait(timeout=300) == 0
        found[count] = np.load(path)
    return found


def test_the_devices_were_there(results):
    assert [int(results[count]["devices"]) for count in (1, 8)] == [1, 8]


def test_eight_devices_give_the_tangents_of_one(results):
    # jaxlib 0.10.2 may fuse the tangents of another program in another way: the last bit is its own
    np.testing.assert_allclose(results[8]["tangents"], results[1]["tangents"], rtol=1e-14)


@pytest.mark.parametrize("what", ["states", "steps", "slopes"])
def test_eight_devices_give_the_rows_of_one(results, what):
    assert np.isfinite(results[1][what]).all()
    np.testing.assert_array_equal(results[8][what], results[1][what])
