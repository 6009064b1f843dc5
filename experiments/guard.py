"""Refuse to run on another distribution's packages.

``physio`` and ``calibration`` are common words: other distributions install packages of those names, and
whichever comes first on the import path wins silently. Both must therefore be sibling folders of
``experiments``. The check looks them up without importing them and uses the standard library only.
"""

import importlib.util
from pathlib import Path

SIBLINGS = ("physio", "calibration")
ROOT = Path(__file__).resolve().parent.parent


def _folders(name: str) -> list[Path]:
    """The folders that ``import name`` would read, in order; empty when nothing is found."""
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # a module already in sys.modules without a spec
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations:
        return [Path(place).resolve() for place in spec.submodule_search_locations]
    return [Path(spec.origin).resolve()] if spec.origin else []


def _owner(name: str, folder: Path) -> str:
    """The installed distribution that put ``name`` into ``folder``, as text, or "unknown"."""
    from importlib import metadata

    for distribution in sorted(set(metadata.packages_distributions().get(name, ()))):
        if Path(str(metadata.distribution(distribution).locate_file(""))).resolve() == folder.parent:
            return f"installed by the distribution '{distribution}'"
    return "owner unknown"


def collision(name: str) -> str | None:
    """One line on why ``name`` is not this project's package; None when it is."""
    own = ROOT / name
    found = _folders(name)
    if not found:
        return f"the package `{name}` was not found beside `experiments` in {ROOT}: reinstall somagrad"
    if found[0] == own:
        return None
    return (
        f"another distribution's `{name}` is imported from {found[0]} ({_owner(name, found[0])}), not "
        f"somagrad's from {own}: use a fresh virtual environment (python3 -m venv) with somagrad alone in it"
    )


def check_siblings() -> None:
    """Raise ImportError, naming the place and the owner, when a sibling package is somebody else's."""
    for name in SIBLINGS:
        problem = collision(name)
        if problem is not None:
            raise ImportError(problem)
