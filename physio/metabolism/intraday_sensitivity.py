"""Insulin sensitivity that changes over the day: a factor of other parts' sensitivities.

    factor = exp(change)          change   from outside, 0 on an average hour   [1]

Source of the need: sensitivity differs between meals of a day, in no common pattern: L. Hinshaw et al., Diabetes 62:2223-2229
(2013); R. Visentin et al., Diabetes Technol. Ther. 17:1-7 (2015).
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractController, Scalar, port


class IntradaySensitivity(AbstractController):
    """One signal that drives other parts."""

    time_unit = "min"

    class Sensed(eqx.Module):
        change: Scalar = port("1")

    class Outputs(eqx.Module):
        factor: Scalar = port("1")

    def outputs(self, t, sensed):
        return self.Outputs(factor=jnp.exp(sensed.change))
