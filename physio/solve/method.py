"""The contract of a method: carry all lanes through their plans."""

import abc
from typing import NamedTuple

import equinox as eqx
from jaxtyping import Array

from physio.solve.plan import Plan
from physio.system import System


class Marched(NamedTuple):
    """What a march returns.

    ``seen``    (times, states, lanes) state at each observation, just before what happens there
    ``final``   (states, lanes) at the last observation
    ``status``  (lanes,) result codes, and ``steps`` (lanes,), rejected ones included
    """

    seen: Array
    final: Array
    status: Array
    steps: Array


class AbstractMethod(eqx.Module):
    """Integrates every lane from the first to the last stop of its plan."""

    @abc.abstractmethod
    def march(self, system: System, plan: Plan, y: Array) -> Marched:
        """From y (states, lanes). Nothing raises: what a lane came to is in its status."""
