"""A tumour of two populations that share the room: one that enhances in the image, and one that infiltrates around it.

    dE/dt = div(D_E grad E) + rho_E E (1 - (E + F) / K) - sum_i k_i C_i E
    dF/dt = div(D_F grad F) + rho_F F (1 - (E + F) / K) - sum_i k_i C_i F
    E+ = E exp(-alpha d - beta d^2), F+ alike

Drugs and radiation: ``physio.tumours.treated_field``.

Each image tells one population: contrast-enhanced T1 the first, FLAIR outside of it the second. With equal D and rho the sum is
the one population of ``ReactionDiffusion``.
Source: D. A. Hormuth et al., Sci. Rep. 11:8520 (2021), the family of models whose two-species member was chosen.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import Scalar, parameter
from physio.fields import Still, TissueDiffusion, UniformDiffusion
from physio.priors import LogNormal
from physio.tumours.treated_field import AbstractTreatedField, Drug


class Populations(eqx.Module):
    """State: both populations on the grid [share of cells], and what is left of each drug (drugs,)."""

    enhancing: Array
    infiltrating: Array
    drug: Array


class TwoSpecies(AbstractTreatedField):
    """Two populations."""

    enhancing: TissueDiffusion | UniformDiffusion
    infiltrating: TissueDiffusion | UniformDiffusion
    drugs: dict[str, Drug] = eqx.field(default_factory=dict)
    growth_enhancing: Scalar = parameter("1/d", LogNormal(0.04, cv=0.8), source="assumed: doubling in a week to some months")
    growth_infiltrating: Scalar = parameter("1/d", LogNormal(0.02, cv=0.8), source="assumed: half of the enhancing one's")
    capacity: Scalar = parameter("1", LogNormal(1.0, cv=0.05), source="the unit of E + F; known where they are shares")
    radiosensitivity: Scalar = parameter("1/Gy", LogNormal(0.05, cv=0.6), source="assumed: 0.02 to 0.1 for gliomas in vivo")
    alpha_beta: Scalar = parameter("Gy", LogNormal(10.0, cv=0.3), source="customary; not seen with one fraction size")

    def start(self, enhancing: Array, infiltrating: Array) -> Populations:
        """These cells and no drug."""
        return Populations(enhancing, infiltrating, self.no_drug())

    def diffusion(self):
        return Populations(self.enhancing, self.infiltrating, Still())

    def rates(self, t, state):
        enhancing, infiltrating = self._growth(state.enhancing + state.infiltrating, self.killing(state.drug))
        return Populations(state.enhancing * enhancing, state.infiltrating * infiltrating, self.decaying(state.drug))

    def reacted(self, t, dt, state):
        """Exponential growth at the crowding halfway, found by a step at that of the start: order 2, never negative."""
        kill = self.mean_killing(dt, state.drug)
        step = jnp.asarray(dt, state.enhancing.dtype)
        begin = state.enhancing + state.infiltrating
        first = self._growth(begin, kill)
        end = state.enhancing * jnp.exp(step * first[0]) + state.infiltrating * jnp.exp(step * first[1])
        enhancing, infiltrating = self._growth(0.5 * (begin + end), kill)
        return Populations(
            state.enhancing * jnp.exp(step * enhancing),
            state.infiltrating * jnp.exp(step * infiltrating),
            self.decayed(dt, state.drug),
        )

    def jump(self, t, amounts, state):
        survive = self.survival(amounts).astype(state.enhancing.dtype)
        return Populations(state.enhancing * survive, state.infiltrating * survive, self.given(amounts, state.drug))

    def _growth(self, total: Array, kill: Array) -> tuple[Array, Array]:
        """Net rates of both per cell, in the precision of the field."""
        room = 1.0 - total / self.capacity.astype(total.dtype)
        kill = kill.astype(total.dtype)
        rates = self.growth_enhancing, self.growth_infiltrating
        enhancing, infiltrating = (r.astype(total.dtype) * room - kill for r in rates)
        return enhancing, infiltrating
