"""A body on one segment of its plan as a model that a kernel integrates: dy/ds = length * rates, s from 0 to 1.

All numbers of one lane (parameters of the parts, begin and end of the segment, dose rates, input levels) are one vector p,
so that nothing about a person is compiled in.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.fence import no_fences
from physio.solve.kernel.model import Model
from physio.solve.kernel.unsupported import NoKernel
from physio.solve.plan import Plan, Segment
from physio.system import System


def model_of(system: System, plan: Plan) -> Model:
    """The right-hand side of one lane. NoKernel where a kernel has no form for the body."""
    if system.algebraic.any():
        raise NoKernel("a kernel solves for no implied variables: use Rodas4() or Rodas5P() without one")
    if system.triggered:
        raise NoKernel(f"a kernel has no jumps at crossings ('{system.triggered[0]}'): use Tsit5() without one")
    numbers, static = eqx.partition(system.narrowed(1), eqx.is_inexact_array)
    leaves, structure = jax.tree.flatten(numbers)
    shapes = [leaf.shape[:-1] for leaf in leaves]
    sizes = [int(np.prod(shape, dtype=int)) for shape in shapes]
    ends = np.cumsum([0, *sizes])
    doses = len(plan.channels)

    def rhs(t, y, p):
        own = [p[a:b].reshape(*shape, 1) for a, b, shape in zip(ends[:-1], ends[1:], shapes, strict=True)]
        one = eqx.combine(jax.tree.unflatten(structure, own), static)
        rest = p[ends[-1] :][:, None]
        levels = rest[2 + doses :]
        segment = Segment(rest[0], rest[1], rest[:0], rest[2 : 2 + doses], levels)
        with no_fences():
            return plan.field(one, segment)(t[None], y[:, None])[:, 0]

    states = len(system.state_names)
    return Model(rhs, states, int(ends[-1]) + 2 + doses + len(plan.inputs), np.dtype(system.dtype))


def given(system: System, segment: Segment) -> Array:
    """(P, lanes): the vector p of every lane."""
    numbers = [leaf.reshape(-1, leaf.shape[-1]) for leaf in jax.tree.leaves(eqx.filter(system, eqx.is_inexact_array))]
    ours = [segment.begin[None], segment.end[None], segment.rate, segment.level]
    return jnp.concatenate([x.astype(system.dtype) for x in (*numbers, *ours)])
