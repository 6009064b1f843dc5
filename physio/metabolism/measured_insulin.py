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
        # the share of every interval that has passed: elementwise, where a search would be a loop inside the solver's
        passed = jnp.clip((t - self.times[:-1]) / jnp.diff(self.times), 0.0, 1.0)
        return self.Outputs(concentration=self.concentrations[0] + (passed * jnp.diff(self.concentrations)).sum())
