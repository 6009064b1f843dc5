"""What the equations of a part read: which sensed signals its outputs, which of its own states each of its rates.

A part that senses its neighbours in its rates alone waits for nobody, so two such parts may sense each other. Found by
following the traced equations from their inputs on.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from physio.component import LINKS, STATEFUL, AbstractImplicitPart, AbstractPart, carried_by, units_of
from physio.part_check import equations

_outputs: dict[type, frozenset[str]] = {}
_rates: dict[type, dict[str, frozenset[str]]] = {}


def read_by_outputs(part: AbstractPart) -> frozenset[str]:
    """Names of the fields of ``Sensed`` that ``outputs`` depends on, found for each class once."""
    cls = type(part)
    if cls not in _outputs:
        sensed = units_of(cls.Sensed)
        found = _behind(lambda read: _called(part, "outputs", {cls.Sensed: read}), sensed) if sensed else {}
        _outputs[cls] = frozenset().union(*found.values())
    return _outputs[cls]


def read_by_rates(part: AbstractPart) -> dict[str, frozenset[str]]:
    """For each row that the part carries, those of its own rows that the rate, or the residual, depends on by itself."""
    cls = type(part)
    if cls not in _rates:
        rows = [f.name for f in carried_by(cls)] if issubclass(cls, STATEFUL) else []
        _rates[cls] = _behind(lambda read: _moved(part, read), rows) if rows else {}
    return _rates[cls]


def _moved(part: AbstractPart, rows: dict) -> dict:
    """Rates, and residuals under the names of the implied variables, as functions of the rows."""
    cls = type(part)
    known = [cls.State, *([cls.Implied] if issubclass(cls, AbstractImplicitPart) else [])]
    given = {ports: {name: rows[name] for name in units_of(ports)} for ports in known}
    if not issubclass(cls, LINKS):
        given[cls.Outputs] = _called(part, "outputs", given)
    moved = _called(part, "rates", given)
    if issubclass(cls, AbstractImplicitPart):
        moved |= zip(units_of(cls.Implied), _called(part, "residual", given).values(), strict=True)
    return moved


def _called(part: AbstractPart, method: str, given: dict) -> dict:
    """A method's result by name, ones in the place of what is not given."""
    one = jnp.asarray(1.0)
    wanted, result = next((a, r) for name, a, r in equations(type(part)) if name == method)
    made = [
        one if isinstance(kind, str) else kind(**given.get(kind, dict.fromkeys(units_of(kind), one))) for kind in wanted
    ]
    out = getattr(part, method)(*made)
    return {name: getattr(out, name) for name in units_of(result[0] if isinstance(result, tuple) else result)}


def _behind(function: Callable[[dict], dict], names) -> dict[str, frozenset[str]]:
    """Result -> the names among the arguments that it depends on."""
    names = sorted(names)
    closed, shape = jax.make_jaxpr(function, return_shape=True)(dict.fromkeys(names, 1.0))
    # the leaves of a dictionary come in sorted order
    origin = {var: {name} for var, name in zip(closed.jaxpr.invars, names, strict=True)}

    def behind(variables):
        return set().union(*(origin.get(v, ()) for v in variables if not isinstance(v, Literal)))

    for eqn in closed.jaxpr.eqns:
        origin |= dict.fromkeys(eqn.outvars, behind(eqn.invars))
    return {name: frozenset(behind([v])) for name, v in zip(sorted(shape), closed.jaxpr.outvars, strict=True)}
