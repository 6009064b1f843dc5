"""What a field obeys: diffusion, what happens in each cell by itself, and jumps.

    du/dt = L u + r(t, u),      u+ = jump(t, amounts, u-)  at the events of a schedule

The state is any tree of arrays: fields on the grid, and numbers that all cells share, such as a drug in blood.
"""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax
from jaxtyping import Array

from physio.fields.diffusion import AbstractDiffusion


class Still(eqx.Module):
    """Stands in the place of an operator for what does not diffuse."""


class AbstractFieldModel(eqx.Module):
    """Equations of a field; ``channels`` are the names of the events that it takes."""

    channels: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def diffusion(self) -> Any:
        """A tree like the state: an operator for each array that diffuses, ``Still()`` for the others."""

    @abc.abstractmethod
    def rates(self, t: Array, state: Any) -> Any:
        """r(t, u) per unit of time, without diffusion."""

    @abc.abstractmethod
    def reacted(self, t: Array, dt: Array, state: Any) -> Any:
        """The state after dt of du/dt = r(t, u) alone: exact, or of order 2 at least."""

    @abc.abstractmethod
    def settled(self, t: Array, state: Any) -> tuple["AbstractFieldModel", Any]:
        """The model and the state for one step from t: what is in equilibrium with the state is found here, and held within
        the step. Models without such a thing return both as they are. An operator may only become smaller."""

    @abc.abstractmethod
    def jump(self, t: Array, amounts: dict[str, Array], state: Any) -> Any:
        """The state just after the events of one instant. Amounts are 0 for what did not happen, and all 0 changes nothing."""


class NoReaction(AbstractFieldModel):
    """Diffusion of one field and nothing else."""

    operator: AbstractDiffusion

    def diffusion(self):
        return self.operator

    def rates(self, t, state):
        return jax.numpy.zeros_like(state)

    def reacted(self, t, dt, state):
        return state

    def settled(self, t, state):
        return self, state

    def jump(self, t, amounts, state):
        return state


def operators(model: AbstractFieldModel) -> list[AbstractDiffusion]:
    """Those of the model that diffuse something."""
    return [op for op in _leaves(model.diffusion()) if not isinstance(op, Still)]


def for_each(function, model: AbstractFieldModel, *states: Any) -> Any:
    """``function(operator, array, ...)`` of every array of the state, ``Still()`` included."""
    found, tree = jax.tree.flatten(states[0])
    rest = [jax.tree.leaves(state) for state in states[1:]]
    return jax.tree.unflatten(tree, [function(op, *x) for op, *x in zip(_leaves(model.diffusion()), found, *rest, strict=True)])


def _leaves(tree: Any) -> list:
    return jax.tree.leaves(tree, is_leaf=lambda x: isinstance(x, (AbstractDiffusion, Still)))
