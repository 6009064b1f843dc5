import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAKE = Path(__file__).with_name("fake_study.py")


@pytest.fixture(scope="session")
def fake():
    """The module ``fake_study``."""
    spec = importlib.util.spec_from_file_location("fake_study", FAKE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def no_window_system():
    """Whoever asks for pyplot, which looks for a screen, fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.pyplot", None)
        yield


@pytest.fixture
def runner(fake, monkeypatch, tmp_path):
    """``runner.start()`` and ``runner.resume(folder)`` in this process, with the fake study."""
    from experiments import run, study

    monkeypatch.setattr(study, "build_studies", fake.build_studies)
    monkeypatch.setattr(run, "keep_compiled_programs", lambda: None)
    monkeypatch.setitem(sys.modules, "experiments.report", fake.fake_report())
    scenario = tmp_path / "fake.toml"
    scenario.write_text(fake.SCENARIO)

    class Runner:
        out = tmp_path / "runs"

        def start(self, **options):
            before = set(self.out.glob("*"))
            status = run.start(scenario, self.out, **options)
            made = set(self.out.glob("*")) - before
            return status, made.pop() if made else None

        def resume(self, folder):
            return run.resume(folder)

    return Runner()


@pytest.fixture
def environment(tmp_path):
    """Environment variables for a child process: this tree first on its path, its own compilation cache."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SOMAGRAD_CACHE": str(tmp_path / "cache"),
        "JAX_PLATFORMS": "cpu",
    }


@pytest.fixture
def somagrad(environment, tmp_path):
    """Run the command line in a child process, inside an empty folder."""
    place = tmp_path / "place"
    place.mkdir()

    def call(*arguments):
        command = [sys.executable, "-m", "experiments", *map(str, arguments)]
        return subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, timeout=120
        )

    call.place = place
    return call


@pytest.fixture
def tables_of():
    """{file name: bytes} of a run folder's tables."""
    return lambda folder: {file.name: file.read_bytes() for file in sorted((folder / "tables").iterdir())}
