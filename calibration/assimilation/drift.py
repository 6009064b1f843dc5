"""How a parameter that is constant in the equations wanders over a person's life, on the scale of its unknown z.

    dz = -rate z dt + diffusion dW              z = 0 is the prior's median, 1 its standard deviation
"""

import abc

import equinox as eqx
from jaxtyping import Array

from physio.component import as_float


class AbstractDrift(eqx.Module):
    """``rate`` per unit and ``diffusion`` per square root of a unit of the body's time; scalars or (lanes,)."""

    @abc.abstractmethod
    def coefficients(self) -> tuple[Array, Array]:
        """``(rate, diffusion)``."""


class RandomWalk(AbstractDrift):
    """No way back: the variance of z grows by ``spread``^2 per unit of the body's time, without end."""

    spread: Array = eqx.field(converter=as_float)

    def coefficients(self):
        return 0.0 * self.spread, self.spread


class Reverting(AbstractDrift):
    """Ornstein and Uhlenbeck's walk about the prior's median: 1 / ``rate`` is its memory, ``spread`` its lasting sd of z.

    With a spread of 1 a person who is never measured again ends as the prior says.
    """

    rate: Array = eqx.field(converter=as_float)
    spread: Array = eqx.field(converter=as_float, default=1.0)

    def coefficients(self):
        return self.rate, self.spread * (2.0 * self.rate) ** 0.5
