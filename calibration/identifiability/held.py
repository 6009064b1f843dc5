"""A problem with some unknowns held where they are put, lane by lane."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from calibration.problem import AbstractProblem, Evaluation


class Held(AbstractProblem):
    """``inner`` where unknowns marked in ``mask`` stand at ``at``, both (unknowns, lanes), whatever z says of them.

    Shapes and names stay those of ``inner``, so that lanes may hold different unknowns. A held entry of z is seen by one
    residual of its own, z - at: it is at rest there and no system of equations is singular because of it. The others may be
    held on a ``leash``, a residual leash z each: where the data do not see a direction, nothing else keeps a search from
    running along it to where an unknown no longer moves anything.
    """

    inner: AbstractProblem
    mask: Array
    at: Array
    leash: float
    names: tuple[str, ...] = eqx.field(static=True)
    lanes: int = eqx.field(static=True)
    informed: bool = eqx.field(static=True)

    def __init__(self, inner: AbstractProblem, mask: Array, at: Array, leash: float = 0.0):
        self.inner, self.mask, self.at, self.leash = inner, mask, at, leash
        self.names, self.lanes, self.informed = inner.names, inner.lanes, inner.informed

    def bounds(self) -> tuple[Array, Array]:
        return self.inner.bounds()

    def full(self, z: Array) -> Array:
        """z with the held unknowns in their places."""
        return jnp.where(self.mask, self.at, z)

    def pull(self, z: Array) -> Array:
        """(lanes,) what the leash adds to half the sum of squared residuals."""
        return 0.5 * (jnp.where(self.mask, 0.0, self.leash * z) ** 2).sum(0)

    def evaluate(self, z: Array, memory: Any = None) -> Evaluation:
        there = self.inner.evaluate(self.full(z), memory)
        off = jnp.where(self.mask, z - self.at, self.leash * z)
        return there._replace(
            residuals=jnp.concatenate([there.residuals, off]),
            log_density=there.log_density - 0.5 * (off**2).sum(0),
        )

    def tiled(self, times: int) -> "Held":
        mask, at = (jnp.repeat(x, times, axis=-1) for x in (self.mask, self.at))
        return Held(self.inner.tiled(times), mask, at, self.leash)

    def values(self, z: Array) -> Array:
        return self.inner.values(self.full(z))
