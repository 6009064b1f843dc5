"""What a run was made with: versions, device, precision, code."""

import os
import platform
import subprocess
import sys
from importlib import metadata

from experiments.guard import ROOT
from experiments.study import code_version

PACKAGES = (
    "somagrad jax jaxlib numpy scipy equinox diffrax optimistix lineax optax pyarrow msgspec typer rich "
    "matplotlib jinja2"
).split()


def versions() -> dict[str, str | None]:
    """Version of Python and of each package that computes or writes results; None when not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def git_state() -> dict[str, object]:
    """``commit`` and ``dirty`` of the folder the code runs from; both None when it is no git checkout."""
    if not (ROOT / ".git").exists():
        return {"commit": None, "dirty": None}
    try:
        answers = [
            subprocess.run(
                ["git", "-C", str(ROOT), *question], capture_output=True, text=True, timeout=10, check=True
            ).stdout.strip()
            for question in (("rev-parse", "HEAD"), ("status", "--porcelain"))
        ]
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}
    return {"commit": answers[0], "dirty": bool(answers[1])}


def gather() -> dict[str, object]:
    """The record that goes into ``run.json``. Imports JAX."""
    import jax

    return {
        "versions": versions(),
        "backend": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
        "devices": len(jax.devices()),
        "x64": bool(jax.config.jax_enable_x64),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores",
        "argv": sys.argv[1:],
        "code": code_version(),
        **git_state(),
    }
