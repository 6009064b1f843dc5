"""The rule for step sizes that most methods share: hold each step's error below a tolerance.

    error norm = root mean square over states of  error / (atol + rtol max(|y|, |y_new|))
    next step  = step * clip(0.9 norm^(-1/order), 0.2, growth)
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.solve.stepping import AbstractStepping, Verdict

_HUGE_ERROR = 1e6


class AbstractAdaptive(AbstractStepping):
    """``max_steps`` is each lane's budget for a whole solve; a lane that exceeds it gets ``Status.STEP_BUDGET``.

    ``order`` is that of the error estimate plus one, ``growth`` the most a step may grow at once.
    """

    order: eqx.AbstractClassVar[int]
    growth: eqx.AbstractClassVar[float]
    rtol: eqx.AbstractVar[float]
    atol: eqx.AbstractVar[float]
    max_steps: eqx.AbstractVar[int]
    first_step: eqx.AbstractVar[float]

    def first(self) -> float:
        return self.first_step

    def budget(self) -> int:
        return self.max_steps

    def propose(self, h: Array, length: Array, s: Array) -> tuple[Array, Array]:
        # a segment of no length is crossed in one step; its field is multiplied by that length
        share = jnp.where(length > 0, h / jnp.where(length > 0, length, 1.0), 1.0)
        last = s + share >= 1.0
        return jnp.where(last, 1.0 - s, share), last

    def judge(self, y: Array, new: Array, error: Array) -> Verdict:
        scaled = error / (self.atol + self.rtol * jnp.maximum(jnp.abs(y), jnp.abs(new)))
        norm = jnp.sqrt(jnp.mean(scaled**2, axis=0))
        # a comparison with a number is false for nan, so this keeps nan and inf out of the controller
        norm = jnp.where(norm < _HUGE_ERROR, norm, _HUGE_ERROR) + 1e-10
        factor = jnp.clip(0.9 * jnp.exp(-jnp.log(norm) / self.order), 0.2, self.growth)
        return Verdict(norm <= 1.0, factor)
