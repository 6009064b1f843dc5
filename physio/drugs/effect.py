"""What a drug does to one parameter, once its concentration has settled: a factor.

    parameter in effect = parameter * multiplier

A factor per person and parameter, without a dose or a time course: it answers "what if this drug worked on this
person as it did in the published group", with the group's spread as prior.
"""

import equinox as eqx

from physio.component import AbstractController, Scalar, parameter, port
from physio.priors import LogNormal


class Effect(AbstractController):
    """A constant factor that drives a parameter; 1 is no effect."""

    multiplier: Scalar = parameter("1", LogNormal(1.0, cv=0.1), source="no effect on average; replaced by a study's")

    class Outputs(eqx.Module):
        multiplier: Scalar = port("1")

    def outputs(self, t, sensed):
        return self.Outputs(multiplier=self.multiplier)
