"""The primitive behind `as_number` and `as_quantity`: identity at run time, a change of unit for the checker.

``unit_mark`` carries two static parameters: `needs`, the unit its operand must carry (None: any), and
`times`, by which the operand's unit is multiplied. A derivative has the unit of output over input, so
tangents and cotangents pass through the same factor `times` but need no particular unit of their own.
"""

import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from physio.units.algebra import Unit

unit_mark_p = Primitive("unit_mark")
unit_mark_p.def_impl(lambda x, **_: x)
unit_mark_p.def_abstract_eval(lambda x, **_: x)
mlir.register_lowering(unit_mark_p, lambda context, x, **_: [x])
batching.defvectorized(unit_mark_p)


def mark(x, needs: Unit | None, times: Unit):
    """`x` itself, as an array, with the change of unit recorded in any trace."""
    return unit_mark_p.bind(jnp.asarray(x), needs=needs, times=times)


def _jvp(primals, tangents, *, needs, times):
    (x,), (tangent,) = primals, tangents
    value = unit_mark_p.bind(x, needs=needs, times=times)
    if type(tangent) is ad.Zero:
        return value, tangent
    return value, unit_mark_p.bind(tangent, needs=None, times=times)


def _transpose(cotangent, x, *, needs, times):
    if type(cotangent) is ad.Zero:
        return [cotangent]
    return [unit_mark_p.bind(cotangent, needs=None, times=times)]


ad.primitive_jvps[unit_mark_p] = _jvp
ad.primitive_transposes[unit_mark_p] = _transpose
