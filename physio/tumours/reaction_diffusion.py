"""A tumour as a field of cells that wander, divide, and die of drugs and radiation.

    dN/dt = div(D grad N) + rho N (1 - N / K) - sum_i k_i C_i N            N  cells as a share of what fits [1]

Drugs C_i and radiation are those of ``physio.tumours.treated_field``: between doses this is
N_t = ... - sum k C exp(-b (t - tau)) N. With D and rho constant a front advances at 2 sqrt(D rho).
One image tells D / rho and rho T only, T the age of the tumour; alpha and rho part only where an image lies within the course;
alpha/beta needs two sizes of fraction.
Source: J. D. Murray, Mathematical Biology II, ch. 11 (2003).
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import Scalar, parameter
from physio.fields import Still, TissueDiffusion, UniformDiffusion
from physio.priors import LogNormal
from physio.tumours.closed_forms import mean_decay
from physio.tumours.treated_field import AbstractTreatedField, Drug


class Cells(eqx.Module):
    """State: ``cells`` on the grid, and what is left of each drug (drugs,)."""

    cells: Array
    drug: Array


class ReactionDiffusion(AbstractTreatedField):
    """One population."""

    operator: TissueDiffusion | UniformDiffusion
    drugs: dict[str, Drug] = eqx.field(default_factory=dict)
    growth: Scalar = parameter("1/d", LogNormal(0.03, cv=0.8), source="assumed: doubling in a week to some months")
    capacity: Scalar = parameter("1", LogNormal(1.0, cv=0.05), source="the unit of N; known where N is a share")
    radiosensitivity: Scalar = parameter("1/Gy", LogNormal(0.05, cv=0.6), source="assumed: 0.02 to 0.1 for gliomas in vivo")
    alpha_beta: Scalar = parameter("Gy", LogNormal(10.0, cv=0.3), source="customary; not seen with one fraction size")

    def start(self, cells: Array) -> Cells:
        """These cells and no drug."""
        return Cells(cells, self.no_drug())

    def diffusion(self):
        return Cells(self.operator, Still())

    def rates(self, t, state):
        n = state.cells
        growth, crowding = self._scalars(n, self.growth - self.killing(state.drug), self.growth / self.capacity)
        return Cells(n * (growth - crowding * n), self.decaying(state.drug))

    def reacted(self, t, dt, state):
        """The logistic law in closed form, at the mean of what the drugs kill within dt."""
        n = state.cells
        net = (self.growth - self.mean_killing(dt, state.drug)) * dt
        grown, crowding = self._scalars(n, jnp.exp(net), self.growth / self.capacity * dt * mean_decay(-net))
        return Cells(n * grown / (1.0 + crowding * n), self.decayed(dt, state.drug))

    def jump(self, t, amounts, state):
        (survive,) = self._scalars(state.cells, self.survival(amounts))
        return Cells(state.cells * survive, self.given(amounts, state.drug))

    def _scalars(self, like: Array, *values: Array) -> tuple[Array, ...]:
        """In the precision of the field: a float64 scalar would make it float64."""
        return tuple(jnp.asarray(v, like.dtype) for v in values)


def seeded(brain_shape, centres: tuple[Array, ...], at: tuple[float, ...], radius: float, peak: float = 0.5) -> Array:
    """A Gaussian of cells around ``at`` [mm]; ``radius`` [mm] is its standard deviation."""
    away = sum((x - c) ** 2 for x, c in zip(centres, at, strict=True))
    return jnp.broadcast_to(peak * jnp.exp(-0.5 * away / radius**2), brain_shape)
