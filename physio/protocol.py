"""How a body is run for its instruments: through a schedule to given times, or to its closed beat."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.body import Body
from physio.component import as_float
from physio.schedule import Schedule, nothing
from physio.solve import (
    AbstractAdjoint,
    AbstractClosing,
    AbstractMethod,
    ForwardMode,
    Newton,
    Status,
    Trajectory,
    Tsit5,
    periodic,
    solve,
)
from physio.solve.plan import to_lanes


class AbstractProtocol(eqx.Module):
    """Runs a cohort and returns its trajectory."""

    @abc.abstractmethod
    def run(self, body: Body, lanes: int, memory: Any = None) -> Trajectory:
        """Trajectory of all lanes. ``memory`` of a run of almost the same body saves work and decides nothing."""

    @abc.abstractmethod
    def memory(self, trajectory: Trajectory) -> Any:
        """What the next run of almost the same body may begin from: arrays with lanes last, or None."""

    @abc.abstractmethod
    def widened(self, lanes: int) -> "AbstractProtocol":
        """The same with a lane axis on every array."""


class Timed(AbstractProtocol):
    """``solve`` through a schedule, seen at the times ``at``: (times,) or (times, lanes).

    ``adjoint`` says which derivatives can be taken: forward ones by default, reverse ones by ``DiscreteAdjoint()``.
    """

    at: Array = eqx.field(converter=as_float)
    schedule: Schedule = eqx.field(default_factory=nothing)
    method: AbstractMethod = Tsit5()
    adjoint: AbstractAdjoint = ForwardMode()

    def run(self, body, lanes, memory=None):
        return solve(body, self.schedule, at=self.at, lanes=lanes, method=self.method, adjoint=self.adjoint)

    def memory(self, trajectory):
        return None

    def widened(self, lanes):
        steady = jax.tree.map(lambda x: jnp.broadcast_to(x, (lanes,)), self.schedule.steady)
        events = [to_lanes(x, lanes) for x in (self.schedule.time, self.schedule.amount, self.schedule.duration)]
        schedule = Schedule(*events, to_lanes(self.schedule.channel, lanes), steady, self.schedule.channels)
        return Timed(to_lanes(self.at, lanes), schedule, self.method, self.adjoint)


class ClosedBeat(AbstractProtocol):
    """``periodic``: one closed beat of a paced body, sampled evenly; it remembers the orbit."""

    samples: int = 64
    closing: AbstractClosing = Newton()
    tolerance: float = 1e-4
    method: AbstractMethod = Tsit5()

    def run(self, body, lanes, memory=None):
        return periodic(
            body,
            samples=self.samples,
            lanes=lanes,
            method=self.method,
            closing=self.closing,
            tolerance=self.tolerance,
            guess=memory,
        )

    def memory(self, trajectory):
        # a lane that failed begins at rest again
        return jnp.where(trajectory.status == Status.OK, jax.lax.stop_gradient(trajectory.final), jnp.nan)

    def widened(self, lanes):
        return self
