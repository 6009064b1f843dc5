"""A heart valve as a smoothed diode.

    Q = dP / R,   R = R_min (R_max / R_min)^H,   H = 1/2 - arctan(100 pi dP / mmHg) / pi,   dP = P_up - P_down

The resistance moves in the logarithm between open and closed within about 0.01 mmHg of dP = 0. A closed valve still
leaks dP / R_max, so a regurgitant valve is one with a small R_max.

Source: F. Regazzoni et al., J. Comput. Phys. 457:111083 (2022); steepness 200 and the arctan form as in the
``circulation`` package, whose published beats it reproduces (a tanh of the same steepness shifts the stroke volume
by 0.1 %).
"""

import equinox as eqx
import jax.numpy as jnp

from physio.arctan import arctan
from physio.component import AbstractLink, Scalar, parameter, port
from physio.priors import LogNormal
from physio.units import as_number

STEEPNESS = 200.0


class DiodeValve(AbstractLink):
    """Low resistance forward, high resistance backward."""

    carries = "mL/s"

    open_resistance: Scalar = parameter(
        "mmHg*s/mL", LogNormal(0.0075, cv=0.2), source="Regazzoni 2022; spread assumed"
    )
    closed_resistance: Scalar = parameter(
        "mmHg*s/mL", LogNormal(75006.2, cv=0.2), source="Regazzoni 2022; spread assumed"
    )

    class Up(eqx.Module):
        pressure: Scalar = port("mmHg")

    class Down(eqx.Module):
        pressure: Scalar = port("mmHg")

    def flow(self, t, up, down):
        drop = up.pressure - down.pressure
        closed = 0.5 - arctan(0.5 * jnp.pi * STEEPNESS * as_number(drop, "mmHg")) / jnp.pi
        ratio = self.closed_resistance / self.open_resistance
        return drop / (self.open_resistance * jnp.exp(closed * jnp.log(ratio)))
