"""What every lane goes through, in order of time: its stops, and what happens at and between them.

    segment i:  first the events and boluses of stop i, then constant dose rates and input levels until stop i + 1

Dose times plus lags depend on parameters, so rows are sorted inside jit. The order is a constant of the derivative;
the times themselves are not. All that belongs to a segment is one column of one table, so that a lane fetches its next
segment in one look.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.schedule import Schedule
from physio.sparsity import pattern
from physio.system import System


class Events(NamedTuple):
    """Events of a schedule after lag and bioavailability: (slots, lanes)."""

    start: Array
    end: Array
    arrives: Array
    duration: Array
    channel: Array


class Segment(NamedTuple):
    """One segment of every lane: begin and end (lanes,), boluses and rates (ports, lanes), levels (inputs, lanes)."""

    begin: Array
    end: Array
    bolus: Array
    rate: Array
    level: Array


class Field(NamedTuple):
    """dy/ds as a function of s (lanes,) and y (states, lanes), where s goes from 0 to 1 over a segment.

    ``algebraic``   (states,) marks the rows of implied variables; they hold residuals, which no length multiplies
    ``pattern``     (states, states) whether the row's rate may depend on the column's state
    ``gates``       (states,) marks the rows whose rates are linear in themselves
    ``triggers``    how many crossing functions there are: ``crossings(s, y)`` is (triggers, lanes), and ``jump(s, y, fired)``
                    the state after the jumps of those that fired
    """

    rate: Callable[[Array, Array], Array]
    algebraic: np.ndarray
    pattern: np.ndarray
    gates: np.ndarray
    triggers: int
    crossings: Callable[[Array, Array], Array]
    jump: Callable[[Array, Array, Array], Array]

    def __call__(self, s: Array, y: Array) -> Array:
        return self.rate(s, y)


class Plan(eqx.Module):
    """The segments of every lane.

    ``table``   (2 + 2 ports + inputs, segments, lanes): begin, end, boluses, rates, levels
    ``shown``   (segments, lanes) which observation the end of a segment is; the number of observations where it is none
    ``at``      (times, lanes) of the observations
    ``ports``   rows of y that boluses fill, None for an event, and ``channels`` and ``inputs`` their names
    """

    table: Array
    shown: Array
    at: Array
    ports: tuple[int | None, ...] = eqx.field(static=True)
    channels: tuple[str, ...] = eqx.field(static=True)
    inputs: tuple[str, ...] = eqx.field(static=True)

    def columns(self, column: Array) -> Segment:
        """A segment from one column (rows, ...) of the table."""
        count = len(self.channels)
        return Segment(
            column[0], column[1], column[2 : 2 + count], column[2 + count : 2 + 2 * count], column[2 + 2 * count :]
        )

    @property
    def tells(self) -> bool:
        """Whether the schedule sends events to a part."""
        return None in self.ports

    def begun(self, system: System, segment: Segment, y: Array) -> Array:
        """The state after what happens at the beginning of a segment: events, which see no bolus yet, then boluses."""
        if self.tells:
            sent = zip(self.channels, self.ports, segment.bolus, strict=True)
            events = {channel: amount.astype(y.dtype) for channel, row, amount in sent if row is None}
            y = system.told(segment.begin, y, self.levels(system, segment), events)
        for k, row in enumerate(self.ports):
            if row is not None:
                y = y.at[row].add(segment.bolus[k].astype(y.dtype))
        return y

    def levels(self, system: System, segment: Segment) -> dict:
        """Input levels of a segment, name -> (lanes,)."""
        silent = {name: jnp.zeros((system.lanes,), segment.begin.dtype) for name, _ in system.wiring.inputs}
        return silent | dict(zip(self.inputs, segment.level, strict=True))

    def field(self, system: System, segment: Segment) -> Field:
        """The rates of every lane on its segment."""
        length = segment.end - segment.begin
        doses = dict(zip(self.channels, segment.rate, strict=True))
        inputs = self.levels(system, segment)
        algebraic = system.algebraic

        def rates(s, y):
            rate = system.field(segment.begin + s * length, y, doses, inputs)
            # a segment of no length must not let rates that are infinite touch the state; rates that are finite say what
            # its state would do with its length, on which coincident doses depend
            moved = length * jnp.where((length > 0) | (jnp.abs(rate) < jnp.inf), rate, 0.0)
            return jnp.where(algebraic[:, None], rate, moved) if algebraic.any() else moved

        def crossings(s, y):
            return system.crossings(segment.begin + s * length, y, inputs)

        def jump(s, y, fired):
            return system.jumped(segment.begin + s * length, y, inputs, fired)

        return Field(rates, algebraic, pattern(system.wiring), system.gates, len(system.triggered), crossings, jump)


def to_lanes(x: Array, lanes: int) -> Array:
    """(rows, lanes) from (rows,) or (rows, lanes)."""
    return jnp.broadcast_to(x[:, None], (x.shape[0], lanes)) if x.ndim == 1 else x


def arrivals(system: System, schedule: Schedule) -> Events:
    """When and how much of each dose arrives in its store."""
    lanes = system.lanes
    time, amount, duration = (to_lanes(x, lanes) for x in (schedule.time, schedule.amount, schedule.duration))
    channel = to_lanes(schedule.channel, lanes)
    delay = jnp.zeros_like(amount)
    arrives = amount
    for index, name in enumerate(schedule.channels):
        if name.startswith("input."):
            continue
        here_arrives, here_delay = system.receive(name, amount)
        arrives = jnp.where(channel == index, here_arrives, arrives)
        delay = jnp.where(channel == index, here_delay, delay)
    start = time + delay
    return Events(start, start + duration, arrives, duration, channel)


def plan_of(system: System, channels: tuple[str, ...], events: Events, at: Array, t0: Array) -> Plan:
    """Sort t0, observations, ends and starts. At equal times an observation comes before a dose.

    The solve ends with the last observation; a dose at that very time belongs to a solve that goes on from there.
    """
    observations, slots, lanes = at.shape[0], events.start.shape[0], at.shape[1]
    t1 = at[-1]
    inside = (events.start >= t0) & (events.start < t1)
    raw = jnp.clip(jnp.concatenate([t0[None], at, events.end, events.start]), t0, t1)
    order = jnp.argsort(jax.lax.stop_gradient(raw), axis=0, stable=True)

    def sorted_rows(x):
        return jnp.take_along_axis(x, order, axis=0)

    def of_events(ends, starts):
        """A row of the table: nothing at observations, these values at ends and starts."""
        none = jnp.zeros((1 + observations, lanes), starts.dtype)
        return sorted_rows(jnp.concatenate([none, ends, starts]))[:-1]

    stops = sorted_rows(raw)
    lasts = events.duration > 0
    rate = jnp.where(lasts, events.arrives / jnp.where(lasts, events.duration, 1.0), 0.0)
    instant = jnp.where(inside & ~lasts, events.arrives, 0.0)
    zero = jnp.zeros((slots, lanes), rate.dtype)
    boluses, rates, levels, ports = [], [], [], []
    for index, name in enumerate(channels):
        mine = events.channel == index
        if name.startswith("input."):
            level = jnp.where(mine & lasts, events.arrives, 0.0)
            levels.append(jnp.cumsum(of_events(-level, level), axis=0))
        else:
            mine_rate = jnp.where(mine, rate, 0.0)
            boluses.append(of_events(zero, jnp.where(mine, instant, 0.0)))
            rates.append(jnp.cumsum(of_events(-mine_rate, mine_rate), axis=0))
            ports.append(None if name in system.event_channels else system.filled_row(name))
    which = jnp.full((raw.shape[0], lanes), observations, jnp.int32)
    which = which.at[1 : 1 + observations].set(jnp.arange(observations, dtype=jnp.int32)[:, None])
    return Plan(
        jnp.stack([stops[:-1], stops[1:], *boluses, *rates, *levels]),
        sorted_rows(which)[1:],
        at,
        tuple(ports),
        tuple(c for c in channels if not c.startswith("input.")),
        tuple(c.removeprefix("input.") for c in channels if c.startswith("input.")),
    )


def inputs_before(events: Events, channels: tuple[str, ...], t: Array) -> dict:
    """Input levels just before the instants ``t`` (lanes,), name -> (lanes,)."""
    on = (events.start < t) & (t <= events.end)
    return {
        name.removeprefix("input."): jnp.where(on & (events.channel == index), events.arrives, 0.0).sum(0)
        for index, name in enumerate(channels)
        if name.startswith("input.")
    }


def levels_at(system: System, channels: tuple[str, ...], events: Events, times: Array) -> dict:
    """Levels of all inputs just before the times (times, lanes), name -> (times, lanes)."""
    levels = {name: jnp.zeros_like(times) for name, _ in system.wiring.inputs}
    if any(name.startswith("input.") for name in channels):
        levels |= jax.vmap(lambda t: inputs_before(events, channels, t))(times)
    return levels
