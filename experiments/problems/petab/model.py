"""What a model's file says beside its equations: how observables are scaled and what conditions do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from physio.component import AbstractPlainPart, measured


def number() -> Any:
    """A parameter or a condition's constant, in the collection's own units."""
    return measured("1", ndim=0)


@dataclass(frozen=True)
class Observed:
    """offset + scale * output: a number, a parameter's name, or which of the measurement's observable parameters it is.

    ``output`` is named like the observable when it is not given.
    """

    output: str | None = None
    offset: float | int | str = 0.0
    scale: float | int | str = 1.0


@dataclass(frozen=True)
class Model:
    """One problem of the collection.

    ``part``           the equations; its fields are parameters of the tables and constants of the conditions
    ``observed``       observable -> how it follows from an output of the part
    ``measurements``   stem of the measurement file's name
    ``input_name``     the input that conditions switch, and ``levels`` of a condition: (on, off, level)
    ``equilibration``  the condition before every experiment, whose steady state is the part's rest
    ``flat``           estimated parameters that no prediction depends on
    """

    folder: str
    part: type[AbstractPlainPart]
    observed: dict[str, Observed]
    measurements: str = "measurementData"
    input_name: str | None = None
    levels: Callable[[dict[str, float]], list[tuple[float, float, float]]] | None = None
    equilibration: str = ""
    flat: tuple[str, ...] = ()
