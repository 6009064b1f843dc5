"""One loop over steps for all lanes, each with its own step size, its own stops and its own end.

Two loops are nested. The inner one does nothing but steps; a lane that has reached its next stop waits there. When a
quarter of the lanes wait, or none can go on, the outer loop lets every waiting lane see its observation, take its boluses
and begin its next segment. So stops cost a cohort no common pace, and steps carry no logic of stops.

Step sizes are constants of the derivative: what is differentiated is the sequence of steps that was taken.
"""

import abc
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.solve.consistent import consistent
from physio.solve.method import AbstractMethod, Marched
from physio.solve.plan import Field, Plan
from physio.solve.status import Status
from physio.solve.triggers import Outcome, Search, aimed, judged, jumped, nothing_sought
from physio.system import System

# more waiting lanes waste steps, fewer cause more visits to the outer loop
_WAITING = 4


class Attempt(NamedTuple):
    """A step that was tried: the new state, its error (states, lanes), and what the next step may use again."""

    y: Array
    error: Array
    memory: Any


class Verdict(NamedTuple):
    """Whether a step is good enough (lanes,), and the factor to the next step's size (lanes,)."""

    accept: Array
    factor: Array


class Lanes(NamedTuple):
    """What the loops carry; all (lanes,) but the last four. ``search`` is for a crossing inside the next step.

    ``row``      the segment a lane is in, and ``s`` how far it is, from 0 to 1
    ``h``        its next step on the body's clock
    ``column``   its column of the plan's table (rows, lanes)
    ``y``        (states, lanes)
    ``memory``   of the scheme
    ``seen``     (times, states, lanes)
    """

    row: Array
    s: Array
    h: Array
    done: Array
    status: Array
    steps: Array
    search: Search
    column: Array
    y: Array
    memory: Any
    seen: Array


