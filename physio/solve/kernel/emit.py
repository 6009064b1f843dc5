"""From the jaxpr of a function of one trajectory to straight-line C.

    f(t, y, p)  ->  jaxpr  ->  const real v0 = ...; const real v1 = ...; ...

Every variable of the jaxpr becomes an array of cells (``physio.solve.kernel.cells``). Moving elements costs nothing,
arithmetic writes one statement per element, calls are written in place, what is known is computed at once.
"""

import jax
import numpy as np
from jax.extend.core import Literal

from physio.solve.kernel import control, elementwise, shapes
from physio.solve.kernel.cells import known, numbers, values
from physio.solve.kernel.statements import Code
from physio.solve.kernel.unsupported import UnsupportedPrimitive
from physio.units.source import definition, locate


def emit(code: Code, closed, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Write a closed jaxpr into ``code``; cells of its results. ``inputs``: cells of each argument.

    UnsupportedPrimitive where a primitive, a dtype or a loop has no straight-line C.
    """
    return _walk(code, closed, inputs, definition(closed.jaxpr))


def _walk(code: Code, closed, operands, call: str) -> list[np.ndarray]:
    jaxpr = getattr(closed, "jaxpr", closed)
    env = dict(zip(jaxpr.constvars, (_constant(c, call) for c in getattr(closed, "consts", ())), strict=False))
    env.update(zip(jaxpr.invars, operands, strict=True))

    def read(atom):
        return numbers(np.asarray(atom.val, atom.aval.dtype)) if isinstance(atom, Literal) else env[atom]

    for eqn in jaxpr.eqns:
        place, _ = locate(eqn, call)
        try:
            results = _apply(code, eqn, [read(atom) for atom in eqn.invars], place)
        except OverflowError as error:
            raise UnsupportedPrimitive(eqn.primitive.name, place, f"unrolled, it makes {error}") from None
        env.update(zip(eqn.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _constant(value, call: str) -> np.ndarray:
    if isinstance(value, jax.core.Tracer):
        why = "the right-hand side closes over a traced value, which a kernel must be given as a parameter"
        raise UnsupportedPrimitive("closed_over_tracer", call, why)
    return numbers(value)


def _apply(code: Code, eqn, operands, place: str) -> list[np.ndarray]:
    name = eqn.primitive.name
    if name in elementwise.SAME:
        return operands
    if name == "reduce_precision" and _keeps_precision(eqn, code.dtype):
        return operands
    if name in control.CALLS:
        inner = control.inner_of(eqn)
        if inner is None or len(getattr(inner, "jaxpr", inner).invars) != len(operands):
            raise UnsupportedPrimitive(name, place, "a call whose body cannot be read")
        return _walk(code, inner, operands, place)
    if name in control.RULES:
        found = control.RULES[name](code, eqn, operands, lambda jaxpr, x: _walk(code, jaxpr, x, place))
        if found is None:
            raise UnsupportedPrimitive(name, place, "how often it runs is not known when the kernel is written")
        return found
    if operands and all(map(known, operands)) and name not in shapes.MOVES:
        return _computed(eqn, operands)
    if name in shapes.RULES:
        found = shapes.RULES[name](code, eqn, operands)
        if found is None:
            raise UnsupportedPrimitive(name, place, "its indices are not known when the kernel is written")
        return found
    if name not in elementwise.NAMES:
        raise UnsupportedPrimitive(name, place)
    for var in (*eqn.invars, *eqn.outvars):
        if elementwise.kind_of(var.aval.dtype, code.dtype) is None and not _is_number(var, operands, eqn):
            why = f"{var.aval.dtype} has no place in a kernel that computes in {code.dtype}"
            raise UnsupportedPrimitive(name, place, why)
    return elementwise.rule(code, eqn, operands)


def _is_number(var, operands, eqn) -> bool:
    return any(var is given and known(x) for given, x in zip(eqn.invars, operands, strict=True))


def _keeps_precision(eqn, real) -> bool:
    info = np.finfo(real)
    return eqn.params["exponent_bits"] >= info.nexp and eqn.params["mantissa_bits"] >= info.nmant


def _computed(eqn, operands) -> list[np.ndarray]:
    """The numbers an equation gives when all its operands are numbers."""
    given = [values(x, var.aval.dtype) for x, var in zip(operands, eqn.invars, strict=True)]
    if eqn.primitive.name == "convert_element_type":
        return [numbers(given[0].astype(eqn.params["new_dtype"]))]
    with jax.ensure_compile_time_eval():
        out = eqn.primitive.bind(*given, **eqn.params)
    return [numbers(x) for x in (out if eqn.primitive.multiple_results else [out])]
