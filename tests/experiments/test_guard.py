import subprocess
import sys
from pathlib import Path

import pytest

from experiments import guard

ROOT = Path(guard.ROOT)


def _import_experiments(environment, *path):
    code = "import sys; sys.path[:0] = sys.argv[1:]; import experiments; print('fine')"
    command = [sys.executable, "-c", code, *map(str, path)]
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=60)


def test_own_packages_pass(environment):
    assert _import_experiments(environment, ROOT).stdout == "fine\n"
    assert [guard.collision(name) for name in guard.SIBLINGS] == [None, None]


@pytest.mark.parametrize("name", ["physio", "calibration"])
def test_foreign_package_is_named_without_being_imported(environment, tmp_path, name):
    foreign = tmp_path / "foreign"
    (foreign / name).mkdir(parents=True)
    (foreign / name / "__init__.py").write_text("print('imported!')")
    ended = _import_experiments(environment, foreign, ROOT)
    last = ended.stderr.strip().splitlines()[-1]
    assert ended.returncode == 1 and "imported!" not in ended.stdout
    assert last == (
        f"ImportError: another distribution's `{name}` is imported from {foreign / name} (owner unknown), "
        f"not somagrad's from {ROOT / name}: use a fresh virtual environment (python3 -m venv) with somagrad "
        "alone in it"
    )


def test_owning_distribution_is_named(environment, tmp_path):
    foreign = tmp_path / "site"
    (foreign / "physio").mkdir(parents=True)
    (foreign / "physio" / "__init__.py").touch()
    info = foreign / "ecgbox-0.3.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ecgbox\nVersion: 0.3.3\n")
    (info / "top_level.txt").write_text("physio\n")
    (info / "RECORD").write_text("physio/__init__.py,,\n")
    assert "installed by the distribution 'ecgbox'" in _import_experiments(environment, foreign, ROOT).stderr


def test_missing_package_is_said(monkeypatch):
    monkeypatch.setattr(guard.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="`physio` was not found beside"):
        guard.check_siblings()
