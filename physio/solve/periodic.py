"""The closed beat of a paced body: the state that one cycle leaves where it is, and the cycle itself.

Newton's method or Anderson's acceleration closes the cycle; conserved totals are pinned. Every lane goes through as many
beats as it needs itself. Derivatives are those of the closed cycle by the implicit function theorem, so they cost one
beat whatever the number of beats paced.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.body import Body
from physio.component import cast
from physio.schedule import nothing
from physio.solve.adjoint import AbstractAdjoint, ForwardMode
from physio.solve.chunks import march_in_chunks
from physio.solve.core import squeezed
from physio.solve.fixed_point import AbstractClosing, Pin, fixed_point
from physio.solve.method import AbstractMethod
from physio.solve.newton import Newton
from physio.solve.plan import arrivals, plan_of, to_lanes
from physio.solve.status import Status
from physio.solve.trajectory import Trajectory
from physio.solve.tsit5 import Tsit5
from physio.system import System


def periodic(
    body: Body,
    *,
    samples: int = 128,
    lanes: int | None = None,
    method: AbstractMethod = Tsit5(),
    closing: AbstractClosing = Newton(),
    tolerance: float = 1e-4,
    guess: Array | None = None,
    adjoint: AbstractAdjoint = ForwardMode(),
    chunk: int | None = None,
) -> Trajectory:
    """One closed beat at ``samples`` + 1 equally spaced phases from 0 to 1.

    ``closing``     ``Newton()`` where derivatives are wanted anyway, ``Anderson()`` for values alone
    ``tolerance``   relative to the largest state; a lane whose cycle does not close within it gets
                    ``Status.NOT_PERIODIC``
    ``guess``       (states,) or (states, lanes) instead of the body's rest, such as ``final`` of a beat under almost the
                    same numbers; a lane whose guess is not finite starts from rest

    ``adjoint`` and ``chunk`` are those of ``solve``; in reverse the tape holds two beats, however many were run.
    """
    if body.wiring.clock is None:
        raise ValueError("only a paced body has a beat: give the Body clock='part.output' in s per beat")
    system = System.of(body, 1 if lanes is None else lanes)
    silent = cast(nothing(), system.dtype)
    events = arrivals(system, silent)
    zero = jnp.zeros((system.lanes,), system.dtype)

    def run(y, at, adjoint):
        times = jnp.broadcast_to(at.astype(system.dtype)[:, None], (len(at), system.lanes))
        plan = plan_of(system, (), events, times, zero)
        return times, march_in_chunks(method, adjoint, system, plan, y, chunk, None)

    # traced once for all ways to close the beat
    @jax.jit
    def beat(y):
        return run(y, jnp.ones((1,)), ForwardMode())[1].final

    def last(y):
        return run(y, jnp.ones((1,)), adjoint)[1].final

    start = system.rest()
    if guess is not None:
        guess = to_lanes(jnp.asarray(guess, system.dtype), system.lanes)
        start = jnp.where(jnp.isfinite(guess).all(axis=0), guess, start)
    names = system.state_names
    pins = [
        Pin(system.conserved_rows(total.port), names.index(total.absorbs), system.totals[name])
        for name, total in system.wiring.totals
    ]
    y, closed, _ = fixed_point(closing, beat, start, pins=pins, tolerance=tolerance, last=last)
    times, (seen, final, status, steps) = run(y, jnp.linspace(0.0, 1.0, samples + 1), adjoint)
    open_cycle = (status == Status.OK) & ~closed
    status = jnp.where(open_cycle, Status.NOT_PERIODIC, status).astype(jnp.int32)
    seen = jnp.where(status == Status.OK, seen, jnp.nan)
    inputs = {name: jnp.zeros_like(times) for name, _ in system.wiring.inputs}
    trajectory = Trajectory(times, seen, final, status, steps, inputs, system, False)
    return squeezed(trajectory) if lanes is None else trajectory
