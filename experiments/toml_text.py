"""A scenario's TOML text: parsed, with overrides applied, able to say where each key was written.

A place inside the document is a path such as ``("theophylline", "regimen", 0, "dose")``, spelt
``theophylline.regimen.0.dose`` in messages and in ``--set``.
"""

import copy
import difflib
import re
import tomllib
from pathlib import Path

from calibration.errors import InputError

_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-.\"']+?)\s*=")


def dotted(path: tuple) -> str:
    return ".".join(str(part) for part in path)


def _names(text: str) -> list[str]:
    return [name.strip().strip("\"'") for name in text.split(".")]


def locate_keys(text: str) -> dict[tuple, int]:
    """Path -> 1-based line for every table header and ``key = value`` line of a TOML text.

    Keys written inside inline tables or arrays are not listed; their enclosing key is.
    """
    lines: dict[tuple, int] = {}
    counts: dict[tuple, int] = {}
    table: tuple = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            names, table = _names(header[2]), ()
            for position, name in enumerate(names):
                table += (name,)
                last = position == len(names) - 1
                if last and header[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                    lines.setdefault(table, number)
                if table in counts:  # a name that was opened as an array means its latest element
                    table += (counts[table],)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault(table + tuple(_names(key[1])), number)
    return lines


class TomlText:
    """One TOML document with the user's overrides.

    data     the parsed document
    error    (path, problem, expected) -> InputError that names the file and line, or the override
    """

    def __init__(self, path: Path | str, overrides: tuple[str, ...] = ()):
        self.path = Path(path)
        try:
            self.text = self.path.read_text(encoding="utf-8")
            self.data = tomllib.loads(self.text)
        except FileNotFoundError:
            raise InputError(self.path, problem="no such file", expected="a scenario in TOML") from None
        except OSError as problem:
            raise InputError(
                self.path, problem=problem.strerror or "unreadable", expected="a scenario in TOML"
            ) from None
        except UnicodeDecodeError as problem:
            raise InputError(
                self.path, problem=f"byte {problem.start} is not UTF-8", expected="TOML in UTF-8"
            ) from None
        except RecursionError:
            raise InputError(self.path, problem="nested too deeply", expected="a scenario in TOML") from None
        except tomllib.TOMLDecodeError as problem:
            where = re.search(r"\(at line (\d+)", str(problem))
            row = int(where[1]) if where else None
            raise InputError(self.path, row, problem=f"not TOML: {problem}") from None
        self.lines = locate_keys(self.text)
        self.overridden: dict[tuple, str] = {}
        for override in overrides:
            self._apply(override)

    def _apply(self, override: str) -> None:
        key, found, written = override.partition("=")
        place = f"--set {key.strip()}"
        if not found or not key.strip():
            raise InputError(f"--set {override}", problem="no '='", expected="key.path=value")
        try:
            value = tomllib.loads(f"value = {written}")["value"]
        except tomllib.TOMLDecodeError:
            value = written.strip()  # the shell has eaten the quotes: 24 h means "24 h"
        path = tuple(int(part) if part.isascii() and part.isdigit() else part for part in _names(key))
        changed = copy.deepcopy(self.data)
        node = changed
        for depth, part in enumerate(path[:-1]):
            if isinstance(node, dict):
                node = node.setdefault(part, {})
            elif isinstance(node, list) and isinstance(part, int) and part < len(node):
                node = node[part]
            else:
                raise InputError(
                    place, problem=f"there is no `{dotted(path[: depth + 1])}` in {self.path.name}"
                )
        leaf = path[-1]
        if isinstance(node, dict):
            node[leaf] = value
        elif isinstance(node, list) and isinstance(leaf, int) and leaf < len(node):
            node[leaf] = value
        else:
            raise InputError(place, problem=f"there is no `{dotted(path)}` in {self.path.name}")
        self.data = changed
        self.overridden[path] = place

    def error(self, path: tuple, problem: str, expected: str | None = None) -> InputError:
        for end in range(len(path), 0, -1):
            if path[:end] in self.overridden:
                return InputError(self.overridden[path[:end]], None, dotted(path), problem, expected)
        row = next(
            (self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), None
        )
        return InputError(self.path, row, dotted(path) or None, problem, expected)

    def value(self, path: tuple) -> object:
        node: object = self.data
        for part in path:
            node = node[part]  # type: ignore[index]
        return node


def nearest_key(unknown: tuple, here: list[str], everywhere: list[str]) -> str | None:
    """The valid dotted key closest to an unknown one: first among its neighbours, then anywhere.

    here         valid names in the same table
    everywhere   all valid dotted keys, list positions left out
    """
    name, parent = str(unknown[-1]), unknown[:-1]
    if close := difflib.get_close_matches(name, here, n=1, cutoff=0.6):
        return dotted((*parent, close[0]))
    if same := [key for key in everywhere if key.rsplit(".", 1)[-1] == name]:
        return same[0]
    plain = dotted(tuple(part for part in unknown if isinstance(part, str)))
    close = difflib.get_close_matches(plain, everywhere, n=1, cutoff=0.6)
    return close[0] if close else None
