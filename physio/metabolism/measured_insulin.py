"""Plasma insulin known from samples, linear between them and held beyond the ends."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import AbstractController, Scalar, measured, port


class MeasuredInsulin(AbstractController):
    """Samples (times ascending) as a signal."""

    time_unit = "min"

    times: Array = measured("min")
    concentrations: Array = measured("uU/mL")

    class Outputs(eqx.Module):
        concentration: Scalar = port("uU/mL")

    def outputs(self, t, sensed):
        return self.Outputs(concentration=jnp.interp(t, self.times, self.concentrations))
