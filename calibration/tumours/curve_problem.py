"""One curve fitted to many records at once, by weighted least squares.

    r_j = (y_j - f(t_j)) / sd_j        of readings that were seen

Lanes are records. A reading below the limit of detection L adds nothing where the curve is below L too, and counts as L where
it is not. Sizes are divided by each record's first one that was seen, times count from its first reading; sd is relative to
that size as well, so a cost is that of the sizes themselves where all sd of a record are equal.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.problem import AbstractProblem, Evaluation
from calibration.tumours.curves import AbstractCurve
from calibration.tumours.records import TumourRecord
from physio.solve import Status
from physio.solve.lanes import picked

# of the prior on z: it decides only what readings leave open, as a Gompertz law's slowing on a straight line
_WIDE = 0.02


class CurveProblem(AbstractProblem):
    """``time``, ``value``, ``sd`` (numbers, lanes); a value of 0 is below ``limit`` (lanes,), an infinite sd is no reading.

    ``scale`` (lanes,) takes sizes back to the records' unit.
    """

    curve: AbstractCurve
    time: Array
    value: Array
    sd: Array
    limit: Array
    scale: Array

    informed = True

    def __init__(self, curve: AbstractCurve, time: Array, value: Array, sd: Array, limit: Array, scale: Array):
        self.curve, self.time, self.value, self.sd, self.limit, self.scale = curve, time, value, sd, limit, scale

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(u.name for u in self.curve.unknowns)

    @property
    def lanes(self) -> int:
        return self.time.shape[-1]

    def sizes(self, z: Array, time: Array) -> Array:
        """(numbers, lanes) in the records' unit, at times from each record's first reading."""
        return self.scale * self.curve.at(time, z)

    def evaluate(self, z: Array, memory: Any = None) -> Evaluation:
        predicted = self.curve.at(self.time, z)
        used = self.sd < jnp.inf
        over = jnp.where(self.value > 0.0, predicted - self.value, jnp.maximum(predicted - self.limit, 0.0))
        errors = jnp.where(used, over / jnp.where(used, self.sd, 1.0), 0.0)
        residuals = jnp.concatenate([errors, _WIDE * z])
        finite = (jnp.abs(residuals) < jnp.inf).all(0)
        status = jnp.where(finite, Status.OK, Status.STEP_TOO_SMALL).astype(jnp.int32)
        return Evaluation(residuals, -0.5 * (residuals**2).sum(0), status, None)

    def values(self, z: Array) -> Array:
        return jnp.stack([u.value(z[i]) for i, u in enumerate(self.curve.unknowns)])

    def tiled(self, times: int) -> "CurveProblem":
        return self.picked(jnp.repeat(jnp.arange(self.lanes), times))

    def picked(self, index: Array) -> "CurveProblem":
        return picked(self, index)


def curve_problem(curve: AbstractCurve, records: list[TumourRecord], *, limit: float, power: float = 1.0) -> CurveProblem:
    """Of records whose sizes are taken to ``power`` (3 turns diameters into what is in proportion to volumes); equal weights.

    ``limit`` in the records' unit.
    """
    most = max(len(r.time) for r in records)

    def column(values, fill):
        return jnp.asarray(np.stack([np.pad(v, (0, most - len(v)), constant_values=fill) for v in values], axis=-1))

    sizes = [r.size**power for r in records]
    scale = np.asarray([s[r.seen][0] if r.seen.any() else limit**power for s, r in zip(sizes, records, strict=True)])
    return CurveProblem(
        curve,
        column([r.time - r.time[0] for r in records], 0.0),
        column([s / c for s, c in zip(sizes, scale, strict=True)], 0.0),
        column([np.ones(len(s)) for s in sizes], np.inf),
        jnp.asarray(limit**power / scale),
        jnp.asarray(scale),
    )
