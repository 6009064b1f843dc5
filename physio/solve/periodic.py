"""The closed beat of a paced body: the state that one cycle leaves where it is, and the cycle itself.

Beats are paced until they change little, then Newton's method closes the cycle; conserved totals are pinned. Every lane
goes through as many beats as it needs itself. Derivatives are those of the closed cycle by the implicit function
theorem, so they cost one beat whatever the number of beats paced.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.body import Body
from physio.component import cast
from physio.schedule import nothing
from physio.solve.core import squeezed
from physio.solve.fixed_point import closes, fixed_point, without_tangents
from physio.solve.method import AbstractMethod
from physio.solve.status import Status
from physio.solve.plan import arrivals, plan_of, to_lanes
from physio.solve.trajectory import Trajectory
from physio.solve.tsit5 import Tsit5
from physio.system import System

# near enough for Newton's method: tighter bounds cost beats and save no Newton step
_SETTLED = 0.1


def periodic(
    body: Body,
    *,
    samples: int = 128,
    lanes: int | None = None,
    method: AbstractMethod = Tsit5(),
    paced: int = 10,
    iterations: int = 4,
    tolerance: float = 1e-4,
    guess: Array | None = None,
) -> Trajectory:
    """One closed beat at ``samples`` + 1 equally spaced phases from 0 to 1.

    ``guess``       (states,) or (states, lanes) instead of the body's rest, such as ``final`` of a beat under almost the
                    same numbers; a lane whose guess is not finite starts from rest
    ``paced``       most beats before Newton's method, which begins once a beat changes no state by more than a tenth of the
                    largest
    ``iterations``  most steps of Newton's method
    ``tolerance``   relative to the largest state; a lane whose cycle does not close within it gets
                    ``Status.NOT_PERIODIC``
    """
    if body.wiring.clock is None:
        raise ValueError("only a paced body has a beat: give the Body clock='part.output' in s per beat")
    system = System.of(body, 1 if lanes is None else lanes)
    silent = cast(nothing(), system.dtype)
    events = arrivals(system, silent)
    zero = jnp.zeros((system.lanes,), system.dtype)

    def run(y, at):
        times = jnp.broadcast_to(at.astype(system.dtype)[:, None], (len(at), system.lanes))
        return times, method.march(system, plan_of(system, (), events, times, zero), y)

    # traced once for pacing, Newton's method and its last step
    @jax.jit
    def beat(y):
        return run(y, jnp.ones((1,)))[1].final

    start = system.rest()
    if guess is not None:
        guess = to_lanes(jnp.asarray(guess, system.dtype), system.lanes)
        start = jnp.where(jnp.isfinite(guess).all(axis=0), guess, start)
    warm = _pace(without_tangents(beat), jax.lax.stop_gradient(start), paced)
    names = system.state_names
    pins = [
        (system.conserved_rows(total.port), names.index(total.absorbs), system.totals[name])
        for name, total in system.wiring.totals
    ]
    y, closed = fixed_point(beat, warm, pins=pins, iterations=iterations, tolerance=tolerance)
    times, (seen, final, status, steps) = run(y, jnp.linspace(0.0, 1.0, samples + 1))
    open_cycle = (status == Status.OK) & ~closed
    status = jnp.where(open_cycle, Status.NOT_PERIODIC, status).astype(jnp.int32)
    seen = jnp.where(status == Status.OK, seen, jnp.nan)
    inputs = {name: jnp.zeros_like(times) for name, _ in system.wiring.inputs}
    trajectory = Trajectory(times, seen, final, status, steps, inputs, system, False)
    return squeezed(trajectory) if lanes is None else trajectory


def _pace(beat: Callable[[Array], Array], y: Array, most: int) -> Array:
    """Beat after beat until a lane's state changes by less than ``_SETTLED``, at most ``most`` beats."""

    def unfinished(carry):
        count, _, moving = carry
        return (count < most) & moving.any()

    def step(carry):
        count, y, moving = carry
        after = beat(y)
        return count + 1, jnp.where(moving, after, y), moving & ~closes(after, y, _SETTLED)

    start = (jnp.zeros((), jnp.int32), y, jnp.ones(y.shape[-1:], bool))
    return jax.lax.while_loop(unfinished, step, start)[1]
