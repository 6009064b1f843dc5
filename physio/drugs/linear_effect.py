"""What a drug prevents, in proportion to its concentration.

    E = alpha c         alpha   slope           [L/mg]
                        c       concentration   [mg/L]

Only far below saturation; the product of alpha and the dose is identified by the effect, alpha by concentrations besides.
"""

import equinox as eqx

from physio.component import AbstractController, Scalar, parameter, port
from physio.priors import LogNormal


class LinearEffect(AbstractController):
    """A share that grows with concentration."""

    time_unit = "h"

    slope: Scalar = parameter(
        "L/mg", LogNormal(0.33, cv=0.5), source="Torsten's neutropenia example, 3e-4 mL/ng (Margossian 2022); spread assumed"
    )

    class Sensed(eqx.Module):
        concentration: Scalar = port("mg/L")

    class Outputs(eqx.Module):
        prevented: Scalar = port("1")

    def outputs(self, t, sensed):
        return self.Outputs(prevented=self.slope * sensed.concentration)
