"""What each jax primitive does to units.

A rule maps an equation and the quantities of its operands to the unit of its results (or one unit for each),
or raises `Clash`. Sums, comparisons and choices need equal units, scale included; products multiply them;
powers raise them; exponentials, logarithms, angles and roundings need a pure number, because their result
would depend on the unit chosen. An array has one unit for all its elements.
"""

import math
from fractions import Fraction

import jax.numpy as jnp

from physio.units.quantity import PURE, Clash, difference, join, pure, shown
from physio.units.algebra import Unit


def _product(eqn, operands) -> Unit | None:
    a, b = operands[0].unit, operands[1].unit
    return None if a is None or b is None else a * b


def _quotient(eqn, operands) -> Unit | None:
    a, b = operands[0].unit, operands[1].unit
    return None if a is None or b is None else a / b


def _raise(given: Unit | None, exponent) -> Unit | None:
    return None if given is None else given ** exponent


def _raised(exponent: Fraction):
    return lambda eqn, operands: _raise(operands[0].unit, exponent)


def _pow(eqn, operands):
    base, exponent = operands
    if exponent.value is not None and math.isfinite(exponent.value):
        return _raise(base.unit, float(exponent.value))
    return pure("a power with a variable exponent", operands)


def _convert(eqn, operands):
    kind = eqn.params["new_dtype"]
    if kind == bool:
        return PURE    # true where not zero, in any unit
    if jnp.issubdtype(kind, jnp.integer) and jnp.issubdtype(eqn.invars[0].aval.dtype, jnp.floating):
        return pure("rounding to an integer", operands)
    return operands[0].unit


def _reduce_prod(eqn, operands):
    before, after = eqn.invars[0].aval.size, eqn.outvars[0].aval.size
    return _raise(operands[0].unit, before // max(after, 1))


def _triangular_solve(eqn, operands):
    # The unit-diagonal factor of an LU factorisation holds ratios, though packed with the other factor.
    return operands[1].unit if eqn.params["unit_diagonal"] else _quotient(eqn, operands[::-1])


def _unit_mark(eqn, operands):
    needs, given = eqn.params["needs"], operands[0].unit
    if needs is not None and given is not None and not needs.same(given):
        name = "as_quantity" if PURE.same(needs) else f"as_number(x, '{needs}')"
        raise Clash(f"{name} needs {shown(needs)}, got {shown(given)} ({difference(needs, given)})")
    base = given if needs is None else needs
    return None if base is None else base * eqn.params["times"]


def _alike(action: str, count: int | None = None):
    return lambda eqn, operands: join(action, operands[:count])


def _scattered(action: str):
    return lambda eqn, operands: join(action, (operands[0], operands[2]))    # between them stand the indices


def _scatter_mul(eqn, operands):
    pure("multiplying in place", operands[2:3])
    return operands[0].unit


def _compared(eqn, operands):
    join("compare", [operand for operand in operands if not operand.guard])
    return PURE


def _chosen(eqn, operands):
    cases = [case for case in operands[1:] if not case.guard]
    return join("choose between", cases or operands[1:])


def _atan2(eqn, operands):
    join("take the angle of", operands)
    return PURE


def _first(eqn, operands):
    return operands[0].unit


def _each(eqn, operands):
    return [operand.unit for operand in operands]


def _first_then_indices(eqn, operands):
    return [operands[0].unit, *[PURE] * (len(eqn.outvars) - 1)]


# The elements of the result are elements of the first operand.
MOVES = set("""
    copy copy_p broadcast_in_dim broadcast_to reshape squeeze expand_dims transpose rev slice dynamic_slice
    gather split unstack tile reduce_max reduce_min cummax cummin name stop_gradient device_put pvary
    sharding_constraint layout_constraint reshard
""".split())
_LINEAR = "neg abs real imag conj reduce_precision reduce_sum cumsum reduce_window_sum".split()
_OF_NUMBERS = """
    exp exp2 expm1 log log2 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh logistic erf
    erfc erf_inv lgamma digamma polygamma zeta igamma igammac random_gamma regularized_incomplete_beta
    bessel_i0e bessel_i1e floor ceil round one_minus_square cumprod cumlogsumexp and or not xor clz
    population_count shift_left shift_right_logical shift_right_arithmetic
""".split()
_TO_NUMBERS = "sign is_finite argmax argmin reduce_and reduce_or reduce_xor iota".split()
_COMPARISONS = "eq ne lt le gt ge eq_to lt_to le_to SearchSorted".split()

RULES = {
    **dict.fromkeys((*MOVES, *_LINEAR), _first),
    **{name: lambda eqn, operands, name=name: pure(name, operands) for name in _OF_NUMBERS},
    **dict.fromkeys(_TO_NUMBERS, lambda eqn, operands: PURE),
    **dict.fromkeys(_COMPARISONS, _compared),
    **dict.fromkeys(("optimization_barrier", "sort"), _each),
    **dict.fromkeys(("lu", "top_k"), _first_then_indices),
    **dict.fromkeys(("add", "add_any"), _alike("add")),
    **dict.fromkeys(("mul", "dot_general", "conv_general_dilated"), _product),
    **dict.fromkeys(("concatenate", "stack"), _alike("put into one array")),
    **dict.fromkeys(("scatter", "scatter-min", "scatter-max"), _scattered("write into one array")),
    **dict.fromkeys(("scatter-add", "scatter-sub"), _scattered("add")),
    "scatter-mul": _scatter_mul,
    "sub": _alike("subtract"),
    "rem": _alike("take the remainder of"),
    "max": _alike("take the maximum of"),
    "min": _alike("take the minimum of"),
    "nextafter": _alike("step between"),
    "clamp": _alike("clip"),
    "pad": _alike("pad"),
    "dynamic_update_slice": _alike("write into one array", 2),
    "select_n": _chosen,
    "atan2": _atan2,
    "div": _quotient,
    "integer_pow": lambda eqn, operands: _raise(operands[0].unit, eqn.params["y"]),
    "pow": _pow,
    "square": _raised(Fraction(2)),
    "sqrt": _raised(Fraction(1, 2)),
    "rsqrt": _raised(Fraction(-1, 2)),
    "cbrt": _raised(Fraction(1, 3)),
    "cholesky": _raised(Fraction(1, 2)),
    "reduce_prod": _reduce_prod,
    "convert_element_type": _convert,
    "triangular_solve": _triangular_solve,
    "unit_mark": _unit_mark,
}


def unknown(name: str, eqn, operands) -> Unit | None:
    """The rule for every other primitive: numbers in, numbers out; a unit is an error with its name."""
    for operand in operands:
        given = operand.unit
        if given is not None and not given.same(PURE) and eqn.outvars:
            fix = f"use as_number(x, '{given}') before and as_quantity after"
            raise Clash(f"no unit rule for primitive '{name}': it needs {shown(PURE)}, got {given}; {fix}")
    return None if any(operand.unit is None for operand in operands) else PURE
