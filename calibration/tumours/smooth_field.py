"""A prior of whole fields: smooth factors around a mean.

    x(r) = mean(r) exp(s f(r)),      f = S w,      w standard normal in every cell
    S = c (1 - l^2 lap)^-1 in the box, c such that the variance of f is 1 on average; s the SD of log x, l [mm] its reach

w are the unknowns: standard normal under the prior, like all others.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.component import as_float
from physio.fields import Domain, Grid, UniformDiffusion
from physio.fields.cosine import cosines, filtered, symbol


class SmoothField(eqx.Module):
    """``sd`` of the logarithm and ``reach`` [mm], both assumed."""

    sd: Array = eqx.field(converter=as_float, default=0.5)
    reach: float = eqx.field(static=True, default=4.0)

    def factor(self, grid: Grid, w: Array) -> Array:
        """exp(s f) on the grid."""
        return jnp.exp(self.smoothed(grid, w))

    def smoothed(self, grid: Grid, w: Array) -> Array:
        """s S w, linear in w."""
        scale = self._scale(grid)
        return self.sd * filtered(UniformDiffusion(Domain(grid), 1.0), w, lambda k: scale / (1.0 + self.reach**2 * k))

    def variance(self, grid: Grid) -> Array:
        """Of log x in every cell: larger at walls, behind which the field is mirrored."""
        gain = (self._scale(grid) / (1.0 + self.reach**2 * symbol(grid, 2))) ** 2
        for axis, n in enumerate(grid.shape):
            gain = np.moveaxis(np.tensordot(cosines(n) ** 2, gain, (0, axis)), 0, axis)
        return self.sd**2 * gain

    def _scale(self, grid: Grid) -> float:
        return float(np.mean((1.0 + self.reach**2 * symbol(grid, 2)) ** -2.0) ** -0.5)
