"""A right-hand side of one trajectory, ready to be written into a kernel.

    dy/dt = rhs(t, y, p)        y (n,), p (P,), t a scalar; any jnp function of fixed shapes

Its rate is emitted from its own jaxpr, the vector-Jacobian product from that of ``jax.vjp``:

    (c . d rhs/dy, c . d rhs/dp)        c (n,) the cotangent of the rate
"""

import dataclasses
from collections.abc import Callable

import jax
import numpy as np

from physio.solve.kernel.cells import Cell, names, written
from physio.solve.kernel.statements import Code, Statement, hoisted, needed
from physio.solve.kernel.emit import emit


@dataclasses.dataclass(frozen=True)
class Model:
    """``rhs(t, y (states,), p (parameters,)) -> (states,)`` in the precision ``dtype``."""

    rhs: Callable
    states: int
    parameters: int
    dtype: np.dtype = np.dtype(np.float64)

    def __post_init__(self):
        object.__setattr__(self, "dtype", np.dtype(self.dtype))
        if self.states < 1:
            raise ValueError("a kernel integrates at least one state")
        shape = jax.eval_shape(self.rhs, *self.arguments).shape
        if shape != (self.states,):
            raise ValueError(f"the right-hand side returns shape {shape}, expected ({self.states},)")

    @property
    def arguments(self) -> tuple[jax.ShapeDtypeStruct, ...]:
        """Shapes of t, y and p."""
        return tuple(jax.ShapeDtypeStruct(shape, self.dtype) for shape in ((), (self.states,), (self.parameters,)))


@dataclasses.dataclass(frozen=True)
class Straight:
    """Statements and the cells they end in."""

    statements: list[Statement]
    results: list[Cell]

    @property
    def lines(self) -> list[str]:
        return [s.line for s in self.statements]


@dataclasses.dataclass(frozen=True)
class Emitted:
    """A model as C. The names are ``t``, ``y0``.., ``p0``.. and, for the pullback, ``c0``..

    ``before``   statements on parameters alone, run once for each trajectory
    ``carried``  those of their results that the rest reads: (kind, name)
    ``rate``     results: the n rates
    ``pullback`` results: n cotangents of y, then P of p; None where not asked for
    """

    model: Model
    before: list[Statement]
    carried: list[tuple[str, str]]
    rate: Straight
    pullback: Straight | None

    @property
    def operations(self) -> int:
        """Statements of one evaluation of the rate."""
        return len(self.rate.statements)


def emitted(model: Model, *, pullback: bool = False) -> Emitted:
    """Trace and emit; UnsupportedPrimitive where the model has no straight-line C."""
    n, p, rhs = model.states, model.parameters, model.rhs
    code = Code(model.dtype)
    given = [names("t", ()), names("y", (n,)), names("p", (p,))]
    (rate,) = emit(code, jax.make_jaxpr(lambda t, y, p: rhs(t, y, p).astype(model.dtype))(*model.arguments), given)
    rate, back = list(rate), []
    if pullback:

        def transposed(t, y, p, c):
            return jax.vjp(lambda y, p: rhs(t, y, p).astype(model.dtype), y, p)[1](c)

        closed = jax.make_jaxpr(transposed)(*model.arguments, model.arguments[1])
        back = [cell for x in emit(code, closed, [*given, names("c", (n,))]) for cell in x]
    before, carried, rest = hoisted(code.statements, [*rate, *back], lambda name: name[0] in "tyc")
    kinds = {s.name: s.kind for s in before}
    return Emitted(
        model,
        before,
        [(kinds[name], name) for name in carried],
        Straight(needed(rest, rate), rate),
        Straight(needed(rest, back), back) if pullback else None,
    )


def assign(target: Callable[[int], str], results: list[Cell], operator: str = "=") -> list[str]:
    """``target(i) = result;`` for each result; with ``+=`` what is zero is left out."""
    keep = [(i, cell) for i, cell in enumerate(results) if operator == "=" or isinstance(cell, str) or cell != 0]
    return [f"{target(i)} {operator} {written(cell)};" for i, cell in keep]
