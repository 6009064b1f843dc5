"""What a person's measurements would be without error, given that person's parameters.

A structure is the deterministic part of a population model: a body run through a protocol and read by one instrument, or
equations of one's own. Its parameters are positive and carry lanes last, one lane a person.
"""

import abc
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.body import Body, lanes_of
from physio.observe import Observation
from physio.protocol import AbstractProtocol
from physio.solve import Status
from physio.solve.lanes import picked
from physio.units import unit


class AbstractStructure(eqx.Module):
    """Predictions of one instrument for all people at once; lanes do not interact."""

    @abc.abstractmethod
    def predict(self, values: Mapping[str, Array], lanes: int) -> tuple[Array, Array]:
        """``(predictions (numbers, lanes), status (lanes,))`` from address -> (lanes,)."""

    @abc.abstractmethod
    def picked(self, index: Array) -> "AbstractStructure":
        """The lanes ``index``, in that order; a lane may come several times."""


class Measured(AbstractStructure):
    """A body under a protocol, read by an instrument; numbers of the body that are not given are its own."""

    body: Body
    protocol: AbstractProtocol
    observation: Observation

    def __init__(self, body: Body, protocol: AbstractProtocol, observation: Observation, lanes: int):
        self.body = lanes_of(body, lanes)
        self.protocol = protocol.widened(lanes)
        self.observation = observation

    def predict(self, values, lanes):
        trajectory = self.protocol.run(self.body.with_values(dict(values)), lanes)
        factor = unit(self.body.unit_of(self.observation.path)).factor_to(unit(self.observation.unit))
        return self.observation.predict(trajectory, factor), trajectory.status

    def picked(self, index):
        return eqx.tree_at(lambda s: (s.body, s.protocol), self, picked((self.body, self.protocol), index))


class Equations(AbstractStructure):
    """``function(values, data)`` for all people at once; arrays of ``data`` have lanes last."""

    data: Any
    function: Callable[[Mapping[str, Array], Any], Array] = eqx.field(static=True)

    def predict(self, values, lanes):
        predicted = self.function(values, self.data)
        finite = (jnp.abs(predicted) < jnp.inf).all(axis=0)
        return predicted, jnp.where(finite, Status.OK, Status.STEP_TOO_SMALL).astype(jnp.int32)

    def picked(self, index):
        return Equations(picked(self.data, index), self.function)
