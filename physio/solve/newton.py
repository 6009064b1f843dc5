"""Newton's method on a cycle: few but dear steps, and quadratic convergence once near."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.solve.fixed_point import AbstractClosing, Closed, Map, closes, newton_step

# near enough for Newton's method: tighter bounds cost cycles and save no Newton step
_SETTLED = 0.1


class Newton(AbstractClosing):
    """Plain cycles until one changes no state by more than a tenth of the largest, then Newton's steps.

    At most ``cycles`` of the first and ``steps`` of the second. A lane takes no more steps after a point where its cycle
    closes within the tolerance, so that the last step leaves far less than that.
    """

    cycles: int = 10
    steps: int = 6

    def close(self, cycle, guess, pins, tolerance):
        y, spent = _settled(cycle, guess, self.cycles)

        def unfinished(carry):
            number, _, open_, _ = carry
            return (number < self.steps) & open_.any()

        def step(carry):
            number, y, open_, spent = carry
            after, new = newton_step(cycle, y, pins)
            spent = spent + jnp.where(open_, 1 + y.shape[0], 0)
            return number + 1, jnp.where(open_, new, y), open_ & ~closes(after, y, tolerance), spent

        start = (jnp.zeros((), jnp.int32), y, jnp.ones(y.shape[-1:], bool), spent)
        _, y, open_, spent = jax.lax.while_loop(unfinished, step, start)
        return Closed(y, closes(y, y, tolerance), spent)


def _settled(cycle: Map, y: Array, most: int) -> tuple[Array, Array]:
    """``(y, cycles)`` after cycle upon cycle until a lane changes by less than ``_SETTLED``."""

    def unfinished(carry):
        number, _, moving, _ = carry
        return (number < most) & moving.any()

    def step(carry):
        number, y, moving, spent = carry
        after = cycle(y)
        still = moving & ~closes(after, y, _SETTLED)
        return number + 1, jnp.where(moving, after, y), still, spent + moving

    none = jnp.zeros(y.shape[-1:], jnp.int32)
    _, y, _, spent = jax.lax.while_loop(unfinished, step, (jnp.zeros((), jnp.int32), y, none == 0, none))
    return y, spent
