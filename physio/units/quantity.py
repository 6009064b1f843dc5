"""What the unit checker knows of one array, and what it means for units to fit.

A unit None fits every unit: it belongs to an operand declared so, and to the constants 0, inf and nan, which
are the same in every unit. Any other constant is a pure number.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np

from physio.units.algebra import Unit, unit

PURE = unit("1")


class Clash(Exception):
    """Units that do not fit an operation; the message says which, the caller adds the place."""


@dataclasses.dataclass(frozen=True)
class Quantity:
    """What is known of one array.

    `unit` is its unit (None: any), `value` the one known number that fills it, if there is one, and `guard`
    marks a constant written inside a library function, such as the 1 in ``where(x == 0, 1, x)``: it never
    reaches the result in earnest and may stand beside any unit in a comparison or a choice.
    """

    unit: Unit | None
    value: float | None = None
    guard: bool = False


def constant(array, guard: bool = False) -> Quantity:
    """The quantity of a constant array or literal."""
    if not (jnp.issubdtype(array.dtype, jnp.number) or array.dtype == bool):
        return Quantity(PURE)    # a random key
    numbers = np.asarray(array)
    value = numbers.flat[0].item() if numbers.size and (numbers == numbers.flat[0]).all() else None
    unitless = bool(np.all((numbers == 0) | ~np.isfinite(numbers)))
    return Quantity(None if unitless else PURE, value, guard)


def shown(given: Unit) -> str:
    """A unit for a message."""
    return f"{given} (a pure number)" if given.text == "1" else given.text


def difference(a: Unit, b: Unit) -> str:
    """Why two units do not fit and, where one factor would do, that factor."""
    if a.compatible(b):
        factor = b.factor_to(a)
        texts = (f"({side})" if side.text.startswith("1/") else side.text for side in (b, a))
        one, many = ("" if text == "1" else f" {text}" for text in texts)
        return f"same dimension, factor {factor:.6g}: 1{one} = {factor:.6g}{many}"
    if PURE.same(a) or PURE.same(b):
        other = b if PURE.same(a) else a
        return f"different dimensions; a number becomes a quantity with as_quantity(x, '{other}')"
    return "different dimensions"


def join(action: str, operands) -> Unit | None:
    """The one unit of all operands; Clash when two differ in dimension or scale."""
    found = None
    for operand in operands:
        if operand.unit is None:
            continue
        if found is not None and not found.same(operand.unit):
            pair = f"{shown(found)} and {shown(operand.unit)}"
            raise Clash(f"cannot {action} {pair} ({difference(found, operand.unit)})")
        found = found or operand.unit
    return found


def pure(name: str, operands) -> Unit:
    """The pure number; Clash when an operand is not one."""
    for operand in operands:
        given = operand.unit
        if given is not None and not given.same(PURE):
            fix = f"divide by a reference in {given}, or use as_number(x, '{given}')"
            raise Clash(f"{name} needs {shown(PURE)}, got {given}; {fix}")
    return PURE
