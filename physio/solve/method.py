"""The contract of a method: carry all lanes from one stop to the next."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
from jaxtyping import Array


class AbstractMethod(eqx.Module):
    """Integrates dy/ds = field(s, y), s from 0 to 1, for every lane at once.

    ``s`` is (lanes,) and ``y`` (states, lanes). A segment between two stops is always mapped to [0, 1], so that the
    derivative with respect to a stop's time flows through the length of the segment and needs no special rule.
    """

    @abc.abstractmethod
    def begin(self, y: Array) -> Any:
        """What the method carries from segment to segment."""

    @abc.abstractmethod
    def advance(self, field: Callable, y: Array, length: Array, carry: Any) -> tuple[Array, Any]:
        """State at s = 1 and the new carry; ``length`` (lanes,) is the segment's length on the body's clock."""

    @abc.abstractmethod
    def status(self, carry: Any) -> Array:
        """Result code (lanes,)."""

    @abc.abstractmethod
    def steps(self, carry: Any) -> Array:
        """Steps taken, rejected ones included (lanes,)."""
