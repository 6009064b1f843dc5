"""How derivatives of a march are taken: forward with the loop, or backward over the steps that were accepted.

Both are derivatives of the realised steps: sizes and order of steps are constants.
"""

import abc

import equinox as eqx
from jaxtyping import Array

from physio.solve.method import AbstractMethod, Marched
from physio.solve.plan import Plan
from physio.system import System


class AbstractAdjoint(eqx.Module):
    """Runs a method so that the result can be differentiated."""

    @abc.abstractmethod
    def march(self, method: AbstractMethod, system: System, plan: Plan, y: Array, copies: int) -> Marched:
        """As ``method.march``; ``copies`` marches of this size will be kept side by side."""


class ForwardMode(AbstractAdjoint):
    """``jax.jvp`` through the loop: best for a few directions, and the only way to higher derivatives."""

    def march(self, method, system, plan, y, copies):
        return method.march(system, plan, y)
