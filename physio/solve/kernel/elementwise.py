"""Primitives that act on each element alone: one C statement per element.

Numbers keep JAX's meaning: ``max`` and ``min`` pass a nan on from either side, comparisons give 0 or 1, integer
division cuts towards zero. Two liberties: ``x + 0`` is ``x``, also where x is -0.0; and ``pow`` to a small integer or
one half is a product or a square root.
"""

import numpy as np

from physio.solve.kernel.cells import cells, equals, written

_FUNCTIONS = {
    "exp": "EXP", "exp2": "EXP2", "expm1": "EXPM1", "log": "LOG", "log1p": "LOG1P", "sqrt": "SQRT", "rsqrt": "RSQRT",
    "cbrt": "CBRT", "sin": "SIN", "cos": "COS", "tan": "TAN", "asin": "ASIN", "acos": "ACOS", "atan": "ATAN",
    "sinh": "SINH", "cosh": "COSH", "tanh": "TANH", "asinh": "ASINH", "acosh": "ACOSH", "atanh": "ATANH",
    "erf": "ERF", "erfc": "ERFC", "lgamma": "LGAMMA", "floor": "FLOOR", "ceil": "CEIL",
}  # fmt: skip

# {0}, {1}, ... are the operands; the same text serves floats, integers and truth values.
TEXT = {
    "add": "{0} + {1}", "add_any": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}",
    "neg": "-{0}", "square": "{0} * {0}",
    "one_minus_square": "(R(1.0) - {0}) * (R(1.0) + {0})",
    "max": "(({0} >= {1}) | ({0} != {0})) ? {0} : {1}", "min": "(({0} <= {1}) | ({0} != {0})) ? {0} : {1}",
    "lt": "{0} < {1}", "le": "{0} <= {1}", "gt": "{0} > {1}", "ge": "{0} >= {1}", "eq": "{0} == {1}", "ne": "{0} != {1}",
    "and": "{0} & {1}", "or": "{0} | {1}", "xor": "{0} ^ {1}",
    "sign": "{0} > 0 ? 1 : ({0} < 0 ? -1 : {0})",
    "logistic": "R(1.0) / (R(1.0) + EXP(-{0}))",
    "atan2": "ATAN2({0}, {1})", "nextafter": "NEXTAFTER({0}, {1})",
    "is_finite": "ABS({0}) <= LARGEST",
} | {name: f"{macro}({{0}})" for name, macro in _FUNCTIONS.items()}  # fmt: skip

SAME = {"copy", "copy_p", "stop_gradient", "optimization_barrier", "unit_mark", "pvary", "sharding_constraint"}


def kind_of(dtype, real) -> str | None:
    """C type of a dtype; None where a kernel has none, as for floats of another precision than the model's."""
    dtype = np.dtype(dtype)
    if dtype == real:
        return "real"
    table = {"bool": "int", "int32": "int", "int64": "long long", "uint32": "unsigned", "uint64": "unsigned long long"}
    return table.get(dtype.name)


def _simpler(name: str, x):
    """A cell that needs no statement, or None."""
    if name in ("add", "add_any"):
        return x[1] if equals(x[0], 0) else x[0] if equals(x[1], 0) else None
    if name == "sub" and equals(x[1], 0):
        return x[0]
    if name == "mul":
        return x[1] if equals(x[0], 1) else x[0] if equals(x[1], 1) else None
    if name == "div" and equals(x[1], 1):
        return x[0]
    if name == "select_n" and not isinstance(x[0], str):
        return x[1 + int(x[0])]
    if name == "select_n" and all(isinstance(case, str) and case == x[1] for case in x[2:]):
        return x[1]
    return None


def apply(code, name: str, kind: str, operands, text: str | None = None):
    """One cell from the cells of the operands."""
    simpler = _simpler(name, operands)
    return code.let(kind, (text or TEXT[name]).format(*map(written, operands))) if simpler is None else simpler


def _power(code, base, exponent: int):
    """base**exponent by squaring; the product is inverted for a negative exponent."""
    if exponent == 0:
        return code.dtype.type(1.0)
    power, left = None, abs(exponent)
    while left:
        if left & 1:
            power = base if power is None else apply(code, "mul", "real", [power, base])
        left >>= 1
        if left:
            base = apply(code, "mul", "real", [base, base])
    return power if exponent > 0 else code.let("real", f"R(1.0) / {written(power)}")


def _pow(code, eqn, kind, x):
    base, exponent = x
    if not isinstance(exponent, str):
        if float(exponent).is_integer() and abs(exponent) <= 8:
            return _power(code, base, int(exponent))
        if exponent == 0.5:
            return code.let("real", f"SQRT({written(base)})")
    return code.let("real", f"POW({written(base)}, (real)({written(exponent)}))")


def _convert(code, eqn, kind, x):
    before, after = np.dtype(eqn.invars[0].aval.dtype), np.dtype(eqn.params["new_dtype"])
    if not isinstance(x[0], str):
        return np.asarray(x[0]).astype(after)[()]
    if before == after:
        return x[0]
    if after == bool:
        return code.let("int", f"{x[0]} != 0")
    return code.let(kind, f"({kind})({x[0]})")


def _select(code, eqn, kind, x):
    which, cases = x[0], x[1:]
    if (simpler := _simpler("select_n", x)) is not None:
        return simpler
    if len(cases) == 2:
        return code.let(kind, f"{which} ? {written(cases[1])} : {written(cases[0])}")
    text = written(cases[-1])
    for index in range(len(cases) - 2, -1, -1):
        text = f"{which} == {index} ? {written(cases[index])} : ({text})"
    return code.let(kind, text)


def _clamp(code, eqn, kind, x):
    low, value, high = x
    return apply(code, "min", kind, [apply(code, "max", kind, [value, low]), high])


def _remainder(code, eqn, kind, x):
    return apply(code, "rem", kind, x, "REM({0}, {1})" if kind == "real" else "{0} % {1}")


def _not(code, eqn, kind, x):
    return apply(code, "not", kind, x, "!{0}" if eqn.invars[0].aval.dtype == bool else "~{0}")


def _abs(code, eqn, kind, x):
    return apply(code, "abs", kind, x, "ABS({0})" if kind == "real" else "{0} < 0 ? -{0} : {0}")


def _round(code, eqn, kind, x):
    return apply(code, "round", kind, x, "RINT({0})" if int(eqn.params["rounding_method"]) == 1 else "ROUND({0})")


_SPECIAL = {
    "pow": _pow, "convert_element_type": _convert, "select_n": _select, "clamp": _clamp, "rem": _remainder,
    "not": _not, "abs": _abs, "round": _round,
    "integer_pow": lambda code, eqn, kind, x: _power(code, x[0], eqn.params["y"]),
}  # fmt: skip
NAMES = TEXT.keys() | _SPECIAL.keys()


def rule(code, eqn, operands):
    """The result of an elementwise equation; operands without axes stand beside every element."""
    name, out = eqn.primitive.name, eqn.outvars[0].aval
    kind = kind_of(out.dtype, code.dtype)
    wide = [np.broadcast_to(x, out.shape).reshape(-1) for x in operands]
    special = _SPECIAL.get(name)
    if special is None:
        return [cells([apply(code, name, kind, list(x)) for x in zip(*wide, strict=True)], out.shape)]
    return [cells([special(code, eqn, kind, list(x)) for x in zip(*wide, strict=True)], out.shape)]
