"""What the files of the repository must and must not be, apart from what the code in them does."""

import os
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("physio", "calibration", "experiments")
# Folders that hold nothing of the repository's own.
LEFT_OUT = re.compile(r"\.git|\.?venv.*|runs|build|dist|__pycache__|.*\.egg-info|\.[a-z]+_cache|\.hypothesis")
TEXT = {".py", ".toml", ".md", ".txt", ".csv", ".html", ".css", ".js", ".svg", ".json", ".j2", ""}
MACHINE_PATH = re.compile(r"(?<![\w.~}])/(?:work|root|home|Users|tmp|opt|mnt|var)/\w|[A-Z]:\\\\?Users")
# Written in halves, so that this file does not contain them.
REGISTRY_HOSTS = [
    first + last
    for first, last in [
        ("pypi", ".org"), ("python", "hosted.org"), ("registry.npm", "js.org"), ("deb.deb", "ian.org"),
        ("ana", "conda.org"), ("conda-", "forge.org"), ("crates", ".io"),
    ]
]  # fmt: skip


def files() -> list[Path]:
    """Every file of the repository, built and downloaded ones left out."""
    found = []
    for folder, names, leaves in os.walk(ROOT):
        names[:] = sorted(name for name in names if not LEFT_OUT.fullmatch(name))
        found += [Path(folder) / leaf for leaf in sorted(leaves)]
    return [path for path in found if path.relative_to(ROOT) != Path(".git")]


def foreign_text(text: str) -> list[str]:
    """Paths of one machine and names of package registries in a text."""
    return MACHINE_PATH.findall(text) + [host for host in REGISTRY_HOSTS if host in text]


def test_no_module_is_named_like_one_of_the_standard_library():
    # A file run as a script puts its folder first on the path: a neighbour then hides the standard module.
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*")]
    modules = [path for path in paths if path.suffix == ".py" or (path / "__init__.py").is_file()]
    clashes = [str(path.relative_to(ROOT)) for path in modules if path.stem in sys.stdlib_module_names]
    assert not clashes, clashes


def test_every_folder_with_code_is_a_package():
    # The build leaves out a folder without __init__.py, and the tests of a checkout would not notice.
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    missing = [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").is_file()]
    assert not missing, missing


def test_no_machine_path_and_no_registry_host():
    problems = []
    for path in files():
        if path.suffix in TEXT:
            found = foreign_text(path.read_text(encoding="utf-8"))
            problems += [f"{path.relative_to(ROOT)}: {item}" for item in found]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("text", ["see /" + "home/ada/data", "in /" + "tmp/x", REGISTRY_HOSTS[0]])
def test_a_foreign_text_is_found(text):
    assert foreign_text(text)


def test_one_lock_file_only():
    assert not (ROOT / "uv.lock").exists()
    pinned = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line]
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = wanted["dependencies"] + wanted["optional-dependencies"]["test"]
    names = {re.match(r"[\w-]+", line).group() for line in pinned}
    missing = [name for name in asked if re.match(r"[\w-]+", name).group() not in names]
    assert not missing, f"pyproject.toml asks for {missing}, which requirements.txt does not pin"


def test_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) < 350
    assert "not a medical device" in text
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert links and not [link for link in links if not (ROOT / link).exists()]


def test_readme_marks_each_of_its_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = dict(re.findall(r"^<!-- command: (\w+) -->\n```sh\n(.*?)^```$", text, flags=re.M | re.S))
    assert set(commands) == {"demo", "test"}
    for command in commands.values():
        assert command.count("\n") == 1, "one line, to be pasted whole"
        assert command.startswith("python3 -m venv .venv && ")