class AbstractStepping(AbstractMethod):
    """A method made of steps: a scheme that tries them and a rule for their size."""

    @abc.abstractmethod
    def begin(self, field: Field, s: Array, y: Array) -> Any:
        """What the scheme carries from step to step; made anew at each stop."""

    @abc.abstractmethod
    def attempt(self, field: Field, s: Array, h: Array, y: Array, memory: Any) -> Attempt:
        """One step from s to s + h of every lane; a lane with h = 0 stays where it is."""

    @abc.abstractmethod
    def propose(self, h: Array, length: Array, s: Array) -> tuple[Array, Array]:
        """``(step as a share of the segment, whether it reaches the end)``."""

    @abc.abstractmethod
    def judge(self, y: Array, new: Array, error: Array) -> Verdict:
        """What to make of an attempt."""

    @abc.abstractmethod
    def first(self) -> float:
        """The first step, on the body's clock."""

    @abc.abstractmethod
    def budget(self) -> int:
        """Most steps of a lane, rejected ones included."""

    def march(self, system: System, plan: Plan, y: Array, left_out: Array | bool = False) -> Marched:
        """From y (states, lanes); lanes that are ``left_out`` stay there."""
        lanes = self.march_lanes(system, plan, y, left_out)
        return marched(plan, lanes.seen, lanes.y, lanes.status, lanes.steps)

    def march_lanes(self, system: System, plan: Plan, y: Array, left_out: Array | bool = False) -> Lanes:
        """Where all lanes are at the end."""
        lanes = self.start(system, plan, y)
        lanes = lanes._replace(done=lanes.done | left_out)

        def unfinished(lanes):
            return jnp.any(running(lanes))

        def visit(lanes):
            # observations stay out of the inner loop, which would copy them
            seen = lanes.seen
            lanes = jax.lax.while_loop(moving, lambda now: self.advanced(system, plan, now)[0], lanes._replace(seen=None))
            return self.arrive(system, plan, lanes._replace(seen=seen))

        return jax.lax.while_loop(unfinished, visit, lanes)

    def start(self, system: System, plan: Plan, y: Array) -> Lanes:
        """All lanes at the beginning of their first segment."""
        count = system.lanes
        column = plan.table[:, 0]
        segment = plan.columns(column)
        zero = jnp.zeros((count,), y.dtype)
        whole = jnp.zeros((count,), jnp.int32)
        y, memory, status = self.entered(plan.field(system, segment), zero, plan.begun(system, segment, y), whole)
        seen = jnp.zeros((plan.at.shape[0], *y.shape), y.dtype)
        first = jnp.full((count,), self.first(), y.dtype)
        done = jnp.zeros((count,), bool)
        return Lanes(whole, zero, first, done, status, whole, nothing_sought(zero), column, y, memory, seen)

    def entered(self, field: Field, s: Array, y: Array, status: Array) -> tuple[Array, Any, Array]:
        """``(y, memory, status)`` at the beginning of a segment, after its boluses."""
        if field.algebraic.any():
            y, lost = consistent(field, s, y)
            status = jnp.where(lost, Status.INCONSISTENT, status).astype(jnp.int32)
        return y, self.begin(field, s, y), status

    def advanced(self, system: System, plan: Plan, lanes: Lanes) -> tuple[Lanes, Array, Array]:
        """All lanes after one step of those that neither wait nor are done.

        Second and third: the share of the segment that was accepted (lanes,), and which triggers fired (triggers, lanes).
        """
        segment = plan.columns(lanes.column)
        field = plan.field(system, segment)
        length = jax.lax.stop_gradient(segment.end - segment.begin)
        active = running(lanes) & (lanes.s < 1.0)
        share, last = self.propose(lanes.h, length, lanes.s)
        if field.triggers:
            share, last = aimed(lanes.search, share, last)
        share = jnp.where(active, share, 0.0)
        tried = self.attempt(field, lanes.s, share, lanes.y, lanes.memory)
        verdict = self.judge(jax.lax.stop_gradient(lanes.y), *jax.lax.stop_gradient((tried.y, tried.error)))
        good = active & verdict.accept
        tried, outcome = self.looked_for_crossings(field, lanes, share, good, tried)
        accept = outcome.take
        steps = lanes.steps + active
        s = jnp.where(accept, jnp.where(last, 1.0, lanes.s + share), lanes.s)
        # neither a segment of no length nor the search for a crossing says anything about step sizes
        silent = (length == 0.0) | (good & ((lanes.search.hi < jnp.inf) | ~accept))
        h = jnp.where(active & ~silent, share * length * verdict.factor, lanes.h)
        spent = active & (steps >= self.budget()) & (s < 1.0)
        # near the beginning of a long segment very small shares are still good numbers
        smallest = 16 * float(np.finfo(lanes.y.dtype).eps) * jnp.maximum(lanes.s, 1e-12)
        # a segment of no length has no shorter step
        tiny = active & ~good & ((share * verdict.factor < smallest) | (length == 0.0))
        status = jnp.where(spent, Status.STEP_BUDGET, lanes.status)
        status = jnp.where(tiny, Status.STEP_TOO_SMALL, status).astype(jnp.int32)
        y = jnp.where(accept, tried.y, lanes.y)
        memory = jax.tree.map(lambda new, old: jnp.where(accept, new, old), tried.memory, lanes.memory)
        moved = lanes._replace(s=s, h=h, status=status, steps=steps, search=outcome.search, y=y, memory=memory)
        return moved, jnp.where(accept, share, 0.0), outcome.fired

    def looked_for_crossings(
        self, field: Field, lanes: Lanes, share: Array, good: Array, tried: Attempt
    ) -> tuple[Attempt, Outcome]:
        """The attempt with the jumps at its end, and whether to take it; ``good`` where its error allows that."""
        if not field.triggers:
            return tried, Outcome(good, jnp.zeros((0, *good.shape), bool), lanes.search)
        end = lanes.s + share
        s, y, new = jax.lax.stop_gradient((lanes.s, lanes.y, tried.y))
        before, slope = jax.jvp(field.crossings, (s, y), (jnp.ones_like(s), field(s, y)))
        outcome = judged(lanes.search, good, share, *jax.lax.stop_gradient((before, slope, field.crossings(end, new))))
        return self.jumped(field, end, tried, outcome.fired), outcome

    def jumped(self, field: Field, end: Array, tried: Attempt, fired: Array) -> Attempt:
        """The attempt with the jumps of the triggers that ``fired`` (triggers, lanes) at its end."""
        y = jumped(field, end, tried.y, fired)
        fresh, any_ = self.begin(field, end, y), fired.any(axis=0)
        memory = jax.tree.map(lambda new, old: jnp.where(any_, new, old), fresh, tried.memory)
        return tried._replace(y=y, memory=memory)

    def repeated(self, system: System, plan: Plan, lanes: Lanes, share: Array, arrived: Array, fired: Array) -> Lanes:
        """All lanes after a step of known length: ``share`` (lanes,) as it was accepted, 0 for none; it ended the segment where
        it
        ``arrived``.
        """
        field = plan.field(system, plan.columns(lanes.column))
        tried = self.attempt(field, lanes.s, share, lanes.y, lanes.memory)
        if field.triggers:
            tried = self.jumped(field, lanes.s + share, tried, fired)
        took = share > 0.0
        y, memory = jax.tree.map(lambda new, old: jnp.where(took, new, old), (tried.y, tried.memory), (lanes.y, lanes.memory))
        return lanes._replace(s=jnp.where(arrived, 1.0, lanes.s + share), y=y, memory=memory)

    def arrive(self, system: System, plan: Plan, lanes: Lanes) -> Lanes:
        """Every waiting lane sees its observation and begins its next segment, or is done."""
        here = running(lanes) & (lanes.s >= 1.0)
        lane = jnp.arange(system.lanes)
        times = plan.at.shape[0]
        which = jnp.where(here, plan.shown[lanes.row, lane], times)
        seen = lanes.seen.at[which, :, lane].set(lanes.y.T, mode="drop")
        end = jax.lax.stop_gradient(lanes.column[1])
        done = lanes.done | (here & (end >= jax.lax.stop_gradient(plan.at[-1])))
        on = here & ~done
        row = jnp.where(on, lanes.row + 1, lanes.row)
        column = jnp.where(on, plan.table[:, row, lane], lanes.column)
        segment = plan.columns(column)
        s = jnp.where(on, 0.0, lanes.s)
        new = self.entered(plan.field(system, segment), s, plan.begun(system, segment, lanes.y), lanes.status)
        y, memory, status = jax.tree.map(lambda a, b: jnp.where(on, a, b), new, (lanes.y, lanes.memory, lanes.status))
        return lanes._replace(row=row, s=s, done=done, status=status, column=column, y=y, memory=memory, seen=seen)


def running(lanes: Lanes) -> Array:
    """Lanes that have neither arrived at their end nor failed."""
    return ~lanes.done & (lanes.status == Status.OK)


def moving(lanes: Lanes) -> Array:
    """Whether the inner loop goes on: some lane can step, and not too many wait."""
    alive = running(lanes)
    waiting = alive & (lanes.s >= 1.0)
    able = jnp.any(alive & ~waiting)
    return able & (_WAITING * jnp.sum(waiting) < jnp.sum(alive))


def marched(plan: Plan, seen: Array, y: Array, status: Array, steps: Array) -> Marched:
    """The result: observations at the very end are all the final state."""
    last = jax.lax.stop_gradient(plan.at >= plan.at[-1])
    return Marched(jnp.where(last[:, None], y, seen), y, status, steps)
