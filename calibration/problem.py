"""From a body, its instruments and their readings to residuals and a log density.

Unknowns z are standard normal under their priors and have lanes last: z is (unknowns, lanes), one lane a person (or a
start of a person). Lanes do not interact, so the Jacobian is (residuals, unknowns, lanes), got in one pass by pushing
each unknown's direction through all lanes at once.

    log p(z | data) = sum log p(reading | prediction) - |z|^2 / 2 + constant
    |residuals|^2 / 2 = - log p + constant              (normal errors; a censored reading enters as below)

A reading below the detection limit L contributes Phi((L - prediction) / sd); as a residual it is sqrt(-2 log Phi).
Where a spread is itself unknown, its log enters as one more residual sqrt(2 log(sd / sd_0) + 50) per reading, with sd_0
the prior median, whose square differs from the log by a constant.
"""

import abc
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array

from calibration.problem_check import check_problem, check_shape
from physio.body import Body, lanes_of
from physio.component import ParameterInfo
from physio.observe import Observation, Readings
from physio.protocol import AbstractProtocol
from physio.solve.lanes import lane_jacobian, picked
from physio.units import unit

_LOG_OFFSET = 50.0


class Evaluation(NamedTuple):
    """A problem at one z.

    ``residuals``    (numbers, lanes)
    ``log_density``  (lanes,), prior included
    ``status``       (lanes,) of the solves
    ``memory``       what an evaluation nearby may begin from, or None: it saves work and decides nothing
    """

    residuals: Array
    log_density: Array
    status: Array
    memory: Any


class AbstractProblem(eqx.Module):
    """What a calibrator needs: unknowns in lanes, residuals and a log density.

    ``informed``  whether the standard normal prior of z is part of both, which adds an identity to the information
    """

    names: eqx.AbstractVar[tuple[str, ...]]
    lanes: eqx.AbstractVar[int]
    informed: eqx.AbstractVar[bool]

    @abc.abstractmethod
    def evaluate(self, z: Array, memory: Any = None) -> Evaluation:
        """Residuals, log density and status at z (unknowns, lanes)."""

    @abc.abstractmethod
    def tiled(self, times: int) -> "AbstractProblem":
        """Each lane repeated: lane l becomes lanes l*times ... l*times + times - 1."""

    @abc.abstractmethod
    def values(self, z: Array) -> Array:
        """The unknowns in their own units, same shape as z."""

    def bounds(self) -> tuple[Array, Array]:
        """Least and greatest z (unknowns,); infinite unless the problem says otherwise."""
        infinite = jnp.full((len(self.names),), jnp.inf)
        return -infinite, infinite


def linearize(problem: AbstractProblem, z: Array, memory: Any = None) -> tuple[Evaluation, Array]:
    """The evaluation at z and the Jacobian of its residuals (numbers, unknowns, lanes)."""

    def differentiable(z):
        at_z = problem.evaluate(z, memory)
        return at_z.residuals, at_z

    _, directions, at_z = lane_jacobian(differentiable, z, has_aux=True)
    return at_z, jnp.moveaxis(directions, 0, 1)


def gradient(problem: AbstractProblem, z: Array, memory: Any = None) -> tuple[Evaluation, Array]:
    """The evaluation at z and the gradient of its log density (unknowns, lanes)."""

    def differentiable(z):
        at_z = problem.evaluate(z, memory)
        return at_z.log_density, at_z

    _, directions, at_z = lane_jacobian(differentiable, z, has_aux=True)
    return at_z, directions


def hessian(problem: AbstractProblem, z: Array) -> Array:
    """Second derivatives of the log density (unknowns, unknowns, lanes), forward over forward."""
    return lane_jacobian(lambda z: gradient(problem, z)[1], z)[1]


