"""Where the steps of a solve lie: equal steps between stops, which are observations and events.

Times are known numbers, so that a step never crosses a dose: across a jump every order would fall to one. Amounts may be
traced and differentiated.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.fields.grid import FieldError
from physio.schedule import Schedule

# stops that are so near to each other, relative to the horizon, are one
_SAME = 1e-12


class FieldPlan(NamedTuple):
    """Segments in rows.

    ``start``  (segments,) time,  ``steps`` (segments,) how many and ``dt`` how long
    ``row``    (segments,) which observation is at the end, or the number of observations where none is
    """

    start: np.ndarray
    steps: np.ndarray
    dt: np.ndarray
    row: np.ndarray
    observations: int


def planned(channels: tuple[str, ...], schedule: Schedule, at, step: float, rows: int) -> tuple[FieldPlan, Array]:
    """The plan and the amounts (segments, channels) at the start of each segment.

    ``step`` is the longest dt, ``rows`` the most steps of a segment. Events before the first observation or at the last are
    refused: the one has no state to act on, the other nothing to show.
    """
    if any(isinstance(x, jax.core.Tracer) for x in (at, schedule.time, schedule.duration, schedule.channel)):
        raise FieldError(
            "times are traced, and the steps of a field need known numbers: make times and schedule outside jit and grad, and "
            "put traced amounts in by equinox.tree_at(lambda s: s.amount, schedule, amounts)"
        )
    at, times = np.atleast_1d(np.asarray(at, float)), np.asarray(schedule.time, float)
    if times.ndim != 1:
        raise FieldError(f"schedule has shape {times.shape}; a field takes the schedule of one person, (slots,)")
    if at.size < 2 or not (np.diff(at) > 0).all() or not np.isfinite(at).all():
        raise FieldError(f"observations must be two or more finite rising times, the first where the solve starts, got {at}")
    if not 0.0 < step < np.inf:
        raise FieldError(f"step must be positive and finite, got {step}")
    names = _channels(channels, schedule)
    real = np.isfinite(times)
    outside = real & ((times < at[0]) | (times >= at[-1]))
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise FieldError(
            f"'{schedule.channels[int(schedule.channel[row])]}' event {row} is at {times[row]:g}, outside the solve from "
            f"{at[0]:g} to {at[-1]:g}; expected a time at or after the first observation and before the last"
        )
    stops = np.unique(np.concatenate([at, times[real]]))
    stops = stops[np.concatenate([[True], np.diff(stops) > _SAME * (at[-1] - at[0])])]
    pieces = [_split(a, b, step, rows) for a, b in zip(stops[:-1], stops[1:], strict=True)]
    start = np.concatenate([p[0] for p in pieces])
    first = np.cumsum([0] + [len(p[0]) for p in pieces[:-1]])
    row = np.full(start.size, at.size)
    last = np.append(first[1:], start.size) - 1
    for k, end in zip(last, stops[1:], strict=True):
        near = int(np.abs(at - end).argmin())
        if abs(at[near] - end) <= _SAME * (at[-1] - at[0]):
            row[k] = near
    segment = first[np.abs(stops[None, :-1] - np.where(real, times, 0.0)[:, None]).argmin(1)]
    amounts = jnp.zeros((start.size, len(channels)), schedule.amount.dtype)
    amounts = amounts.at[segment, names].add(jnp.where(real, schedule.amount, 0.0))
    steps, dt = (np.concatenate([p[k] for p in pieces]) for k in (1, 2))
    return FieldPlan(start, steps, dt, row, at.size), amounts


def _channels(channels: tuple[str, ...], schedule: Schedule) -> np.ndarray:
    """The place of each event's channel among those of the model."""
    unknown = [c for c in schedule.channels if c not in channels]
    if unknown:
        known = ", ".join(channels)
        raise FieldError(f"the schedule sends '{unknown[0]}', which this model does not take; its channels: {known}")
    if (np.asarray(schedule.duration) > 0).any():
        raise FieldError("events of a field happen at once: give durations of 0")
    return np.asarray([channels.index(c) for c in schedule.channels] or [0])[np.asarray(schedule.channel)]


def _split(a: float, b: float, step: float, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Equal steps from a to b in segments of at most ``rows``."""
    steps = max(1, int(np.ceil((b - a) / step * (1.0 - 1e-12))))
    dt = (b - a) / steps
    begun = np.arange(0, steps, rows)
    return a + dt * begun, np.minimum(rows, steps - begun), np.full(begun.size, dt)


def total_steps(plan: FieldPlan) -> int:
    return int(plan.steps.sum())


def longest(plan: FieldPlan) -> float:
    return float(plan.dt.max())


def rows_of(tree, row):
    """Row ``row`` of every array."""
    return jax.tree.map(lambda x: jax.lax.dynamic_index_in_dim(x, row, 0, keepdims=False), tree)


def put(tree, one, row):
    """``one`` as row ``row`` of every array."""
    return jax.tree.map(lambda a, x: jax.lax.dynamic_update_index_in_dim(a, x, row, 0), tree, one)


def blank(state, rows: int):
    """Zeros for so many states."""
    return jax.tree.map(lambda x: jnp.zeros((rows, *x.shape), x.dtype), eqx.filter(state, eqx.is_array))
