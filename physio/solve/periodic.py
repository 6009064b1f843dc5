"""The closed beat of a paced body: the state that one cycle leaves where it is, and the cycle itself.

A few beats are paced first, then Newton's method closes the cycle; conserved totals are pinned. Derivatives are
those of the closed cycle by the implicit function theorem, so they cost one beat whatever the number of beats paced.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.body import Body
from physio.component import cast
from physio.schedule import nothing
from physio.solve.core import march, squeezed
from physio.solve.fixed_point import fixed_point
from physio.solve.method import AbstractMethod
from physio.solve.status import Status
from physio.solve.timetable import arrivals, timetable, to_lanes
from physio.solve.trajectory import Trajectory
from physio.solve.tsit5 import Tsit5
from physio.system import System


def periodic(
    body: Body,
    *,
    samples: int = 128,
    lanes: int | None = None,
    method: AbstractMethod = Tsit5(),
    paced: int = 3,
    iterations: int = 3,
    tolerance: float = 1e-4,
    guess: Array | None = None,
) -> Trajectory:
    """One closed beat at ``samples`` + 1 equally spaced phases from 0 to 1.

    ``paced`` beats from rest (or from ``guess``, (states,) or (states, lanes)) come before Newton's iterations. A lane
    whose cycle does not close within ``tolerance`` gets ``Status.NOT_PERIODIC``.
    """
    if body.wiring.clock is None:
        raise ValueError("only a paced body has a beat: give the Body clock='part.output' in s per beat")
    system = System(body, 1 if lanes is None else lanes)
    silent = cast(nothing(), system.dtype)
    events = arrivals(system, silent)
    zero = jnp.zeros((system.lanes,), system.dtype)

    def run(y, at):
        times = jnp.broadcast_to(at.astype(system.dtype)[:, None], (len(at), system.lanes))
        plan = timetable(events, times, zero, times[-1])
        return times, plan, *march(system, silent, plan, y, method)

    def beat(y):
        return run(y, jnp.ones((1,)))[3]

    start = system.rest() if guess is None else to_lanes(jnp.asarray(guess, system.dtype), system.lanes)
    warm = jax.lax.fori_loop(0, paced, lambda _, y: beat(y), jax.lax.stop_gradient(start)) if paced else start
    names = system.state_names
    pins = [
        (system.conserved_rows(total.port), names.index(total.absorbs), system.totals[name])
        for name, total in system.wiring.totals
    ]
    y, closed = fixed_point(beat, warm, pins=pins, iterations=iterations, tolerance=tolerance)
    times, plan, states, final, status, steps = run(y, jnp.linspace(0.0, 1.0, samples + 1))
    open_cycle = (status == Status.OK) & ~closed
    status = jnp.where(open_cycle, Status.NOT_PERIODIC, status).astype(jnp.int32)
    seen = jnp.take_along_axis(states, plan.row[:, None, :], axis=0)
    seen = jnp.where(status == Status.OK, seen, jnp.nan)
    inputs = {name: jnp.zeros_like(times) for name, _ in system.wiring.inputs}
    trajectory = Trajectory(times, seen, final, status, steps, inputs, system, False)
    return squeezed(trajectory) if lanes is None else trajectory
