"""Where in the source an equation of a jaxpr was written.

The stack trace kept with an equation runs from the innermost frame outwards, through library code, to the
model. The first frame that belongs to no library is the line a model author can change. A compiled function
keeps only the frames inside itself, so an equation of a compiled library function (`jnp.where`, `jnp.clip`,
...) has no such frame: its place is the line that called the function.
"""

import functools
import importlib.util
import os
import re

_LIBRARIES = ("jax", "jaxlib", "equinox", "diffrax", "optimistix", "lineax", "optax", "jaxtyping", "numpy")
_HERE = os.path.dirname(os.path.abspath(__file__))


@functools.lru_cache(maxsize=None)
def _library_paths() -> tuple[str, ...]:
    specs = [importlib.util.find_spec(name) for name in _LIBRARIES]
    folders = [spec.submodule_search_locations[0] + os.sep for spec in specs if spec is not None]
    return (*folders, _HERE + os.sep, functools.__file__, "<string>", "<frozen")


@functools.lru_cache(maxsize=None)
def _in_library(file_name: str) -> bool:
    return file_name.startswith(_library_paths())


@functools.lru_cache(maxsize=None)
def _shown(file_name: str) -> str:
    short = os.path.relpath(file_name) if os.path.isabs(file_name) else file_name
    return file_name if short.startswith(os.pardir) else short


def definition(jaxpr) -> str:
    """``file.py:LINE`` of the function a jaxpr was traced from, empty when unknown."""
    match = re.fullmatch(r".*? at (.*):(\d+)", jaxpr.debug_info.func_src_info or "")
    return f"{_shown(match[1])}:{match[2]}" if match else ""


def locate(eqn, call: str) -> tuple[str, bool]:
    """``file.py:LINE`` of an equation, and whether a compiled library function called at `call` holds it."""
    traceback = eqn.source_info.traceback
    frames = traceback.frames if traceback is not None else ()
    for frame in frames:
        if not _in_library(frame.file_name):
            return f"{_shown(frame.file_name)}:{frame.line_num}", False
    return call, bool(frames)
