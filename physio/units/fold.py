"""Known constants followed through a jaxpr, so that ``x ** (1 / 2)`` and ``jnp.zeros(3)`` keep their meaning.

A power needs the value of its exponent, and a zero that was broadcast, converted or negated is still a zero.
"""

import math

import numpy as np

from physio.units.quantity import Quantity
from physio.units.rules import MOVES
from physio.units.algebra import Unit

_ARITHMETIC = {
    "neg": np.negative,
    "abs": np.abs,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "select_n": lambda which, *cases: cases[int(which)],
}


def fold(eqn, operands, given: Unit | None) -> Quantity:
    """The result of an equation with unit `given`, with its value where the operands' values are known."""
    name = eqn.primitive.name
    if name in MOVES:
        return Quantity(given, operands[0].value, operands[0].guard)
    if name == "convert_element_type":
        return Quantity(given, _converted(operands[0].value, eqn.params["new_dtype"]), operands[0].guard)
    values = [operand.value for operand in operands]
    if name not in _ARITHMETIC or None in values:
        return Quantity(given)
    with np.errstate(all="ignore"):
        value = float(_ARITHMETIC[name](*(np.float64(value) for value in values)))
    return Quantity(given if value and math.isfinite(value) else None, value)


def _converted(value: float | None, kind) -> float | None:
    if value is None or not math.isfinite(value):
        return value
    return float(np.asarray(value).astype(kind))
