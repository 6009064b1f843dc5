"""Tsitouras' explicit Runge-Kutta pair of order 5(4), a step size for every lane.

Coefficients: Ch. Tsitouras, Comput. Math. Appl. 62:770-775 (2011). One loop advances all lanes; a lane that has
arrived or failed is frozen by a mask and cannot touch the others. Step sizes are constants of the derivative:
what is differentiated is the sequence of steps that was taken.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.solve.fence import always_true, fence
from physio.solve.method import AbstractMethod
from physio.solve.status import Status

_C = (0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0)
_A = (
    (),
    (0.161,),
    (-0.008480655492356989, 0.335480655492357),
    (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
    (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
    (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
)
_B = (0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774)
_E = (
    -0.00178001105222577714,
    -0.0008164344596567469,
    0.007880878010261995,
    -0.1447110071732629,
    0.5823571654525552,
    -0.45808210592918697,
    1.0 / 66.0,
)
_HUGE_ERROR = 1e6


class _Carry(NamedTuple):
    step: Array
    status: Array
    steps: Array


class Tsit5(AbstractMethod):
    """Adaptive explicit steps; error of a step held below ``atol + rtol |y|`` in the root mean square over states.

    ``max_steps`` is each lane's budget for a whole solve; a lane that exceeds it gets ``Status.STEP_BUDGET``.

    Derivatives take no part in the choice of steps. Where stiffness limits the steps, as with the valves of a
    circulation, a looser ``rtol`` than 1e-6 still gives good values but derivatives that may grow without bound.
    """

    rtol: float = 1e-6
    atol: float = 1e-8
    max_steps: int = 100_000
    first_step: float = 1e-3

    def begin(self, y: Array) -> _Carry:
        lanes = y.shape[-1]
        return _Carry(
            jnp.full((lanes,), self.first_step, y.dtype),
            jnp.zeros((lanes,), jnp.int32),
            jnp.zeros((lanes,), jnp.int32),
        )

    def status(self, carry: _Carry) -> Array:
        return carry.status

    def steps(self, carry: _Carry) -> Array:
        return carry.steps

    def advance(self, field: Callable, y: Array, length: Array, carry: _Carry) -> tuple[Array, _Carry]:
        always = always_true(y)
        length = jax.lax.stop_gradient(length)
        smallest = 16 * float(np.finfo(y.dtype).eps)

        # traced once for all stages
        @jax.jit
        def rhs(s, y):
            return fence(field(s, y), always)

        def stage(s, h, y, k, weights):
            total = sum(w * ki for w, ki in zip(weights, k, strict=True))
            return fence(y + h * total, always)

        def unfinished(loop):
            s, _, status, *_ = loop
            return jnp.any((s < 1.0) & (status == Status.OK))

        def body(loop):
            s, h, status, steps, y, k1 = loop
            active = (s < 1.0) & (status == Status.OK)
            last = s + h >= 1.0
            step = jnp.where(active, jnp.where(last, 1.0 - s, h), 0.0)
            k = [k1]
            for c, row in zip(_C[1:], _A[1:], strict=True):
                k.append(rhs(s + c * step, stage(s, step, y, k, row)))
            new = stage(s, step, y, k, _B)
            k7 = rhs(s + step, new)
            error = step * sum(w * ki for w, ki in zip(_E, [*k, k7], strict=True))
            scaled = jax.lax.stop_gradient(error) / (
                self.atol + self.rtol * jax.lax.stop_gradient(jnp.maximum(jnp.abs(y), jnp.abs(new)))
            )
            norm = fence(jnp.sqrt(jnp.mean(scaled**2, axis=0)), always)
            # a comparison with a number is false for nan, so this keeps nan and inf out of the controller
            norm = jnp.where(norm < _HUGE_ERROR, norm, _HUGE_ERROR) + 1e-10
            accept = active & (norm <= 1.0)
            factor = jnp.clip(0.9 * jnp.exp(-0.2 * jnp.log(norm)), 0.2, 10.0)
            steps = steps + active
            s = jnp.where(accept, jnp.where(last, 1.0, s + step), s)
            h = jnp.where(active, step * factor, h)
            status = jnp.where(active & (steps >= self.max_steps) & (s < 1.0), Status.STEP_BUDGET, status)
            status = jnp.where(active & ~accept & (h < smallest), Status.STEP_TOO_SMALL, status)
            y = jnp.where(accept, new, y)
            k1 = jnp.where(accept, k7, k1)
            return s, h, status.astype(jnp.int32), steps, y, k1

        zero = jnp.zeros_like(length)
        # a segment of no length is crossed in one step; its field is multiplied by that length
        guess = jnp.where(length > 0, carry.step / jnp.where(length > 0, length, 1.0), 1.0)
        loop = (zero, jnp.minimum(guess, 1.0), carry.status, carry.steps, y, rhs(zero, y))
        s, h, status, steps, y, _ = jax.lax.while_loop(unfinished, body, loop)
        step = jnp.where(length > 0, h * length, carry.step)
        return y, _Carry(step, status, steps)
