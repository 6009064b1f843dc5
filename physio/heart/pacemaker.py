"""The sinus node as a clock: one unit of the body's time is one beat.

    phase  = t mod 1                 t   beats since the start
    period = 60 / HR                 HR  heart rate [1/min], period [s]

Integrating in phase keeps every activation at the same place of the cycle whatever the rate, so that derivatives
with respect to heart rate are exact.
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractController, Scalar, parameter, port
from physio.priors import LogNormal
from physio.units import as_quantity


def phase_of(beats):
    """What is left of a number of beats after whole ones; a division remainder would be computed lane by lane."""
    return beats - jnp.floor(beats)


class Pacemaker(AbstractController):
    """Phase within the beat and length of the beat."""

    time_unit = "1"

    rate: Scalar = parameter("1/min", LogNormal(70.0, cv=0.15), source="resting adults, 60-80 /min")

    class Outputs(eqx.Module):
        phase: Scalar = port("1")
        period: Scalar = port("s")

    def outputs(self, t, sensed):
        return self.Outputs(phase=phase_of(t), period=as_quantity(60.0, "s/min") / self.rate)
