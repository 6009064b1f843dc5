"""What is done to a person and when: doses, infusions, inputs switched on and off.

A schedule is a table of events (time, amount, duration, channel) on the body's clock:

====================  ==========================  =====================================================
channel               duration 0                  duration > 0
====================  ==========================  =====================================================
a flow port           bolus: amount at once       infusion: amount / duration over the duration
``input.name``        no effect                   the input is raised by ``amount`` over the duration
an event of a part    the part's ``jump``         the same, at the beginning
====================  ==========================  =====================================================

Amounts, times and durations are plain arrays, so a solve is differentiable with respect to them. People may have
different numbers of events: ``ragged`` pads with time = +inf to a power of two, so that schedules of one bucket
share one compiled program. An observation at the time of a dose sees the person just before the dose.
"""

import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.component import as_float


class ScheduleError(ValueError):
    """An event that cannot be: a negative amount, a time that is no number."""


class SteadyDosing(eqx.Module):
    """A regimen so long under way that every interval is like the last: the state in which a person arrives."""

    amount: Array
    every: Array
    duration: Array
    channel: str = eqx.field(static=True)


class Schedule(eqx.Module):
    """Events in rows; arrays are (slots,) for one person or (slots, lanes). ``channel`` indexes ``channels``."""

    time: Array
    amount: Array
    duration: Array
    channel: Array
    steady: SteadyDosing | None
    channels: tuple[str, ...] = eqx.field(static=True)

    def __add__(self, other: "Schedule") -> "Schedule":
        """Both schedules for the same person."""
        if self.steady is not None and other.steady is not None:
            raise ScheduleError("only one steady-state regimen can precede a schedule")
        channels = tuple(dict.fromkeys(self.channels + other.channels))
        index = [
            jnp.asarray([channels.index(c) for c in s.channels] or [0], dtype=jnp.int32)[s.channel] for s in (self, other)
        ]
        return Schedule(
            time=jnp.concatenate([self.time, other.time]),
            amount=jnp.concatenate([self.amount, other.amount]),
            duration=jnp.concatenate([self.duration, other.duration]),
            channel=jnp.concatenate(index),
            steady=self.steady if other.steady is None else other.steady,
            channels=channels,
        )


def _events(channel: str, time, amount, duration) -> Schedule:
    time, amount, duration = (jnp.atleast_1d(as_float(x)) for x in (time, amount, duration))
    time, amount, duration = jnp.broadcast_arrays(time, amount, duration)
    for name, values in (("time", time), ("amount", amount), ("duration", duration)):
        _require_concrete(channel, name, values)
    return Schedule(time, amount, duration, jnp.zeros(time.shape, jnp.int32), None, (channel,))


def _require_concrete(channel: str, name: str, values: Array) -> None:
    """Check what can be checked: a traced value (inside jit or grad) is the caller's responsibility."""
    if isinstance(values, jax.core.Tracer):
        return
    numbers = np.asarray(values)
    bad = np.isnan(numbers) if name != "amount" else ~np.isfinite(numbers)
    if name != "time" and not channel.startswith("input."):
        bad = bad | (numbers < 0)
    if bad.any():
        row = int(np.flatnonzero(bad.reshape(-1))[0])
        need = "a time on the body's clock" if name == "time" else "zero or more"
        raise ScheduleError(f"'{channel}' event {row}: {name} is {numbers.reshape(-1)[row]}, expected {need}")


def nothing() -> Schedule:
    """No events."""
    empty = jnp.zeros((0,))
    return Schedule(empty, empty, empty, jnp.zeros((0,), jnp.int32), None, ())


def bolus(port: str, time, amount) -> Schedule:
    """Amounts (state's unit) that enter a flow port at once."""
    return _events(port, time, amount, 0.0)


def infusion(port: str, time, amount, duration) -> Schedule:
    """Amounts that enter a flow port at a constant rate from ``time`` over ``duration``."""
    return _events(port, time, amount, duration)


def repeated(port: str, amount, *, every, count: int, start=0.0, duration=0.0) -> Schedule:
    """``count`` equal doses, one every ``every``, the first at ``start``."""
    if count < 1 or not (isinstance(every, jax.core.Tracer) or every > 0):
        raise ScheduleError(f"'{port}': repeated doses need count >= 1 and every > 0, got {count} and {every}")
    return _events(port, start + every * np.arange(count), amount, duration)


def steady_state(port: str, amount, *, every, duration=0.0) -> Schedule:
    """The person starts at the steady state of this regimen, just before its next dose (which is not included)."""
    amount, every, duration = (as_float(x) for x in (amount, every, duration))
    for name, values in (("amount", amount), ("every", every), ("duration", duration)):
        _require_concrete(port, name, values)
    if not isinstance(every, jax.core.Tracer) and not isinstance(duration, jax.core.Tracer):
        if (np.asarray(every) <= 0).any() or (np.asarray(duration) > np.asarray(every)).any():
            raise ScheduleError(f"'{port}': steady dosing needs every > 0 and duration <= every")
    return eqx.tree_at(
        lambda s: s.steady, nothing(), SteadyDosing(amount, every, duration, port), is_leaf=lambda x: x is None
    )


def switch(name: str, on, off=math.inf, level=1.0) -> Schedule:
    """Raise ``input.name`` by ``level`` (the input's unit) from ``on`` until ``off``."""
    return _events(f"input.{name}", on, level, as_float(off) - as_float(on))


def ragged(people: Sequence[Schedule]) -> Schedule:
    """One schedule for many people: (slots, people), padded with time = +inf to a power-of-two number of slots."""
    channels = tuple(dict.fromkeys(c for s in people for c in s.channels))
    most = max((s.time.shape[0] for s in people), default=0)
    slots = 1 << (most - 1).bit_length() if most else 0

    def column(values, fill, dtype):
        return jnp.stack(
            [jnp.concatenate([v, jnp.full((slots - v.shape[0],), fill, dtype)]).astype(dtype) for v in values], axis=-1
        )

    index = [jnp.asarray([channels.index(c) for c in s.channels] or [0], jnp.int32)[s.channel] for s in people]
    return Schedule(
        time=column([s.time for s in people], jnp.inf, jnp.float64),
        amount=column([s.amount for s in people], 0.0, jnp.float64),
        duration=column([s.duration for s in people], 0.0, jnp.float64),
        channel=column(index, 0, jnp.int32),
        steady=_ragged_steady([s.steady for s in people]),
        channels=channels,
    )


def _ragged_steady(people: list[SteadyDosing | None]) -> SteadyDosing | None:
    """One regimen a person; a person without one gets the steady state of a zero dose."""
    given = [s for s in people if s is not None]
    if not given:
        return None
    if len({s.channel for s in given}) > 1:
        raise ScheduleError("steady-state regimens of a cohort must enter the same port")

    def column(name, fill):
        return jnp.stack([as_float(fill) if s is None else getattr(s, name) for s in people])

    return SteadyDosing(column("amount", 0.0), column("every", 1.0), column("duration", 0.0), given[0].channel)
