"""What every test may use: the shared data folder, a compilation cache, and the rule for GPU tests."""

import gc
import os
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[1]


def cache_folder() -> Path:
    """Where compiled programs are kept between runs: SOMAGRAD_CACHE, or a folder of the user's cache."""
    chosen = os.environ.get("SOMAGRAD_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "somagrad"


# Here, and not in a fixture: jax reads these when it is first imported, which is while tests are collected.
# Keeping every program, however small, pays: a suite of many small solves compiles longer than it runs.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache_folder()))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def find_shared_data(folder: str) -> Path:
    """Path of one folder of the shared data; the test that asks is skipped where the folder is absent."""
    root = Path(os.environ.get("SOMAGRAD_DATA", PROJECT_ROOT / ".." / "shared" / "data"))
    path = root / folder
    if not path.is_dir():
        pytest.skip(
            f"needs shared data '{folder}': not found at {path}; set SOMAGRAD_DATA to its parent folder"
        )
    return path


@pytest.fixture(scope="module", autouse=True)
def no_more_programs_than_memory_maps():
    """Every program that XLA compiles for a CPU keeps memory maps, of which Linux allows a process 65530; beyond, it crashes."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > 25_000:
        import jax

        jax.clear_caches()
        gc.collect()


@pytest.fixture(scope="session")
def shared_data():
    """The function `shared_data(folder) -> Path`."""
    return find_shared_data


def pytest_collection_modifyitems(items):
    """Skip tests marked `gpu` where jax sees no GPU; jax is asked only if such a test was collected."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import jax

    backend = jax.default_backend()
    if backend != "gpu":
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=f"needs a GPU: jax runs on {backend} here"))
