"""Units: text to unit, unit algebra, and the two marks that move numbers in and out of units.

A unit is a product of symbols with rational powers, ``mmHg*s/mL`` or ``mmHg^0.5``. It has a dimension (powers
of the base dimensions) and a scale (its size in the coherent base m, kg, s, mol, K, A, U). Operators
associate to the left: ``mL/uU/min`` is mL / uU / min. ``1`` is the pure number.

Base dimensions: length, mass, time, amount, temperature, current, insulin. The last is the international unit
``U``: it has no fixed factor to a mass or an amount, so converting is a stated constant of the model. Beats
and radians are pure numbers, so ``beat/min`` is ``1/min``. ``degC`` is a temperature difference of 1 K, never
a point on a scale with an offset. ``year`` is the Julian year.
"""

import dataclasses
import difflib
import functools
import math
import re
from fractions import Fraction

from physio.units.symbols import SYMBOLS

_POWER = r"\^\s*(?:[+-]?\d+(?:\.\d+)?|\(\s*[+-]?\d+\s*/\s*\d+\s*\))"
_TOKEN = re.compile(rf"\s*({_POWER}|[*/()]|%|1(?!\d)|[A-Za-z][A-Za-z0-9]*)")
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*", re.DOTALL)


class UnitError(ValueError):
    """A unit that cannot be read, or units that do not fit together; the message is one line."""


@dataclasses.dataclass(frozen=True)
class Unit:
    """A product of unit symbols; equal when the symbols and powers are equal (see `same` for equal size).

    `factors` are (symbol, power) pairs sorted by symbol, without zero powers; `text` is how to print it.
    """

    factors: tuple[tuple[str, Fraction], ...]
    text: str = dataclasses.field(compare=False)

    @functools.cached_property
    def dimension(self) -> tuple[tuple[str, Fraction], ...]:
        """Powers of the base dimensions, sorted by name, without zero powers."""
        powers: dict[str, Fraction] = {}
        for symbol, power in self.factors:
            for base, exponent in SYMBOLS[symbol][1].items():
                powers[base] = powers.get(base, Fraction(0)) + exponent * power
        return tuple(sorted((base, power) for base, power in powers.items() if power))

    @functools.cached_property
    def scale(self) -> float:
        """Size of the unit in the coherent base m, kg, s, mol, K, A, U."""
        exact, rounded = Fraction(1), 1.0    # integer powers stay exact, so 1 g is 1000 mg to the last bit
        for symbol, power in self.factors:
            size = SYMBOLS[symbol][0]
            if power.denominator == 1:
                exact *= size ** power.numerator
            else:
                rounded *= float(size) ** float(power)
        return float(exact) * rounded

    def __mul__(self, other: "Unit") -> "Unit":
        powers = dict(self.factors)
        for symbol, power in other.factors:
            powers[symbol] = powers.get(symbol, Fraction(0)) + power
        return _build(powers)

    def __truediv__(self, other: "Unit") -> "Unit":
        return self * other ** -1

    def __pow__(self, exponent: int | float | Fraction) -> "Unit":
        power = Fraction(exponent)
        if isinstance(exponent, float):
            power = power.limit_denominator(10_000)    # the float 1 / 3 means one third
        return _build({symbol: old * power for symbol, old in self.factors})

    def compatible(self, other: "Unit") -> bool:
        """True when both measure the same dimension."""
        return self.dimension == other.dimension

    def same(self, other: "Unit") -> bool:
        """True when both have the same dimension and, to 1e-12 relative, the same scale."""
        return self.compatible(other) and math.isclose((self / other).scale, 1.0, rel_tol=1e-12)

    def factor_to(self, other: "Unit") -> float:
        """What a value in this unit is multiplied by to be in `other`; UnitError for another dimension."""
        if not self.compatible(other):
            raise UnitError(f"cannot convert {self} to {other}: different dimensions")
        return (self / other).scale

    def __str__(self) -> str:
        return self.text


def _build(powers: dict[str, Fraction]) -> Unit:
    factors = tuple(sorted((symbol, power) for symbol, power in powers.items() if power))
    above = [_power_text(symbol, power) for symbol, power in factors if power > 0]
    below = [_power_text(symbol, -power) for symbol, power in factors if power < 0]
    return Unit(factors, "/".join(["*".join(above) or "1", *below]))


def _power_text(symbol: str, power: Fraction) -> str:
    if power == 1:
        return symbol
    if power.denominator == 1:
        return f"{symbol}^{power}"
    if Fraction(str(float(power))) == power:
        return f"{symbol}^{float(power)}"
    return f"{symbol}^({power})"