class Problem(AbstractProblem):
    """People measured by the same instruments under the same kind of protocol.

    ``free``      addresses to estimate: parameters of the body, or ``"<instrument>.<noise parameter>"``
    ``body``      numbers shared by all lanes, or one a lane (lanes last)
    ``readings``  one ``Readings`` an observation, (numbers, lanes)
    ``informed``  False drops the priors: plain maximum likelihood
    """

    body: Body
    protocol: AbstractProtocol
    observations: tuple[Observation, ...]
    readings: tuple[Readings, ...]
    names: tuple[str, ...] = eqx.field(static=True)
    lanes: int = eqx.field(static=True)
    informed: bool = eqx.field(static=True)

    def __init__(
        self,
        body: Body,
        free: Sequence[str],
        *,
        protocol: AbstractProtocol,
        observations: Sequence[Observation],
        readings: Sequence[Readings],
        informed: bool = True,
    ):
        lanes = {r.value.shape[-1] for r in readings}
        if len(lanes) != 1 or len(readings) != len(observations):
            raise ValueError(f"{len(observations)} observations need as many readings with equal lanes, got {lanes}")
        self.lanes = lanes.pop()
        self.names = tuple(free)
        self.informed = informed
        self.body = lanes_of(body, self.lanes)
        self.protocol = protocol.widened(self.lanes)
        self.observations = tuple(
            eqx.tree_at(
                lambda o: o.noise, o, jax.tree.map(lambda x: jnp.broadcast_to(x, (self.lanes,)), o.noise)
            )
            for o in observations
        )
        self.readings = tuple(readings)
        check_problem(self.body, self.names, self.info_table(), self.observations, self.readings)

    def info_table(self) -> dict[str, ParameterInfo]:
        """Unit, prior and source of everything that could be estimated."""
        table = self.body.parameters
        for o in self.observations:
            table |= {
                f"{o.name}.{field}": ParameterInfo(o.noise_unit(field), p, "instrument") for field, p in o.priors
            }
        return table

    def info(self, name: str) -> ParameterInfo:
        """Unit, prior and source of one unknown."""
        return self.info_table()[name]

    def values(self, z: Array) -> Array:
        return jnp.stack([self.info(name).prior.from_z(z[i]) for i, name in enumerate(self.names)])

    def unknowns(self, values: Array) -> Array:
        """z of values in their own units; the inverse of ``values``."""
        return jnp.stack([self.info(name).prior.to_z(values[i]) for i, name in enumerate(self.names)])

    def bodies(self, z: Array) -> Body:
        """The body with the unknowns at z in every lane."""
        known = self.body.parameters
        values = self.values(z)
        return self.body.with_values({n: values[i] for i, n in enumerate(self.names) if n in known})

    def instruments(self, z: Array) -> tuple[Observation, ...]:
        """The observations with unknown noise parameters at z."""
        values = dict(zip(self.names, self.values(z), strict=True))
        out = []
        for o in self.observations:
            for field, _ in o.priors:
                if f"{o.name}.{field}" in values:
                    o = eqx.tree_at(lambda x, f=field: getattr(x.noise, f), o, values[f"{o.name}.{field}"])
            out.append(o)
        return tuple(out)

    def predict(self, z: Array, memory: Any = None) -> tuple[list[Array], list[Array], Array, Any]:
        """``(predictions, spreads, status, memory)``: one (numbers, lanes) an observation, in the instrument's unit."""
        trajectory = self.protocol.run(self.bodies(z), self.lanes, memory)
        predictions, spreads = [], []
        for o, read in zip(self.instruments(z), self.readings, strict=True):
            factor = unit(self.body.unit_of(o.path)).factor_to(unit(o.unit))
            predicted = o.predict(trajectory, factor)
            check_shape(o, predicted, read)
            predictions.append(predicted)
            spreads.append(o.noise.sd(predicted))
        return predictions, spreads, trajectory.status, self.protocol.memory(trajectory)

    def evaluate(self, z: Array, memory: Any = None) -> Evaluation:
        predictions, spreads, status, memory = self.predict(z, memory)
        residuals, log_density = [], 0.0
        for o, read, predicted, sd in zip(self.instruments(z), self.readings, predictions, spreads, strict=True):
            seen = read.present & ~read.below
            target = jnp.where(read.present, read.value, 1.0)
            error = jnp.where(seen, (o.noise.transform(target) - o.noise.transform(predicted)) / sd, 0.0)
            margin = jnp.where(read.below, (o.noise.transform(target) - o.noise.transform(predicted)) / sd, 0.0)
            chance = jnp.where(read.below, norm.logcdf(margin), 0.0)
            # sqrt has no derivative at zero, which only a certain reading below the limit would reach
            censored = jnp.where(read.below, jnp.sqrt(-2.0 * jnp.where(read.below, chance, -1.0) + 1e-12), 0.0)
            residuals += [error, censored]
            log_density += (jnp.where(seen, norm.logpdf(error) - jnp.log(sd), 0.0) + chance).sum(0)
            if any(f"{o.name}.{field}" in self.names for field, _ in o.priors):
                reference = jax.lax.stop_gradient(self._reference(o))
                log_sd = jnp.where(seen, jnp.sqrt(2.0 * jnp.log(sd / reference) + _LOG_OFFSET), 0.0)
                residuals.append(log_sd)
        if self.informed:
            residuals.append(z)
            log_density = log_density + norm.logpdf(z).sum(0)
        return Evaluation(jnp.concatenate(residuals), log_density, status, memory)

    def _reference(self, o: Observation) -> float:
        """A spread of the right size, so that the log of the ratio stays far from -25."""
        return float(np.prod([prior.median for _, prior in o.priors]) ** (1.0 / len(o.priors)))

    def tiled(self, times: int) -> "Problem":
        return self.picked(jnp.repeat(jnp.arange(self.lanes), times))

    def picked(self, index: Array) -> "Problem":
        """The lanes ``index``, in that order; one may come several times."""
        return Problem(
            picked(self.body, index),
            self.names,
            protocol=picked(self.protocol, index),
            observations=picked(self.observations, index),
            readings=picked(self.readings, index),
            informed=self.informed,
        )
