"""Lanes in chunks: each chunk goes as long as its own slowest lane, stays in the cache, and runs on one device.

Lanes that will need equally many steps belong together; the steps of a solve of almost the same people say which. Chunks
are dealt out to all local devices like cards, so that each gets its share of the slow ones; a lane's numbers do not
depend on how many devices there are.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array

from physio.fence import BARRIER_WORKS
from physio.solve.adjoint import AbstractAdjoint
from physio.solve.method import AbstractMethod, Marched
from physio.solve.plan import Plan
from physio.system import System

# So many lanes of twenty states and their stages stay in the nearest cache of a core: 128 take a tenth longer. The fence of
# older versions costs the same for any width, and four times as many share it.
_ON_A_CORE = 64 if BARRIER_WORKS else 256


def march_in_chunks(
    method: AbstractMethod,
    adjoint: AbstractAdjoint,
    system: System,
    plan: Plan,
    y: Array,
    width: int | None,
    order: Array | None,
) -> Marched:
    """``adjoint.march`` for ``width`` lanes at a time, the last chunk filled up with the last lane.

    None is 64 or 256 on a CPU, and an equal share of all lanes for each device elsewhere, where lanes run side by side.
    ``order`` (lanes,) is any number by which lanes are sorted first, such as their steps of last time.
    """
    lanes = system.lanes
    if width is None:
        width = _ON_A_CORE if jax.default_backend() == "cpu" else -(-lanes // jax.local_device_count())
    if lanes <= width:
        return adjoint.march(method, system, plan, y, 1)
    chunks = -(-lanes // width)
    devices = jax.local_devices()[:chunks]
    hands = -(-chunks // len(devices))
    chunks = hands * len(devices)
    place = jnp.arange(lanes) if order is None else jnp.argsort(order, stable=True)
    filled = jnp.concatenate([place, jnp.broadcast_to(place[-1:], (chunks * width - lanes,))])

    def cut(x):
        """(..., lanes) to (chunks, ..., width), the chunks of a device side by side."""
        dealt = x[..., filled].reshape(*x.shape[:-1], hands, len(devices), width)
        return jnp.moveaxis(dealt, (-2, -3), (0, 1)).reshape(chunks, *x.shape[:-1], width)

    def joined(x):
        """(chunks, ..., width) to (..., lanes)."""
        dealt = jnp.moveaxis(x.reshape(len(devices), hands, *x.shape[1:]), (0, 1), (-2, -3))
        whole = dealt.reshape(*x.shape[1:-1], chunks * width)
        return jnp.zeros((*whole.shape[:-1], lanes), whole.dtype).at[..., place].set(whole[..., :lanes])

    def one(part: tuple[System, Plan, Array]) -> Marched:
        return adjoint.march(method, *part, hands)

    parts = jax.tree.map(cut, (system.narrowed(width), plan, y))
    return jax.tree.map(joined, _shared(lambda all_: jax.lax.map(one, all_), devices)(parts))


def _shared(function: Callable, devices: list) -> Callable:
    """The function of arrays (chunks, ...), each device doing its share of the first axis."""
    if len(devices) == 1:
        return function
    spec = PartitionSpec("chunks")
    mesh = Mesh(np.asarray(devices), ("chunks",))
    return jax.shard_map(function, mesh=mesh, in_specs=(spec,), out_specs=spec, check_vma=False)
