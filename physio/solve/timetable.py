"""The stops of every lane in order of time, and what happens at and between them.

Dose times plus lags depend on parameters, so rows are sorted inside jit. The order is a constant of the derivative;
the times themselves are not.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.schedule import Schedule
from physio.system import System


class Events(NamedTuple):
    """Events of a schedule after lag and bioavailability: (slots, lanes)."""

    start: Array
    end: Array
    arrives: Array
    duration: Array
    channel: Array


class Timetable(NamedTuple):
    """``stops`` (stops, lanes) ascending; boluses at each stop; ``row`` of each observation among the stops."""

    stops: Array
    bolus: Array
    bolus_channel: Array
    row: Array
    events: Events


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


def timetable(events: Events, at: Array, t0: Array, t1: Array) -> Timetable:
    """Sort t0, observations, ends, starts and t1. At equal times an observation comes before a dose."""
    observations, slots, lanes = at.shape[0], events.start.shape[0], at.shape[1]
    # a dose at the very end belongs to a solve that goes on from there
    inside = (events.start >= t0) & (events.start < t1)
    raw = jnp.concatenate([t0[None], at, events.end, events.start, t1[None]])
    raw = jnp.clip(raw, t0, t1)
    order = jnp.argsort(jax.lax.stop_gradient(raw), axis=0, stable=True)
    stops = jnp.take_along_axis(raw, order, axis=0)
    none = jnp.zeros((1 + observations + slots, lanes), events.arrives.dtype)
    instant = jnp.where(inside & (events.duration == 0.0), events.arrives, 0.0)
    bolus = jnp.concatenate([none, instant, jnp.zeros((1, lanes), none.dtype)])
    channel = jnp.concatenate([none.astype(jnp.int32), events.channel, jnp.zeros((1, lanes), jnp.int32)])
    row = jnp.argsort(order, axis=0)[1 : 1 + observations]
    return Timetable(
        stops, jnp.take_along_axis(bolus, order, axis=0), jnp.take_along_axis(channel, order, axis=0), row, events
    )


def rates_between(events: Events, schedule: Schedule, a: Array, b: Array) -> tuple[dict, dict]:
    """Constant dose rates and input levels between two neighbouring stops, name -> (lanes,)."""
    middle = jax.lax.stop_gradient(0.5 * (a + b))
    return _levels(events, schedule, (events.start <= middle) & (middle < events.end))


def inputs_before(events: Events, schedule: Schedule, t: Array) -> dict:
    """Input levels just before the instants ``t`` (lanes,)."""
    return _levels(events, schedule, (events.start < t) & (t <= events.end))[1]


def _levels(events: Events, schedule: Schedule, active: Array) -> tuple[dict, dict]:
    doses, inputs = {}, {}
    safe = jnp.where(events.duration > 0, events.duration, 1.0)
    rate = jnp.where(active & (events.duration > 0), events.arrives / safe, 0.0)
    level = jnp.where(active, events.arrives, 0.0)
    for index, name in enumerate(schedule.channels):
        mine = events.channel == index
        if name.startswith("input."):
            inputs[name.removeprefix("input.")] = jnp.where(mine, level, 0.0).sum(0)
        else:
            doses[name] = jnp.where(mine, rate, 0.0).sum(0)
    return doses, inputs
