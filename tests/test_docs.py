"""The programs on the pages of ``docs`` run as they stand, in a folder of their own beside ``experiments``."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    "a-diabetes-twin.md", "fields.md", "fit-a-cohort.md", "glucose-models.md", "read-a-record.md", "solvers.md",
    "tumour-models.md", "update-a-twin.md", "what-the-data-support.md",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_programs_run(page, tmp_path):
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    programs = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    assert programs
    for program in programs:
        if "import nibabel" in program and find_spec("nibabel") is None:
            continue  # of the extra 'imaging'
        done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
    if page == "fit-a-cohort.md":
        assert "objective 116.80" in done.stdout and (tmp_path / "fit.png").stat().st_size > 10_000
