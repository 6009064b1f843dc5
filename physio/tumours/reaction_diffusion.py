"""A tumour as a field of cells that wander, divide, and die of drugs and radiation.

    dN/dt = div(D grad N) + rho N (1 - N / K) - sum_i k_i C_i N            N  cells as a share of what fits [1]
    dC_i/dt = - b_i C_i,      C_i+ = C_i + dose                            C_i  drug i, in units of its dose
    N+ = N exp(-alpha d - beta d^2),   beta = alpha / (alpha/beta)         d  dose of a fraction [Gy]

Between doses this is N_t = ... - sum k C exp(-b (t - tau)) N. With D and rho constant a front advances at 2 sqrt(D rho).
One image tells D / rho and rho T only, T the age of the tumour; alpha and rho part only where an image lies within the course;
alpha/beta needs two sizes of fraction.
Sources: J. D. Murray, Mathematical Biology II, ch. 11 (2003); R. Rockne et al., Phys. Med. Biol. 55:3271-3285 (2010), the
linear-quadratic jump; T. E. Yankeelov et al., Sci. Transl. Med. 5:187ps9 (2013), calibration from images.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import Scalar, parameter
from physio.fields import AbstractFieldModel, Still, TissueDiffusion, UniformDiffusion
from physio.priors import LogNormal

RADIATION = "radiation"


class Drug(eqx.Module):
    """A drug that kills in proportion to what is left of its doses."""

    kill: Scalar = parameter("1/d", LogNormal(0.05, cv=0.8), source="assumed: of the size of the growth rate, per unit of dose")
    decay: Scalar = parameter("1/d", LogNormal(0.4, cv=0.5), source="assumed: an effect of days")


class Cells(eqx.Module):
    """State: ``cells`` on the grid, and what is left of each drug (drugs,)."""

    cells: Array
    drug: Array


class ReactionDiffusion(AbstractFieldModel):
    """One population. Channels: ``radiation`` [Gy], and the drugs by name [units of dose]."""

    operator: TissueDiffusion | UniformDiffusion
    drugs: dict[str, Drug] = eqx.field(default_factory=dict)
    growth: Scalar = parameter("1/d", LogNormal(0.03, cv=0.8), source="assumed: doubling in a week to some months")
    capacity: Scalar = parameter("1", LogNormal(1.0, cv=0.05), source="the unit of N; known where N is a share")
    radiosensitivity: Scalar = parameter("1/Gy", LogNormal(0.05, cv=0.6), source="assumed: 0.02 to 0.1 for gliomas in vivo")
    alpha_beta: Scalar = parameter("Gy", LogNormal(10.0, cv=0.3), source="customary; not seen with one fraction size")

    @property
    def channels(self) -> tuple[str, ...]:
        return (RADIATION, *self.drugs)

    def start(self, cells: Array) -> Cells:
        """These cells and no drug."""
        return Cells(cells, jnp.zeros((len(self.drugs),), jnp.float64))

    def diffusion(self):
        return Cells(self.operator, Still())

    def rates(self, t, state):
        n = state.cells
        kill = (self._each("kill") * state.drug).sum()
        growth, crowding = self._scalars(n, self.growth - kill, self.growth / self.capacity)
        return Cells(n * (growth - crowding * n), -self._each("decay") * state.drug)

    def reacted(self, t, dt, state):
        """The logistic law in closed form, at the mean of what the drugs kill within dt."""
        n, decay = state.cells, self._each("decay")
        kill = (self._each("kill") * state.drug * mean_decay(decay * dt)).sum()
        net = (self.growth - kill) * dt
        grown, crowding = self._scalars(n, jnp.exp(net), self.growth / self.capacity * dt * _grown(net))
        return Cells(n * grown / (1.0 + crowding * n), state.drug * jnp.exp(-decay * dt))

    def settled(self, t, state):
        return self, state

    def jump(self, t, amounts, state):
        dose = amounts[RADIATION]
        lost = self.radiosensitivity * dose * (1.0 + dose / self.alpha_beta)
        given = jnp.stack([amounts[name] for name in self.drugs]) if self.drugs else state.drug
        (survive,) = self._scalars(state.cells, jnp.exp(-lost))
        return Cells(state.cells * survive, state.drug + given)

    def _each(self, name: str) -> Array:
        """One number of every drug (drugs,)."""
        return jnp.stack([getattr(d, name) for d in self.drugs.values()]) if self.drugs else jnp.zeros((0,), jnp.float64)

    def _scalars(self, like: Array, *values: Array) -> tuple[Array, ...]:
        """In the precision of the field: a float64 scalar would make it float64."""
        return tuple(jnp.asarray(v, like.dtype) for v in values)


def _grown(x: Array) -> Array:
    """(e^x - 1) / x, and 1 at 0."""
    small = jnp.abs(x) < 1e-6
    safe = jnp.where(small, 1.0, x)
    return jnp.where(small, 1.0 + 0.5 * x, jnp.expm1(safe) / safe)


def mean_decay(x: Array) -> Array:
    """Mean of e^-s over s from 0 to x."""
    return _grown(-x)


def seeded(brain_shape, centres: tuple[Array, ...], at: tuple[float, ...], radius: float, peak: float = 0.5) -> Array:
    """A Gaussian of cells around ``at`` [mm]; ``radius`` [mm] is its standard deviation."""
    away = sum((x - c) ** 2 for x, c in zip(centres, at, strict=True))
    return jnp.broadcast_to(peak * jnp.exp(-0.5 * away / radius**2), brain_shape)
