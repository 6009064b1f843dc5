"""Which sensed signals the outputs of a part use: only those must be known before it is evaluated.

A part that senses its neighbours in its rates alone waits for nobody, so two such parts may sense each other.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from physio.component import AbstractPart, units_of
from physio.part_check import equations

_known: dict[type, frozenset[str]] = {}


def read_by_outputs(part: AbstractPart) -> frozenset[str]:
    """Names of the fields of ``Sensed`` that ``outputs`` depends on, found for each class once."""
    cls = type(part)
    if cls not in _known:
        _known[cls] = _read(part) if units_of(cls.Sensed) else frozenset()
    return _known[cls]


def _read(part: AbstractPart) -> frozenset[str]:
    one = jnp.asarray(1.0)
    wanted = next(arguments for method, arguments, _ in equations(type(part)) if method == "outputs")
    names = sorted(units_of(part.Sensed))

    def outputs(sensed):
        made = []
        for argument in wanted:
            if argument is part.Sensed:
                made.append(part.Sensed(**sensed))
            else:
                made.append(one if isinstance(argument, str) else argument(**dict.fromkeys(units_of(argument), one)))
        return eqx.filter(part.outputs(*made), eqx.is_array)

    jaxpr = jax.make_jaxpr(outputs)(dict.fromkeys(names, 1.0)).jaxpr
    # the leaves of a dictionary come in sorted order
    origin = {var: {name} for var, name in zip(jaxpr.invars, names, strict=True)}

    def behind(variables):
        return set().union(*(origin.get(v, ()) for v in variables if not isinstance(v, Literal)))

    for eqn in jaxpr.eqns:
        origin |= dict.fromkeys(eqn.outvars, behind(eqn.invars))
    return frozenset(behind(jaxpr.outvars))
