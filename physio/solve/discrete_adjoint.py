"""Reverse mode: walk back over the accepted steps, each with the reverse derivative of that one step.

    y_(r+1) = step(y_r; parameters, segment),        g_r = (d step / d y)' g_(r+1)

Forward, each step of each lane leaves a row (segment, place, size, state). Backward, a lane that ended its segment with
this step first receives what its observation is worth, and hands to its boluses what they are worth. Begin and end of a
segment are columns of the plan's table, so dose times, lags and durations get their derivatives like any parameter.

Only what somebody asks a derivative of is walked back for: of a heart whose timing is known, the activation is not
differentiated.

Rows are kept for one block of steps; of each block the beginning is kept too, and how long every step was. A block whose rows
were overwritten is repeated by these lengths, not solved again: where stability limits steps, their sizes are chaotic, and a
rounding more or less, as another program makes it, leads to other steps. With memory for all rows nothing is run twice.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_derivatives import CustomVJPPrimal, SymbolicZero
from jaxtyping import Array

from physio.solve.adjoint import AbstractAdjoint
from physio.solve.consistent import renewed
from physio.solve.plan import Plan
from physio.solve.status import Status
from physio.solve.stepping import AbstractStepping, Lanes, marched, moving, running
from physio.solve.triggers import jumped
from physio.system import System

_FEWEST_ROWS = 16


class Rows(NamedTuple):
    """Steps of one block: (rows, lanes), the state (rows, states, lanes). ``share`` is 0 where none was accepted.

    ``fired`` (rows, triggers, lanes) at the end of the step.
    """

    row: Array
    s: Array
    share: Array
    arrived: Array
    y: Array
    fired: Array


class Lengths(NamedTuple):
    """What repeats the steps of a block: ``share`` and ``arrived`` (rows, lanes) and ``fired`` (rows, triggers, lanes) as in
    ``Rows``,
    ``visited`` (rows,) whether waiting lanes went on after it, and the ``number`` of steps.
    """

    share: Array
    arrived: Array
    fired: Array
    visited: Array
    number: Array


class DiscreteAdjoint(AbstractAdjoint):
    """``jax.vjp`` and ``jax.grad`` of a solve, whatever the number of parameters; no forward mode.

    ``memory`` bytes hold the rows and the beginnings of at most ``blocks`` blocks. A lane still running when they are full
    gets ``Status.ROWS_FULL``; ValueError where not even 16 rows fit. Where the steps of a solve are known, as many rows in
    one block compile a third faster.

    Where stability limits the steps, derivatives of frozen steps may grow beyond all numbers; then all those of the lane are
    nan, not some.
    """

    rows: int = 256
    memory: int = 2**30
    blocks: int = 64

    def march(self, method, system, plan, y, copies):
        if not isinstance(method, AbstractStepping):
            raise ValueError(
                f"{type(method).__name__} brings its own derivatives: pass no adjoint, or one of the project's methods"
            )
        rows = self._rows(plan, y, copies)
        arrays, static = eqx.partition(system, eqx.is_inexact_array)
        # tolerances may be traced too
        settings, scheme = eqx.partition(method, eqx.is_array)
        tape = _Tape(scheme, static, plan, rows, self.blocks)

        @jax.custom_vjp
        def run(arrays, table, y, fixed):
            now = tape.on(table, *fixed)
            lanes = now.method.march_lanes(eqx.combine(arrays, static), now.plan, y)
            return lanes.seen, lanes.y, lanes.status, lanes.steps

        def forward(*given):
            arrays, table, y, fixed = jax.tree.map(lambda x: x.value, given, is_leaf=_is_primal)
            asked = jax.tree.map(lambda x: x.perturbed, given[:2], is_leaf=_is_primal)
            lanes, *rows = tape.on(table, *fixed).recorded(arrays, y)
            before = y if plan.tells else None
            # what is asked stays in the first, the rest in the second
            parted = eqx.partition((arrays, table), asked)
            return (lanes.seen, lanes.y, lanes.status, lanes.steps), (parted, fixed, rows, lanes.status, before)

        def backward(kept, cotangents):
            (asked, known), fixed, rows, status, before = kept
            seen, final = (_materialised(x) for x in cotangents[:2])
            _, table = eqx.combine(asked, known)
            return (*tape.on(table, *fixed).walked_back(asked, known, *rows, status, seen, final, before), None)

        run.defvjp(forward, backward, symbolic_zeros=True)
        return marched(plan, *run(arrays, plan.table, y, (plan.shown, plan.at, settings)))

    def _rows(self, plan: Plan, y: Array, copies: int) -> int:
        """Rows of a block that fit beside the beginnings."""
        states, lanes = y.shape
        # a row of the block at hand, and of every block the length of the step and two flags
        one_row = (states + 4) * lanes * 8 + self.blocks * lanes * 10
        beginning = (3 * states + 8 + plan.table.shape[0]) * lanes * 8
        rows = (self.memory // copies - self.blocks * beginning) // one_row
        if rows < _FEWEST_ROWS:
            need = copies * (self.blocks * beginning + _FEWEST_ROWS * one_row)
            raise ValueError(f"DiscreteAdjoint(memory={self.memory}) is too little for {lanes} lanes of {states} states: give {need} bytes or more")
        return min(int(rows), self.rows)


def _put(all_: Any, one: Any, number: Array) -> Any:
    """``one`` as row ``number`` of every array."""
    return jax.tree.map(lambda a, x: jax.lax.dynamic_update_index_in_dim(a, x, number, 0), all_, one)


class _Tape:
    """Recording and walking back for one method, one body and one shape of plan."""

    def __init__(self, method: AbstractStepping, static: System, plan: Plan, rows: int, blocks: int):
        self.method, self.static, self.plan, self.rows, self.blocks = method, static, plan, rows, blocks

    def on(self, table: Array, shown: Array, at: Array, settings: AbstractStepping) -> "_Tape":
        """The same with these arrays in the plan and in the method."""
        plan = Plan(table, shown, at, self.plan.ports, self.plan.channels, self.plan.inputs)
        return _Tape(eqx.combine(settings, self.method), self.static, plan, self.rows, self.blocks)

    def _blank(self, system: System, lanes: Lanes) -> Rows:
        states, count = lanes.y.shape
        empty = jnp.zeros((self.rows, count), lanes.y.dtype)
        return Rows(
            jnp.zeros((self.rows, count), jnp.int32),
            empty,
            empty,
            jnp.zeros((self.rows, count), bool),
            jnp.zeros((self.rows, states, count), lanes.y.dtype),
            jnp.zeros((self.rows, len(system.triggered), count), bool),
        )

    def block(self, system: System, lanes: Lanes) -> tuple[Lanes, Rows, Array, Array]:
        """At most ``rows`` steps, their rows, after which of them waiting lanes went on (rows,), and their number."""

        def step(carry):
            lanes, rows, visited, number = carry
            after, share, fired = self.method.advanced(system, self.plan, lanes)
            arrived = (share > 0.0) & (after.s >= 1.0)
            return after, _put(rows, Rows(lanes.row, lanes.s, share, arrived, lanes.y, fired), number), visited, number + 1

        def visit(carry):
            lanes, rows, visited, number = jax.lax.while_loop(lambda c: moving(c[0]) & (c[3] < self.rows), step, carry)
            return self.method.arrive(system, self.plan, lanes), rows, visited.at[number - 1].set(True), number

        start = (lanes, self._blank(system, lanes), jnp.zeros((self.rows,), bool), jnp.zeros((), jnp.int32))
        return jax.lax.while_loop(lambda c: jnp.any(running(c[0])) & (c[3] < self.rows), visit, start)

    def repeated(self, system: System, lanes: Lanes, lengths: Lengths) -> Rows:
        """The rows of a block whose steps are known."""

        def step(carry):
            lanes, rows, number = carry
            share, arrived, fired = (x[number] for x in lengths[:3])
            rows = _put(rows, Rows(lanes.row, lanes.s, share, arrived, lanes.y, fired), number)
            after = self.method.repeated(system, self.plan, lanes, share, arrived, fired)
            after = jax.lax.cond(lengths.visited[number], lambda x: self.method.arrive(system, self.plan, x), lambda x: x, after)
            return after, rows, number + 1

        start = (lanes, self._blank(system, lanes), jnp.zeros((), jnp.int32))
        return jax.lax.while_loop(lambda c: c[2] < lengths.number, step, start)[1]

    def recorded(self, arrays: Any, y: Array):
        """All blocks: ``(lanes, blocks, their beginnings and lengths, rows of the last)``."""
        system = eqx.combine(arrays, self.static)
        lanes = self.method.start(system, self.plan, y)

        def keeping(lanes: Lanes) -> Lanes:
            return lanes._replace(seen=lanes.seen[:0])

        _, rows, visited, number = jax.eval_shape(lambda now: self.block(system, now), lanes)
        one = (keeping(lanes), Lengths(rows.share, rows.arrived, rows.fired, visited, number))
        kept = jax.tree.map(lambda x: jnp.zeros((self.blocks, *x.shape), x.dtype), one)
        rows = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), rows)

        def unfinished(carry):
            return jnp.any(running(carry[0])) & (carry[1] < self.blocks)

        def next_block(carry):
            begun, blocks, kept, _ = carry
            lanes, rows, visited, number = self.block(system, begun)
            lengths = Lengths(rows.share, rows.arrived, rows.fired, visited, number)
            return lanes, blocks + 1, _put(kept, (keeping(begun), lengths), blocks), rows

        lanes, *rest = jax.lax.while_loop(unfinished, next_block, (lanes, jnp.zeros((), jnp.int32), kept, rows))
        full = jnp.where(running(lanes), Status.ROWS_FULL, lanes.status).astype(jnp.int32)
        return lanes._replace(status=full), *rest

    def walked_back(self, asked, known, blocks, kept, rows, status, seen, final, before):
        """Cotangents of what is ``asked`` of ``(arrays, table)``, and of y, from those of the observations and of the final
        state; ``known`` is the rest, and ``before`` the state before the first stop, where events were sent.
        """
        arrays, _ = eqx.combine(asked, known)
        system = eqx.combine(arrays, self.static)
        # a lane that failed is worth nothing to anybody
        good = status == Status.OK
        seen, final = jnp.where(good, seen, 0.0), jnp.where(good, final, 0.0)

        def one_block(carry):
            block, g, g_asked, rows = carry
            begun, lengths = jax.tree.map(lambda x: x[block], kept)
            if self.blocks > 1:
                begun = begun._replace(seen=jnp.zeros(seen.shape, seen.dtype))
                again = lambda _: self.repeated(system, begun, lengths)
                rows = jax.lax.cond(block == blocks - 1, lambda _: rows, again, None)
            start = (lengths.number - 1, g, g_asked)
            back = jax.lax.while_loop(
                lambda c: c[0] >= 0, lambda c: self._one_row(asked, known, rows, good, seen, c), start
            )
            return block - 1, *back[1:], rows

        start = (blocks - 1, final, jax.tree.map(jnp.zeros_like, asked), rows)
        _, g, (g_arrays, g_table), _ = jax.lax.while_loop(lambda c: c[0] >= 0, one_block, start)
        # what happened at the first stop came before the first step
        first = jnp.zeros(good.shape, jnp.int32)
        g, (g_arrays, g_table) = self._stop(asked, known, first, before, good, g, (g_arrays, g_table))
        return _all_or_nothing((g_arrays, g_table, g))

    def _one_row(self, asked, known, rows: Rows, good, seen, carry):
        """Undo one step of every lane that took it."""
        number, g, (g_arrays, g_table) = carry
        row, s, share, arrived, y, fired = jax.tree.map(lambda x: x[number], rows)
        lane = jnp.arange(y.shape[1])
        took = (share > 0.0) & good
        arrived = arrived & good
        several = self.plan.table.shape[1] > 1
        # where there is but one segment its end is the end of all, and nothing needs looking up
        here = (slice(None), row, lane) if several else (slice(None), 0)
        column = self.plan.table[here]

        def step(arrays, moved, y):
            system = eqx.combine(arrays, known[0], self.static)
            field = self.plan.field(system, self.plan.columns(column if moved is None else moved))
            if field.algebraic.any():
                # implied variables followed from the state when the segment began
                y = jnp.where(s == 0.0, renewed(field, s, y), y)
            new = self.method.attempt(field, s, share, y, self.method.begin(field, s, y)).y
            return jumped(field, s + share, new, fired) if field.triggers else new

        new, pull = jax.vjp(step, asked[0], None if g_table is None else column, y)
        if several:
            # after its segment a lane met its observation, then the events and boluses of the next segment
            on = arrived & (column[1] < self.plan.at[-1])
            g, (g_arrays, g_table) = self._stop(asked, known, row + 1, new, on, g, (g_arrays, g_table))
            which = jnp.where(arrived, self.plan.shown[row, lane], self.plan.at.shape[0])
            g = g + seen.at[which, :, lane].get(mode="fill", fill_value=0.0).T
        back = pull(jnp.where(took, g, 0.0))
        of_arrays, of_column, of_y = jax.tree.map(lambda x: jnp.where(took, x, 0.0), back)
        if g_table is not None:
            g_table = g_table.at[here].add(of_column)
        return number - 1, jnp.where(took, of_y, g), (jax.tree.map(jnp.add, g_arrays, of_arrays), g_table)

    def _stop(self, asked, known, row: Array, y: Array, where: Array, g: Array, g_asked):
        """Undo what happened at the beginning of segment ``row`` of the lanes ``where``: y was the state before it."""
        g_arrays, g_table = g_asked
        lane = jnp.arange(g.shape[1])
        if self.plan.tells:
            column = self.plan.table[:, row, lane]

            def begun(arrays, moved, y):
                system = eqx.combine(arrays, known[0], self.static)
                return self.plan.begun(system, self.plan.columns(column if moved is None else moved), y)

            back = jax.vjp(begun, asked[0], None if g_table is None else column, y)[1](jnp.where(where, g, 0.0))
            of_arrays, of_column, of_y = jax.tree.map(lambda x: jnp.where(where, x, 0.0), back)
            if g_table is not None:
                g_table = g_table.at[:, row, lane].add(of_column, mode="drop")
            return jnp.where(where, of_y, g), (jax.tree.map(jnp.add, g_arrays, of_arrays), g_table)
        if g_table is not None:
            for k, port in enumerate(self.plan.ports):
                g_table = g_table.at[2 + k, row, lane].add(jnp.where(where, g[port], 0.0), mode="drop")
        return g, (g_arrays, g_table)


def _is_primal(x: Any) -> bool:
    return isinstance(x, CustomVJPPrimal)


def _materialised(cotangent: Any) -> Array:
    """Zeros in the place of a cotangent that nobody asked for."""
    return jnp.zeros(cotangent.shape, cotangent.dtype) if isinstance(cotangent, SymbolicZero) else cotangent


def _all_or_nothing(cotangents: Any) -> Any:
    """(..., lanes) with nan in every entry of a lane that has one that is not finite."""
    whole = [(jnp.abs(x) < jnp.inf).all(axis=tuple(range(x.ndim - 1))) for x in jax.tree.leaves(cotangents)]
    sound = jnp.stack(whole).all(axis=0)
    return jax.tree.map(lambda x: jnp.where(sound, x, jnp.nan), cotangents)
