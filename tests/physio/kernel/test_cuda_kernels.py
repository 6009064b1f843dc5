"""Kernels for a GPU that is not here: compiled by NVRTC, counted by ptxas, exported for CUDA; and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.problems.ode_cases import lorenz
from experiments.problems.timing_loop import timing_loop
from physio.component import cast
from physio.solve.kernel import nvrtc, ptxas
from physio.solve.kernel.across import Settings, across
from physio.solve.kernel.build import NoCompiler
from physio.solve.kernel.lane import cuda_program
from physio.solve.kernel.launch import TARGET, launch
from physio.solve.kernel.model import Model, emitted
from physio.solve.kernel.segment import model_of
from physio.solve.kernel.unsupported import UnsupportedPrimitive
from tests.physio.kernel.test_bodies import one_segment

try:
    nvrtc.library()
    NVRTC = True
except NoCompiler:
    NVRTC = False
needs_nvrtc = pytest.mark.skipif(not NVRTC, reason="no NVRTC: it comes with the extra 'cuda' or 'cuda12'")


def text_of(make, dtype):
    model = model_of(*one_segment(cast(make(), dtype), 8, 1.0))
    return cuda_program(emitted(model), ("solve",))


@needs_nvrtc
@pytest.mark.parametrize(
    ("make", "registers"),
    # a third above the 40 and 207 that a hand-written kernel of the same method needs
    [(lorenz, 54), (timing_loop, 255)],
    ids=["Lorenz", "twenty states"],
)
def test_single_precision_fits_into_registers(make, registers):
    try:
        found = ptxas.resources(nvrtc.ptx(text_of(make, np.float32)), "solve")
    except NoCompiler as why:
        pytest.skip(str(why))
    assert found.registers <= registers
    assert (found.stored, found.loaded) == (0, 0)


@needs_nvrtc
def test_value_and_gradient_are_exported_for_cuda():
    def rhs(t, y, p):
        return -p * y

    run = across(Model(rhs, 1, 1), 128, Settings(1e-6, 1e-8, 1000, 64))
    span = jnp.stack([jnp.zeros(128), jnp.ones(128), jnp.full(128, 1e-3)])

    def loss(y, p):
        return run(y, p, span)[0].sum()

    shape = jax.ShapeDtypeStruct((1, 128), jnp.float64)
    allowed = [jax.export.DisabledSafetyCheck.custom_call(TARGET)]
    program = jax.export.export(
        jax.jit(jax.value_and_grad(loss, argnums=(0, 1))), platforms=["cuda"], disabled_checks=allowed
    )(shape, shape)
    assert program.mlir_module().count(TARGET) == 2


def test_lanes_fill_blocks():
    with pytest.raises(ValueError, match="a multiple of 128 lanes, not on 100"):
        launch("solve", "", 100, [])


def test_an_unsupported_primitive_is_named_with_its_line():
    def rhs(t, y, p):
        return jnp.sort(y)

    with pytest.raises(UnsupportedPrimitive, match=r"test_cuda_kernels.py:\d+: primitive 'sort': no rule writes it in C"):
        emitted(Model(rhs, 3, 1))
