"""Runs a compiler: finds it, keeps what it made under a hash of everything that decided it, tells what went wrong."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from physio.solve.kernel.unsupported import NoKernel


class NoCompiler(NoKernel):
    """A compiler or its library is not on this machine; the XLA path needs none."""


class CompileError(NoKernel):
    """A compiler refused a text written here: a defect of the emitter."""


def find(program: str, purpose: str) -> str:
    """Path of an executable; NoCompiler where it is absent."""
    path = shutil.which(program)
    if path is None:
        raise NoCompiler(f"no '{program}' on the PATH, which {purpose} needs; the XLA path needs none")
    return path


def in_wheels(*patterns: str) -> list[str]:
    """Files of NVIDIA's packages for Python, each given as a pattern below their common folder."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(place) for place in (spec.submodule_search_locations if spec else ())]
    return [str(path) for folder in folders for pattern in patterns for path in sorted(folder.glob(pattern))]


def private_folder() -> Path:
    """A new folder that only this user can read; the system's temporary files are cleaned by the system."""
    return Path(tempfile.mkdtemp(prefix="somagrad-kernel-"))


def digest(*parts: str) -> str:
    """Short name for everything that decides a compiled object."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def run(command: list[str], *, timeout: float = 300.0) -> str:
    """What the command wrote to its error stream; CompileError, with its end, where it failed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise CompileError(f"{Path(command[0]).name} failed with status {done.returncode}:\n{tail}")
    return done.stderr + done.stdout


def publish(made: Path, wanted: Path) -> Path:
    """Give a finished file its name in one step, so that another process never loads half of it."""
    os.replace(made, wanted)
    return wanted
