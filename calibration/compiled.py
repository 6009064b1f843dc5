"""One compilation for several threads that want the same program at the same time.

JAX compiles a program once for each thread that asks before the first is done. ``compiled_once`` lets the first caller of a
program compile it while the others wait, and costs later calls one lookup. Different programs compile side by side.
"""

import threading
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax

_guard = threading.Lock()
_locks: dict[Any, threading.Lock] = {}
_ready: set[Any] = set()


def compiled_once(function: Callable) -> Callable:
    """``equinox.filter_jit`` whose first call with arguments of a shape is made by one thread alone."""
    program = eqx.filter_jit(function)

    def call(*arguments):
        key = (function.__qualname__, _signature(arguments))
        if key in _ready:
            return program(*arguments)
        with _guard:
            lock = _locks.setdefault(key, threading.Lock())
        with lock:
            result = program(*arguments)
            _ready.add(key)
        return result

    return call


def _signature(arguments: Any) -> Any:
    """What decides the compiled program: structure, shapes and dtypes of arrays, and everything that is not an array."""
    leaves, structure = jax.tree.flatten(arguments)
    return structure, tuple((x.shape, str(x.dtype)) if eqx.is_array(x) else x for x in leaves)
