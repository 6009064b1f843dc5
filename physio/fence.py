"""A fence that XLA does not fuse across.

On a CPU, XLA fuses one Runge-Kutta stage into the next and computes it again there, up to six times too much work.
``optimization_barrier`` stops that from jaxlib 0.11.1 on; before, it is removed too early, and an always-true
``lax.cond`` whose predicate is known only at run time does the same job. Other devices get no fence: it would only
split their kernels.
"""

import contextlib
import contextvars

import jax
import jax.numpy as jnp
import jaxlib
from jaxtyping import Array

BARRIER_WORKS = tuple(int(p) for p in jaxlib.__version__.split(".")[:3]) >= (0, 11, 1)
_down = contextvars.ContextVar("fences_down", default=False)


@contextlib.contextmanager
def no_fences():
    """For what is traced here, but not to be compiled by XLA."""
    token = _down.set(True)
    try:
        yield
    finally:
        _down.reset(token)


def fence(x: Array, always: Array) -> Array:
    """``x``, computed once. ``always``: a run-time scalar that is true and carries no batch axis."""
    if jax.default_backend() != "cpu" or _down.get():
        return x
    if BARRIER_WORKS:
        return jax.lax.optimization_barrier(x)
    return jax.lax.cond(always, lambda v: v, lambda v: jax.tree.map(jnp.negative, v), x)


def always_true(clock: Array) -> Array:
    """A predicate that holds for every time since long ago, nan included, but that the compiler cannot know."""
    # of the clock, not of the state: one lane that ran away would then change all the others
    return ~(jax.lax.stop_gradient(clock.reshape(-1)[0]) < -1e30)
