"""Steps of one size: any scheme without its step control, for throughput and for measuring its order."""

import jax.numpy as jnp

from physio.solve.stepping import AbstractStepping, Verdict


class FixedSteps(AbstractStepping):
    """The scheme of ``method`` in equal steps of at most ``step`` (body's clock) between any two stops.

    A lane whose state is no longer finite stops with ``Status.STEP_TOO_SMALL``.
    """

    method: AbstractStepping
    step: float
    max_steps: int = 10_000_000

    def begin(self, field, s, y):
        return self.method.begin(field, s, y)

    def attempt(self, field, s, h, y, memory):
        return self.method.attempt(field, s, h, y, memory)

    def propose(self, h, length, s):
        # rounding must not add a step where the length is a multiple of the step
        count = jnp.maximum(jnp.ceil(length / self.step - 1e-6), 1.0)
        share = 1.0 / count
        last = s + 1.5 * share > 1.0
        return jnp.where(last, 1.0 - s, share), last

    def judge(self, y, new, error):
        whole = jnp.all(jnp.abs(new) < jnp.inf, axis=0)
        return Verdict(whole, jnp.where(whole, 1.0, 0.0))

    def first(self):
        return self.step

    def budget(self):
        return self.max_steps
