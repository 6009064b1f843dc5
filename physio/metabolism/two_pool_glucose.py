"""Glucose in two pools, with transport, disposal and production under insulin.

    dQ1/dt = U - F01c - FR - x1 Q1 + k12 Q2 + EGP      Q1, Q2    accessible and not accessible glucose     [mmol/kg]
    dQ2/dt = x1 Q1 - (k12 + x2) Q2                     U         appearance from the gut                   [mmol/kg/min]
    F01c   = F01 min(G / 4.5 mmol/L, 1)                F01c      use that needs no insulin
    FR     = 0.003/min max(G - 9 mmol/L, 0) VG         FR        loss in the urine
    EGP    = EGP0 (1 - x3)                             G         plasma glucose = Q1 / VG                  [mmol/L]

As published EGP becomes negative where insulin is above 1 / SIE = 19 mU/L (``TwoPoolGlucose``), as it is for hours
after 4 U: the lowest glucose is then 0.2 mmol/L lower than with ``ProducingTwoPoolGlucose``, which holds EGP at zero.
``SmoothTwoPoolGlucose`` does so without corners.

``resting`` is the state for actions that never change; ``fasting`` and ``deep_share`` are where a person starts, and no law.
VG and k12 are not identifiable from glucose alone.

Source: R. Hovorka et al., Physiol. Meas. 25:905-920 (2004).
"""

import abc

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.metabolism.smooth import softly_positive
from physio.priors import LogNormal
from physio.units import as_quantity

HOVORKA = "Hovorka 2004; spread assumed"
# widths of the smooth corners: concentration [mmol/L] and share of EGP0
CONCENTRATION, SHARE = 0.1, 0.01


class AbstractTwoPoolGlucose(AbstractPlainPart):
    """What all share; they differ in their corners."""

    time_unit = "min"

    volume: Scalar = parameter("L/kg", LogNormal(0.16, cv=0.15), source=f"VG, {HOVORKA}")
    exchange: Scalar = parameter("1/min", LogNormal(0.066, cv=0.3), source=f"k12, {HOVORKA}")
    use: Scalar = parameter("mmol/kg/min", LogNormal(0.0097, cv=0.2), source=f"F01, {HOVORKA}")
    production: Scalar = parameter("mmol/kg/min", LogNormal(0.0161, cv=0.2), source=f"EGP0, {HOVORKA}")
    low: Scalar = parameter("mmol/L", LogNormal(4.5, cv=0.05), source=f"below it F01 falls, {HOVORKA}")
    threshold: Scalar = parameter("mmol/L", LogNormal(9.0, cv=0.1), source=f"of the kidney, {HOVORKA}")
    excretion: Scalar = parameter("1/min", LogNormal(0.003, cv=0.3), source=f"renal clearance, {HOVORKA}")
    fasting: Scalar = parameter("mmol/L", LogNormal(8.067, cv=0.2), source="at 6 mU/min and 70 kg, from these equations")
    deep_share: Scalar = parameter("1", LogNormal(0.3773, cv=0.3), source="Q2 / Q1 at 6 mU/min, from these equations")

    class State(eqx.Module):
        accessible: Scalar = state("mmol/kg")
        deep: Scalar = state("mmol/kg")

    class Sensed(eqx.Module):
        appearance: Scalar = port("mmol/kg/min")
        transport: Scalar = port("1/min")
        disposal: Scalar = port("1/min")
        liver: Scalar = port("1")

    class Outputs(eqx.Module):
        glucose: Scalar = port("mmol/L")

    @abc.abstractmethod
    def above(self, x):
        """x [mmol/L], but not below zero."""

    @abc.abstractmethod
    def remaining(self, share):
        """The share of EGP0 that is produced, of 1 - x3."""

    def rest(self):
        accessible = self.fasting * self.volume
        return self.State(accessible=accessible, deep=self.deep_share * accessible)

    def outputs(self, t, state, sensed):
        return self.Outputs(glucose=state.accessible / self.volume)

    def rates(self, t, state, sensed, out):
        used, lost = self.used(out.glucose), self.lost(out.glucose)
        moved = sensed.transport * state.accessible
        produced = self.production * self.remaining(1.0 - sensed.liver)
        return self.State(
            accessible=sensed.appearance - used - lost - moved + self.exchange * state.deep + produced,
            deep=moved - (self.exchange + sensed.disposal) * state.deep,
        )

    def used(self, glucose):
        """Use that needs no insulin [mmol/kg/min]."""
        return self.use * (self.low - self.above(self.low - glucose)) / self.low

    def lost(self, glucose):
        """Loss in the urine [mmol/kg/min]."""
        return self.excretion * self.above(glucose - self.threshold) * self.volume

    def holding(self, glucose, clearance, liver):
        """The EGP0 that holds this glucose where insulin clears it at the rate ``clearance`` [1/min] through the deep pool."""
        gone = self.used(glucose) + self.lost(glucose) + clearance * glucose * self.volume
        return gone / self.remaining(1.0 - liver)

    def resting(self, transport, disposal, liver):
        """The state at rest with sharp corners: G falls below ``low``, lies between the thresholds, or above both."""
        share = transport / (self.exchange + disposal)
        produced = self.production * self.remaining(1.0 - liver)
        cleared, excreted = self.volume * disposal * share, self.excretion * self.volume
        below = produced / (cleared + self.use / self.low)
        between = (produced - self.use) / cleared
        beyond = (produced - self.use + excreted * self.threshold) / (cleared + excreted)
        glucose = jnp.where(below < self.low, below, jnp.where(between < self.threshold, between, beyond))
        return self.State(accessible=glucose * self.volume, deep=share * glucose * self.volume)


class TwoPoolGlucose(AbstractTwoPoolGlucose):
    """As published: sharp corners, and a liver that may take glucose up."""

    def above(self, x):
        return jnp.maximum(x, 0.0)

    def remaining(self, share):
        return share


class ProducingTwoPoolGlucose(AbstractTwoPoolGlucose):
    """Sharp corners, and a liver that produces or does nothing."""

    def above(self, x):
        return jnp.maximum(x, 0.0)

    def remaining(self, share):
        return jnp.maximum(share, 0.0)


class SmoothTwoPoolGlucose(AbstractTwoPoolGlucose):
    """The same with corners 0.1 mmol/L and a hundredth of EGP0 wide."""

    def above(self, x):
        return softly_positive(x, as_quantity(jnp.full_like(x, CONCENTRATION), "mmol/L"))

    def remaining(self, share):
        return softly_positive(share, SHARE)
