"""One explicit Runge-Kutta step from its tableau, for all lanes.

    k_i = f(s + c_i h, y + h sum_j a_ij k_j),    y_new = y + h sum b_i k_i,    error = h sum e_i k_i

Fences stand on every rate and every state handed to the rates, or a CPU's compiler computes stages again and again.
"""

from typing import NamedTuple

import jax
from jaxtyping import Array

from physio.fence import always_true, fence
from physio.solve.plan import Field
from physio.solve.stepping import Attempt


class Tableau(NamedTuple):
    """Nodes, stage weights, weights of the new state, and of its error (empty where none is estimated).

    With ``reuse`` the rate at the new state counts as a last stage of the error and is the first of the next step.
    """

    c: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]
    e: tuple[float, ...]
    reuse: bool


def rate(field: Field, s: Array, y: Array) -> Array:
    """The first stage. ValueError where rows are not rates."""
    if field.algebraic.any():
        raise ValueError("an explicit method cannot solve for implied variables: use Rodas4() or Rodas5P()")
    return fence(field(s, y), always_true(s))


def explicit_step(tableau: Tableau, field: Field, s: Array, h: Array, y: Array, first: Array) -> Attempt:
    """One step from s to s + h; ``first`` is the rate at (s, y)."""
    always = always_true(s)

    # traced once for all stages
    @jax.jit
    def rhs(s, y):
        return fence(field(s, y), always)

    def moved(k, weights):
        total = sum(w * ki for w, ki in zip(weights, k, strict=True) if w != 0.0)
        return fence(y + h * total, always)

    k = [first]
    for c, row in zip(tableau.c[1:], tableau.a[1:], strict=True):
        k.append(rhs(s + c * h, moved(k, row)))
    new = moved(k, tableau.b)
    if tableau.reuse:
        k.append(rhs(s + h, new))
        memory = k[-1]
    else:
        memory = rhs(s + h, new)
    error = h * sum(w * ki for w, ki in zip(tableau.e, k, strict=True)) if tableau.e else 0.0 * new
    return Attempt(new, error, memory)
