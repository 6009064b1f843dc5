"""A heart valve as an orifice: flow with the square root of the pressure drop, none backward.

    Q = CV sqrt(dP)    dP > 0        regularised at zero as  CV dP / (dP^2 + eps^2)^(1/4)
      = 0              else

The square root has an infinite slope at zero; eps = 0.1 mmHg makes it finite and changes the flow by under 0.25 % for
drops above 1 mmHg.

Source: T. Korakianitis, Y. Shi, J. Biomech. 39:1964-1982 (2006), in the form of Y. Shi, D. R. Hose.
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractLink, Scalar, parameter, port
from physio.priors import LogNormal
from physio.units import as_quantity

EPSILON_MMHG = 0.1


class OrificeValve(AbstractLink):
    """Flow coefficient of a valve that opens and closes at once."""

    carries = "mL/s"

    coefficient: Scalar = parameter(
        "mL/s/mmHg^0.5", LogNormal(375.0, cv=0.2), source="Korakianitis and Shi 2006: 350-400; spread assumed"
    )

    class Up(eqx.Module):
        pressure: Scalar = port("mmHg")

    class Down(eqx.Module):
        pressure: Scalar = port("mmHg")

    def flow(self, t, up, down):
        drop = jnp.maximum(up.pressure - down.pressure, 0.0)
        epsilon = as_quantity(EPSILON_MMHG, "mmHg")
        return self.coefficient * drop / jnp.sqrt(jnp.sqrt(drop**2 + epsilon**2))
