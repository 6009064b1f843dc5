"""``solve``: one function for one person and for a cohort; ``instant``: the same person, looked at only."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.body import Body
from physio.component import cast
from physio.schedule import Schedule, SteadyDosing, nothing
from physio.solve.adjoint import AbstractAdjoint, ForwardMode
from physio.solve.chunks import march_in_chunks
from physio.solve.fixed_point import Pin, fixed_point
from physio.solve.method import AbstractMethod
from physio.solve.newton import Newton
from physio.solve.plan import Events, arrivals, levels_at, plan_of, to_lanes
from physio.solve.status import Status
from physio.solve.trajectory import Trajectory
from physio.solve.tsit5 import Tsit5
from physio.system import System
from physio.wiring import unknown


def solve(
    body: Body,
    schedule: Schedule | None = None,
    *,
    at: Any,
    t0: Any = 0.0,
    start: Array | None = None,
    lanes: int | None = None,
    method: AbstractMethod = Tsit5(),
    adjoint: AbstractAdjoint = ForwardMode(),
    chunk: int | None = None,
    order: Array | None = None,
) -> Trajectory:
    """Integrate a body from ``t0`` through its schedule and show it at the times ``at``.

    ``at``      (times,) ascending on the body's clock, or (times, lanes) where people are seen at different times;
                pad with the last time
    ``lanes``   None for one person; for a cohort the number of lanes. Numbers of the body and the schedule are
                shared or carry the lanes last
    ``start``   initial state (states,) or (states, lanes) instead of the body's rest
    ``method``  ``Tsit5()`` for any number of lanes, ``Diffrax(solver)`` for one person

    ``adjoint`` ``ForwardMode()`` for jvp, ``DiscreteAdjoint()`` for vjp and grad
    ``chunk``   lanes that are advanced together, each chunk as long as its slowest lane takes; None: what suits the
                device
    ``order``   (lanes,) sorts lanes into chunks: ``trajectory.steps`` of a solve of almost the same people

    All is computed in the precision of the body's numbers, whatever that of times, doses and start.

    ValueError where times are known and do not ascend from ``t0``. Nothing raises inside: ``trajectory.status`` holds a
    result code for every lane. Traceable by jit and, as ``adjoint`` says, jvp or vjp; derivatives reach parameters,
    initial state, dose amounts, times, lags and durations.
    """
    _require_ascending(at, t0)
    single = lanes is None
    system = System.of(body, 1 if single else lanes)
    _require_channels(system, nothing() if schedule is None else schedule)
    schedule = cast(nothing() if schedule is None else schedule, system.dtype)
    if start is None:
        y = system.rest()
    else:
        y = to_lanes(jnp.asarray(start, system.dtype), system.lanes)
    times = to_lanes(jnp.asarray(at, system.dtype), system.lanes)
    t0 = jnp.broadcast_to(jnp.asarray(t0, system.dtype), (system.lanes,))
    failed = jnp.zeros((system.lanes,), jnp.int32)
    if schedule.steady is not None:
        y, failed = steady(system, schedule.steady, y, t0, method)
    events = arrivals(system, schedule)
    plan = plan_of(system, schedule.channels, events, times, t0)
    seen, final, status, steps = march_in_chunks(method, adjoint, system, plan, y, chunk, order)
    status = jnp.where(failed == Status.OK, status, failed)
    seen = jnp.where(status == Status.OK, seen, jnp.nan)
    inputs = levels_at(system, schedule.channels, events, times)
    trajectory = Trajectory(times, seen, final, status, steps, inputs, system, False)
    return squeezed(trajectory) if single else trajectory


def instant(body: Body, schedule: Schedule | None = None, *, state: Array, at: Any, lanes: int | None = None) -> Trajectory:
    """What a body in a known state shows at one time: a trajectory of that one time, without a step.

    ``state``  (states,) or (states, lanes), in the order of ``trajectory.system.state_names``
    ``at``     a scalar, or (lanes,) where people are looked at at different times

    As in ``solve`` an input that is switched at this very time, and a dose, are not seen yet. ValueError for a body with
    implied variables, which a state does not tell. Traceable by jit, jvp and vjp.
    """
    single = lanes is None
    system = System.of(body, 1 if single else lanes)
    if system.algebraic.any():
        raise ValueError("instant() cannot show a body with implied variables: solve from the state, with at equal to t0")
    schedule = nothing() if schedule is None else schedule
    _require_channels(system, schedule)
    schedule = cast(schedule, system.dtype)
    y = to_lanes(jnp.asarray(state, system.dtype), system.lanes)
    times = jnp.broadcast_to(jnp.asarray(at, system.dtype), (1, system.lanes))
    inputs = levels_at(system, schedule.channels, arrivals(system, schedule), times)
    none = jnp.zeros((system.lanes,), jnp.int32)
    trajectory = Trajectory(times, y[None], y, none, none, inputs, system, False)
    return squeezed(trajectory) if single else trajectory


def steady(system: System, dosing: SteadyDosing, guess: Array, t0: Array, method: AbstractMethod):
    """State just before the next dose of a regimen that never changes, and a status for lanes that have none."""
    amount, every, duration = (
        jnp.broadcast_to(x, (system.lanes,)) for x in (dosing.amount, dosing.every, dosing.duration)
    )
    arrives, delay = system.receive(dosing.channel, amount[None])
    delay = jnp.mod(delay[0], every)
    # the second row is the dose of the interval before, whose infusion may still run
    begin = jnp.stack([t0 + delay, t0 + delay - every])
    events = Events(
        begin,
        begin + duration,
        jnp.broadcast_to(arrives, (2, system.lanes)),
        jnp.broadcast_to(duration, (2, system.lanes)),
        jnp.zeros((2, system.lanes), jnp.int32),
    )
    plan = plan_of(system, (dosing.channel,), events, (t0 + every)[None], t0)

    # what has left the body only grows: those rows are held, or no regimen would have a steady state
    accounts = system.boundary_rows()
    held = jnp.asarray(accounts, dtype=jnp.int32)
    pins = [Pin((row,), row, guess[row]) for row in accounts]

    def interval(y):
        return method.march(system, plan, y).final.at[held].set(y[held])

    y, closed, _ = fixed_point(Newton(cycles=1, steps=12), interval, guess, pins=pins)
    possible = closed & jnp.all(y > -1e-6 * (1.0 + jnp.abs(arrives)), axis=0)
    return jnp.where(possible, y, 0.0), jnp.where(possible, Status.OK, Status.NO_STEADY_STATE).astype(jnp.int32)


def _require_ascending(at: Any, t0: Any) -> None:
    """Times that go back would silently show the state of another time; traced ones are the caller's responsibility."""
    if isinstance(at, jax.core.Tracer) or isinstance(t0, jax.core.Tracer):
        return
    times, start = np.asarray(at, dtype=float), np.asarray(t0, dtype=float)
    previous = np.concatenate([np.broadcast_to(start, times[:1].shape), times[:-1]])
    bad = ~(times >= previous)
    if bad.any():
        row = int(np.argwhere(bad)[0, 0])
        raise ValueError(f"times of observation must ascend from t0 = {t0}: time {row} does not ({times[row]})")


def _require_channels(system: System, schedule: Schedule) -> None:
    known = [*system.dose_channels, *system.event_channels, *(f"input.{name}" for name, _ in system.wiring.inputs)]
    steady = (schedule.steady.channel,) if schedule.steady is not None else ()
    for channel in (*schedule.channels, *steady):
        if channel not in known:
            raise unknown("port or input for a dose", channel, known)


def squeezed(trajectory: Trajectory) -> Trajectory:
    """One person's view of a cohort of one."""
    shown = ("times", "states", "final", "status", "steps")
    inputs = {name: value[..., 0] for name, value in trajectory.inputs.items()}
    values = [getattr(trajectory, name)[..., 0] for name in shown]
    return Trajectory(*values, inputs, trajectory.system, True)
