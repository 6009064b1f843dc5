"""Body weight, by which what is eaten or injected is shared out: amounts per kg are what the models below work with."""

import equinox as eqx

from physio.component import AbstractController, Scalar, parameter, port
from physio.priors import LogNormal


class BodyWeight(AbstractController):
    """One number that several parts sense."""

    time_unit = "min"

    weight: Scalar = parameter("kg", LogNormal(70.0, cv=0.2), source="adults; known from the scales, so rarely estimated")

    class Outputs(eqx.Module):
        weight: Scalar = port("kg")

    def outputs(self, t, sensed):
        return self.Outputs(weight=self.weight)
