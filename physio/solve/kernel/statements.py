"""Straight-line C: statements in order, every name assigned once.

A statement whose text was written before is not written again, and what no result needs is dropped, so the
emitter may be as wasteful as is simple.
"""

import dataclasses
import re

import numpy as np

from physio.solve.kernel.cells import Cell

_NAME = re.compile(r"\b[a-z]\w*\b")
# What costs tens of cycles: a division or a function of the maths library (macros in capitals, two letters or more).
_COSTLY = re.compile(r"/|\b(?!R\b|ABS\b|FLOOR\b|CEIL\b|TRUNC\b|RINT\b|INFINITE\b|NOT_A_NUMBER\b)[A-Z][A-Z0-9_]+\b")
_WORDS = {"const", "real", "int", "long", "unsigned"}


@dataclasses.dataclass(frozen=True)
class Statement:
    """``const kind name = text;`` and the names its text reads."""

    name: str
    kind: str
    text: str
    needs: tuple[str, ...]

    @property
    def line(self) -> str:
        return f"const {self.kind} {self.name} = {self.text};"

    @property
    def costly(self) -> bool:
        return bool(_COSTLY.search(self.text))


class Code:
    """Grows statement by statement; ``dtype`` is the precision that ``real`` stands for."""

    def __init__(self, dtype, limit: int = 50_000):
        self.dtype = np.dtype(dtype)
        self.statements: list[Statement] = []
        self.limit = limit
        self._seen: dict[tuple[str, str], str] = {}

    def let(self, kind: str, text: str) -> str:
        """The name of a variable that holds ``text``; OverflowError where the code has grown beyond ``limit``."""
        key = (kind, text)
        if key not in self._seen:
            if len(self.statements) >= self.limit:
                raise OverflowError(f"more than {self.limit} statements")
            name = f"v{len(self.statements)}"
            needs = tuple(dict.fromkeys(w for w in _NAME.findall(text) if w not in _WORDS))
            self.statements.append(Statement(name, kind, text, needs))
            self._seen[key] = name
        return self._seen[key]


def needed(statements: list[Statement], wanted) -> list[Statement]:
    """The statements that the ``wanted`` cells depend on, in order."""
    alive = {cell for cell in wanted if isinstance(cell, str)}
    kept = []
    for statement in reversed(statements):
        if statement.name in alive:
            kept.append(statement)
            alive.update(statement.needs)
    return kept[::-1]


def hoisted(statements: list[Statement], wanted, varying) -> tuple[list[Statement], list[str], list[Statement]]:
    """``(before, carried, rest)``: what does not change along a trajectory is computed once, before its loop.

    ``varying(name)`` tells which inputs change from step to step. Only what holds a division or a function is worth
    a place in memory: ``carried`` are the names that ``rest`` reads from ``before``; sums and products of constants
    are computed again.
    """
    moving, costly = set(), set()
    for s in statements:
        if any(varying(name) or name in moving for name in s.needs):
            moving.add(s.name)
        elif s.costly or any(name in costly for name in s.needs):
            costly.add(s.name)
    outputs = {cell for cell in wanted if isinstance(cell, str)}
    rest = [s for s in statements if s.name not in costly]
    read = outputs.union(*(s.needs for s in rest)) if rest else outputs
    carried = [s.name for s in statements if s.name in costly and s.name in read]
    return needed(statements, carried), carried, needed(rest, wanted)
