"""What drugs and radiation do to cells on a grid, the same for every population of them.

    dC_i/dt = - b_i C_i,      C_i+ = C_i + dose          C_i  drug i, in units of its dose
    killed at the rate sum_i k_i C_i                     k_i  per unit of dose [1/d]
    N+ = N exp(-alpha d - beta d^2)                      d    dose of a fraction [Gy], beta = alpha / (alpha/beta)

Sources: R. Rockne et al., Phys. Med. Biol. 55:3271-3285 (2010), the linear-quadratic jump; T. E. Yankeelov et al., Sci. Transl.
Med. 5:187ps9 (2013), calibration from images.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import Scalar, parameter
from physio.fields import AbstractFieldModel
from physio.priors import LogNormal
from physio.tumours.closed_forms import mean_decay
from physio.tumours.linear_quadratic import surviving

RADIATION = "radiation"


class Drug(eqx.Module):
    """A drug that kills in proportion to what is left of its doses."""

    kill: Scalar = parameter("1/d", LogNormal(0.05, cv=0.8), source="assumed: of the size of the growth rate, per unit of dose")
    decay: Scalar = parameter("1/d", LogNormal(0.4, cv=0.5), source="assumed: an effect of days")


class AbstractTreatedField(AbstractFieldModel):
    """Channels: ``radiation`` [Gy], and the drugs by name [units of dose]. ``left`` is what is left of each drug (drugs,)."""

    drugs: eqx.AbstractVar[dict[str, Drug]]
    radiosensitivity: eqx.AbstractVar[Scalar]
    alpha_beta: eqx.AbstractVar[Scalar]

    @property
    def channels(self) -> tuple[str, ...]:
        return (RADIATION, *self.drugs)

    def settled(self, t, state):
        return self, state

    def no_drug(self) -> Array:
        return jnp.zeros((len(self.drugs),), jnp.float64)

    def killing(self, left: Array) -> Array:
        """[1/d]"""
        return (self._each("kill") * left).sum()

    def mean_killing(self, dt: Array, left: Array) -> Array:
        """Over the next dt, while the drugs decay [1/d]."""
        return (self._each("kill") * left * mean_decay(self._each("decay") * dt)).sum()

    def decaying(self, left: Array) -> Array:
        """dC/dt."""
        return -self._each("decay") * left

    def decayed(self, dt: Array, left: Array) -> Array:
        """C after dt."""
        return left * jnp.exp(-self._each("decay") * dt)

    def survival(self, amounts: dict[str, Array]) -> Array:
        """Share of cells that a fraction leaves."""
        return surviving(amounts[RADIATION], self.radiosensitivity, self.alpha_beta)

    def given(self, amounts: dict[str, Array], left: Array) -> Array:
        """C after doses."""
        return left + jnp.stack([amounts[name] for name in self.drugs]) if self.drugs else left

    def _each(self, name: str) -> Array:
        """One number of every drug (drugs,)."""
        return jnp.stack([getattr(d, name) for d in self.drugs.values()]) if self.drugs else self.no_drug()
