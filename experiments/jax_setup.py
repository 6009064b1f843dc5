"""Settings that JAX must see before it is imported: where compiled programs are kept between runs."""

import hashlib
import os
import platform
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path


def cache_folder() -> Path:
    """Where compiled programs are kept: ``SOMAGRAD_CACHE``, else ``~/.cache/somagrad/jax``, by jaxlib and
    processor.

    Compiled programs use the instructions of the processor they were made on, so that a home folder shared by
    different machines needs one folder each.
    """
    base = os.environ.get("SOMAGRAD_CACHE")
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(base) if base else user / "somagrad" / "jax"
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        abilities = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        abilities = platform.processor()
    kind = hashlib.sha256(f"{platform.machine()} {abilities}".encode()).hexdigest()[:8]
    return folder / f"jaxlib-{metadata.version('jaxlib')}-{kind}"


def loops_on_the_device() -> None:
    """Let a GPU run whole loops of steps from one CUDA graph, instead of asking the host after every step.

    A solve of a few thousand lanes then takes about a tenth of the time. Must come before JAX computes anything; flags
    of the user's own about this are left as they are, and without JAX for CUDA nothing changes.
    """
    given = os.environ.get("XLA_FLAGS", "")
    for_cuda = any(find_spec(f"jax_cuda{version}_plugin") for version in (12, 13))
    if for_cuda and "xla_gpu_enable_command_buffer" not in given:
        os.environ["XLA_FLAGS"] = f"{given} --xla_gpu_enable_command_buffer=+WHILE,+CONDITIONAL".strip()


def keep_compiled_programs() -> str | None:
    """Turn on JAX's persistent compilation cache; return a one-line warning when its folder cannot be
    written.

    A cache that the user configured with ``JAX_COMPILATION_CACHE_DIR`` is left as it is.
    """
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return None
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as problem:
        why = f"{folder}: {problem.strerror}"
        return f"compiled programs are not kept: {why}; set SOMAGRAD_CACHE to a writable folder"
    settings = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    if "jax" in sys.modules:
        import jax

        for name, value in settings.items():
            jax.config.update(name, value)
    else:
        for name, value in settings.items():
            os.environ.setdefault(name.upper(), str(value))
    return None
