"""From a fit to what it says about quantities nobody measured.

``paths`` draws whole persons from the posterior and runs each; ``delta`` carries the covariance through the first
derivatives of any quantities, at the price of one linearisation.
"""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.fit import Fit
from calibration.problem import Problem
from physio.protocol import AbstractProtocol
from physio.solve import Status
from physio.solve.lanes import lane_jacobian, repeated


class Paths(eqx.Module):
    """Draws of paths: ``values[path]`` (draws, times, lanes); ``solved`` (draws, lanes); ``z`` (draws, unknowns, lanes)."""

    values: dict[str, Array]
    solved: Array
    z: Array


@compiled_once
def _run(problem: Problem, protocol: AbstractProtocol, z: Array, names: tuple[str, ...]):
    trajectory = protocol.run(problem.bodies(z), problem.lanes)
    known = set(trajectory.system.state_names)
    outputs = trajectory.outputs([n for n in names if n not in known])
    return {n: outputs[n] if n in outputs else trajectory[n] for n in names}, trajectory.status == Status.OK


def paths(fit: Fit, protocol: AbstractProtocol, names: Sequence[str], keys: Array, draws: int) -> Paths:
    """Run ``draws`` persons from the posterior of every lane under a protocol that may differ from the fit's."""
    z = fit.draws(keys, draws)
    lanes, unknowns = fit.problem.lanes, z.shape[1]
    wide = fit.problem.tiled(draws)
    flat = jnp.moveaxis(z, 0, -1).reshape(unknowns, lanes * draws)
    values, solved = _run(wide, repeated(protocol.widened(lanes), draws), flat, tuple(names))
    by_draw = {n: jnp.moveaxis(v.reshape(v.shape[0], lanes, draws), -1, 0) for n, v in values.items()}
    return Paths(by_draw, solved.reshape(lanes, draws).T, z)


def band(values: Array, level: float, axis: int = 0) -> tuple[Array, Array]:
    """Equal-tailed quantiles over draws; draws that failed (nan) are left out."""
    tail = 0.5 * (1.0 - level)
    return jnp.nanquantile(values, tail, axis=axis), jnp.nanquantile(values, 1.0 - tail, axis=axis)


def delta(quantities: Callable[[Array], Array], z: Array, covariance: Array) -> tuple[Array, Array]:
    """``(value, sd)`` (quantities, lanes) of functions of z (unknowns, lanes) whose lanes do not interact."""
    value, directions = lane_jacobian(quantities, z)
    return value, jnp.sqrt(jnp.einsum("pql,pnl,qnl->nl", covariance, directions, directions))
