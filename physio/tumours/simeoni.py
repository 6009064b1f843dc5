"""A xenograft under a drug: exponential growth that turns linear, and damaged cells that die in stages.

    dx1/dt = l0 x1 / [1 + (l0 w / l1)^psi]^(1/psi) - k2 c x1         x1    cells that divide             [g]
    dx2/dt = k2 c x1 - k1 x2                                         x2-4  damaged, on their way out     [g]
    dx3/dt = k1 (x2 - x3)                                            w     x1 + x2 + x3 + x4             [g]
    dx4/dt = k1 (x3 - x4)                                            c     concentration in plasma       [mg/L]

Growth turns from exponential to linear at w = l1 / l0; with psi = 20 the turn is sharp. A damaged cell takes 3 / k1 to go.
c = l0 / k2 holds a small tumour still: above it, kept up long enough, it is cured. Two arms without and one with a drug tell
all four numbers where tumours pass the turn.

For sharp turns (psi without bound) and no drug: w = w0 exp(l0 t) up to the turn at t* = log(l1 / (l0 w0)) / l0, and from there
w = l1 / l0 + l1 (t - t*), which is ``simeoni_untreated``.

Source: M. Simeoni et al., Cancer Res. 64:1094-1101 (2004), paclitaxel, experiment 1.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal
from physio.units import as_quantity

PACLITAXEL = "paclitaxel, experiment 1 of Simeoni 2004; spread assumed"
SHARPNESS = 20.0    # psi of the paper


def simeoni_untreated(t: Array, start: Array, rate: Array, linear: Array) -> Array:
    """Weight at t of a tumour without a drug whose turn is sharp; ``start`` below linear / rate."""
    turn = jnp.log(linear / (rate * start)) / rate
    before = start * jnp.exp(rate * jnp.minimum(t, turn))
    return before + linear * jnp.maximum(t - turn, 0.0)


class Simeoni(AbstractPlainPart):
    """Dividing cells and three stages of dying."""

    time_unit = "d"

    start: Scalar = parameter("g", LogNormal(0.1, cv=0.3), source="w0, assumed: a nodule that can be felt")
    rate: Scalar = parameter("1/d", LogNormal(0.273, cv=0.3), source=f"l0, {PACLITAXEL}")
    linear: Scalar = parameter("g/d", LogNormal(0.814, cv=0.3), source=f"l1, {PACLITAXEL}")
    dying: Scalar = parameter("1/d", LogNormal(0.968, cv=0.3), source=f"k1, {PACLITAXEL}")
    potency: Scalar = parameter("L/mg/d", LogNormal(0.629, cv=0.3), source=f"k2, 6.29e-4 /d per ng/mL, {PACLITAXEL}")

    class State(eqx.Module):
        dividing: Scalar = state("g")
        first: Scalar = state("g")
        second: Scalar = state("g")
        third: Scalar = state("g")

    class Sensed(eqx.Module):
        concentration: Scalar = port("mg/L")

    class Outputs(eqx.Module):
        weight: Scalar = port("g")

    def rest(self):
        none = as_quantity(jnp.zeros_like(self.start), "g")
        return self.State(dividing=self.start, first=none, second=none, third=none)

    def outputs(self, t, state, sensed):
        return self.Outputs(weight=state.dividing + state.first + state.second + state.third)

    def rates(self, t, state, sensed, out):
        # the turn as log(1 + x^psi) / psi of x = l0 w / l1, which no tumour is too large for
        past = SHARPNESS * jnp.log(self.rate * out.weight / self.linear)
        growth = self.rate * state.dividing * jnp.exp(-jnp.logaddexp(0.0, past) / SHARPNESS)
        damaged = self.potency * sensed.concentration * state.dividing
        return self.State(
            dividing=growth - damaged,
            first=damaged - self.dying * state.first,
            second=self.dying * (state.first - state.second),
            third=self.dying * (state.second - state.third),
        )