@functools.lru_cache(maxsize=None)
def _parse(text: str) -> Unit:
    tokens, position = [], 0
    body = text.strip().replace("\u00b5", "u").replace("\u03bc", "u")    # micro sign and Greek mu
    while position < len(body):
        match = _TOKEN.match(body, position)
        if match is None:
            rest = body[position:]
            raise UnitError(f"cannot read unit {text!r} at {rest!r}; write for example 'mmHg*s/mL' or 'm^2'")
        tokens.append(match[1])
        position = match.end()
    result = _product(tokens, text)
    if tokens:
        raise UnitError(f"cannot read unit {text!r}: unexpected {tokens[0]!r}; join symbols with * or /")
    return Unit(result.factors, text.strip())


def _product(tokens: list[str], text: str) -> Unit:
    """Read factors joined by * and /, left to right, and take them off the front of `tokens`."""
    result = _factor(tokens, text)
    while tokens and tokens[0] in "*/":
        operator = tokens.pop(0)
        factor = _factor(tokens, text)
        result = result * factor if operator == "*" else result / factor
    return result


def _factor(tokens: list[str], text: str) -> Unit:
    if not tokens:
        raise UnitError(f"cannot read unit {text!r}: it ends where a unit symbol should stand")
    token = tokens.pop(0)
    if token == "(":
        base = _product(tokens, text)
        if not tokens or tokens.pop(0) != ")":
            raise UnitError(f"cannot read unit {text!r}: a ')' is missing")
    elif token == "1":
        base = _build({})
    elif token in SYMBOLS:
        base = _build({token: Fraction(1)})
    else:
        letters = token.rstrip("0123456789")
        near = difflib.get_close_matches(token, SYMBOLS, n=1, cutoff=0.5)
        if letters in SYMBOLS:
            near = [f"{letters}^{token[len(letters):]}"]
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UnitError(f"unknown unit symbol {token!r} in {text!r}{hint}")
    if tokens and tokens[0].startswith("^"):
        numerator, _, denominator = tokens.pop(0).strip("^() ").replace(" ", "").partition("/")
        if denominator and int(denominator) == 0:
            raise UnitError(f"cannot read unit {text!r}: a power divides by zero")
        base = base ** (Fraction(numerator) / Fraction(denominator or 1))
    return base


def unit(text: "str | Unit") -> Unit:
    """Read a unit such as ``mL/mmHg``, ``mmHg^0.5``, ``1/min`` or ``1``; UnitError when it cannot."""
    if isinstance(text, Unit):
        return text
    if not isinstance(text, str):
        raise UnitError(f"a unit is written as text such as 'mmHg', got {text!r}")
    return _parse(text)


def quantity_from_text(text: str, expected: "str | Unit") -> float:
    """Read a number with its unit, ``"250 mg"``, and return the number in `expected`.

    A unit of the same dimension is converted. A missing unit is an error, except that a bare number is
    already complete where a pure number is expected.
    """
    wanted = unit(expected)
    match = _NUMBER.fullmatch(text) if isinstance(text, str) else None
    if match is None and isinstance(text, (int, float)) and not isinstance(text, bool):
        match = _NUMBER.fullmatch(repr(text))
    if match is None:
        raise UnitError(f"{text!r} is not a number with a unit; expected {wanted}, as in '250 {wanted}'")
    number, symbols = float(match[1]), match[2]
    if not math.isfinite(number):
        raise UnitError(f"{text!r} is too large for a number; expected {wanted}")
    if not symbols and not wanted.same(unit("1")):
        raise UnitError(f"{text!r} has no unit; expected {wanted}, for example '{match[1]} {wanted}'")
    given = unit(symbols or "1")
    if not given.compatible(wanted):
        raise UnitError(f"{text!r} is in {given}; expected {wanted} or a unit of the same dimension")
    return number * given.factor_to(wanted)


def as_number(x, unit_text: "str | Unit"):
    """The number that `x` is in `unit_text`, for empirical formulas; `x` must carry that unit.

    At run time this returns `x` as an array; the unit checker reads it as division by one `unit_text`.
    """
    from physio.units.marks import mark    # here, so that reading units needs no jax

    return mark(x, needs=unit(unit_text), times=unit(unit_text) ** -1)


def as_quantity(x, unit_text: "str | Unit"):
    """The pure number `x` as a quantity in `unit_text`, for constants and for results of empirical formulas.

    At run time this returns `x` as an array; the unit checker reads it as multiplication by one `unit_text`.
    """
    from physio.units.marks import mark    # here, so that reading units needs no jax

    return mark(x, needs=unit("1"), times=unit(unit_text))
