"""Look at the machine and say what works, what does not, and how to mend it."""

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from experiments import guard
from experiments.jax_setup import cache_folder, keep_compiled_programs

GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """``state`` is "ok", "warn" or "fail"; ``fix`` says what to do when it is not ok."""

    state: str
    what: str
    detail: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.state:4} {self.what}: {self.detail}" + (f"; {self.fix}" if self.fix else "")


def examine(out: Path) -> list[Finding]:
    """All findings; ``out`` is where results would go."""
    return [_python(), *_packages(), _neighbours(), *_jax(), _cache(), _disk(out), _writing(out)]


def _python() -> Finding:
    version = platform.python_version()
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("ok", "python", version)
    return Finding("warn", "python", version, "tested with 3.11 to 3.13")


def _packages() -> list[Finding]:
    findings = []
    for name in (
        "jax",
        "jaxlib",
        "numpy",
        "scipy",
        "equinox",
        "diffrax",
        "pyarrow",
        "msgspec",
        "matplotlib",
        "jinja2",
    ):
        try:
            findings.append(Finding("ok", name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            findings.append(
                Finding("fail", name, "not installed", "reinstall somagrad in a fresh virtual environment")
            )
    return findings


def _neighbours() -> Finding:
    problems = [problem for name in guard.SIBLINGS if (problem := guard.collision(name))]
    if problems:
        return Finding("fail", "packages", problems[0])
    return Finding("ok", "packages", f"physio, calibration and experiments are somagrad's, in {guard.ROOT}")


def _jax() -> list[Finding]:
    try:
        import jax

        import physio  # noqa: F401  importing it chooses 64-bit floats
    except Exception as problem:
        return [Finding("fail", "jax", f"cannot be imported: {problem}", "reinstall somagrad")]
    try:
        devices = jax.devices()
    except RuntimeError as problem:
        line = " ".join(str(problem).split())
        return [Finding("fail", "devices", line, "set JAX_PLATFORMS=cpu, or install the extra `cuda`")]
    kinds = ", ".join(f"{device.platform} {device.device_kind}" for device in devices)
    findings = [Finding("ok", "devices", kinds)]
    if devices[0].platform == "cpu" and shutil.which("nvidia-smi"):
        findings[0] = Finding(
            "warn", "devices", f"{kinds}, beside an unused NVIDIA GPU", "install the extra `cuda`"
        )
    if jax.config.jax_enable_x64:
        findings.append(Finding("ok", "float64", "on"))
    else:
        findings.append(Finding("fail", "float64", "off", "unset JAX_ENABLE_X64"))
    return findings


def _cache() -> Finding:
    if own := os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return Finding("ok", "compiled programs", f"kept in {own} (JAX_COMPILATION_CACHE_DIR)")
    if warning := keep_compiled_programs():
        return Finding("warn", "compiled programs", warning)
    return Finding("ok", "compiled programs", f"kept in {cache_folder()}")


def _existing(folder: Path) -> Path:
    folder = folder.resolve()
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def _disk(out: Path) -> Finding:
    free = shutil.disk_usage(_existing(out)).free / GIB
    if free < 1:
        return Finding(
            "warn", "disk", f"{free:.2f} GiB free at {out}", "free some space, or pass another --out"
        )
    return Finding("ok", "disk", f"{free:.0f} GiB free at {out}")


def _writing(out: Path) -> Finding:
    """Writes, syncs and renames a file where results would go, and removes it."""
    place = _existing(out)
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=".somagrad-") as folder:
            before, after = Path(folder) / "a", Path(folder) / "b"
            with open(before, "wb") as stream:
                stream.write(b"somagrad")
                os.fsync(stream.fileno())
            os.replace(before, after)
            if after.read_bytes() != b"somagrad":
                raise OSError("the file read back differs")
    except OSError as problem:
        return Finding("fail", "writing", f"{place}: {problem.strerror or problem}", "pass another --out")
    return Finding("ok", "writing", f"works in {place}")
