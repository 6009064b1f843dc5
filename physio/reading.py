"""Which sensed signals the outputs of a part use: only those must be known before it is evaluated.

A part that senses its neighbours in its rates alone waits for nobody, so two such parts may sense each other.
"""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from physio.component import AbstractController, AbstractImplicitPart, AbstractPart, units_of


def read_by_outputs(part: AbstractPart) -> frozenset[str]:
    """Names of the fields of ``Sensed`` that ``outputs`` depends on, for each class once."""
    names = units_of(part.Sensed)
    return _read(type(part), jax.tree.structure(part)) if names else frozenset()


@functools.cache
def _read(cls: type, structure) -> frozenset[str]:
    part = jax.tree.unflatten(structure, [jnp.asarray(1.0)] * structure.num_leaves)
    one = {n: 1.0 for n in units_of(cls.Sensed)}

    def ones(ports):
        return ports(**{f.name: jnp.asarray(1.0) for f in dataclasses.fields(ports)})

    carried = [] if issubclass(cls, AbstractController) else [ones(cls.State)]
    carried += [ones(cls.Implied)] if issubclass(cls, AbstractImplicitPart) else []

    def outputs(sensed):
        return eqx.filter(part.outputs(jnp.asarray(1.0), *carried, cls.Sensed(**sensed)), eqx.is_array)

    closed = jax.make_jaxpr(outputs)(one)
    # dict leaves come in sorted order
    origin = {var: {name} for var, name in zip(closed.jaxpr.invars, sorted(one), strict=True)}
    for eqn in closed.jaxpr.eqns:
        found = set().union(*(origin.get(v, ()) for v in eqn.invars if not isinstance(v, Literal)))
        origin |= dict.fromkeys(eqn.outvars, found)
    used = (origin.get(v, ()) for v in closed.jaxpr.outvars if not isinstance(v, Literal))
    return frozenset().union(*used)
