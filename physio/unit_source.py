"""Where in the source an equation of a jaxpr was written.

The stack trace kept with an equation runs from the innermost frame outwards, through library code, to the
model. The first frame that belongs to no library is the line a model author can change. A library function
that is compiled once (`jnp.where`, `jnp.clip`, ...) keeps the trace of its first caller, whoever calls it
later: inside such a function the line of the present call is the right one.
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
    marks = [os.path.join(_HERE, name) for name in ("units.py", "unit_marks.py", "unit_check.py")]
    return (*folders, *marks, functools.__file__, "<string>", "<frozen")


@functools.lru_cache(maxsize=None)
def _in_library(file_name: str) -> bool:
    return file_name.startswith(_library_paths())


@functools.lru_cache(maxsize=None)
def _shown(file_name: str) -> str:
    short = os.path.relpath(file_name) if os.path.isabs(file_name) else file_name
    return file_name if short.startswith(os.pardir) else short


def _function(jaxpr) -> tuple[str, str, str]:
    """Name, file and line of the function a jaxpr was traced from."""
    match = re.fullmatch(r"(.*?) at (.*):(\d+)", jaxpr.debug_info.func_src_info or "")
    return match.groups() if match else ("", "", "")


def definition(jaxpr) -> str:
    """``file.py:LINE`` of the function a jaxpr was traced from, empty when unknown."""
    _, file_name, line = _function(jaxpr)
    return f"{_shown(file_name)}:{line}" if line else ""


def library_function(jaxpr) -> tuple[str, str] | None:
    """Name and file of the library function a jaxpr was traced from; None for a function of a model."""
    name, file_name, _ = _function(jaxpr)
    return (name, file_name) if file_name and _in_library(file_name) else None


def locate(eqn, owner: tuple[str, str] | None, call: str) -> tuple[str, bool]:
    """``file.py:LINE`` of an equation, and whether the equation was written by a library.

    `owner` is `library_function` of the jaxpr that holds the equation and `call` is where that function was
    called.
    """
    traceback = eqn.source_info.traceback
    for frame in traceback.frames if traceback is not None else ():
        if (frame.function_name.rpartition(".")[2], frame.file_name) == owner:
            return call, True
        if not _in_library(frame.file_name):
            return f"{_shown(frame.file_name)}:{frame.line_num}", False
    return call, owner is not None
