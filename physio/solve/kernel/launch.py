"""Calls a kernel from a JAX program on an NVIDIA GPU, by XLA's own custom call for PTX.

    jax.ffi.ffi_call("__gpu$xla.gpu.ptx", results)(operands, name=..., kernel_type="ptx", kernel_data=PTX, grid, block)

The kernel gets one device pointer for each operand, then for each result; no scalars, so tolerances are an operand and the
number of lanes is grid times block: lanes are filled up to a multiple of ``BLOCK``.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.solve.kernel.lane import BLOCK
from physio.solve.kernel.signature import ARGUMENTS

TARGET = "__gpu$xla.gpu.ptx"


def launch(kernel: str, ptx: str, lanes: int, results: list[jax.ShapeDtypeStruct], *operands: Array) -> list[Array]:
    """Results of one launch; operands and results are (..., lanes) in the order of ``signature.ARGUMENTS``."""
    if lanes % BLOCK:
        raise ValueError(f"a kernel runs on a multiple of {BLOCK} lanes, not on {lanes}")
    if len(operands) + len(results) != len(ARGUMENTS[kernel]):
        raise ValueError(f"'{kernel}' takes {len(ARGUMENTS[kernel])} arrays, not {len(operands) + len(results)}")
    one, call = np.int32(1), jax.ffi.ffi_call(TARGET, results, vmap_method="sequential")
    return list(
        call(
            *operands,
            name=kernel,
            kernel_type="ptx",
            kernel_data=ptx,
            grid_x=np.int32(lanes // BLOCK),
            grid_y=one,
            grid_z=one,
            block_x=np.int32(BLOCK),
            block_y=one,
            block_z=one,
            shared_mem_bytes=np.int32(0),
        )
    )


def filled(x: Array) -> Array:
    """(..., lanes) with the last lane repeated up to a multiple of ``BLOCK``."""
    missing = -x.shape[-1] % BLOCK
    return jnp.concatenate([x, jnp.broadcast_to(x[..., -1:], (*x.shape[:-1], missing))], axis=-1) if missing else x
