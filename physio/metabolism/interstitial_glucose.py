"""Glucose under the skin, where a sensor sits: plasma glucose with a lag.

    dC/dt = k (G - C)         C   glucose in interstitial fluid   [mg/dL],     G   plasma glucose   [mg/dL]

With C = Gsc / VG this is the Gsc [mg/kg] of the simulator, which calls Gsc / VG blood glucose. The lag is identifiable only
from sensor and blood samples together.

Source: C. Dalla Man, D. M. Raimondo, R. A. Rizza, C. Cobelli, J. Diabetes Sci. Technol. 1:323-330 (2007).
"""

import equinox as eqx

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal


class InterstitialGlucose(AbstractPlainPart):
    """One lag of first order."""

    time_unit = "min"

    rate: Scalar = parameter("1/min", LogNormal(0.1, cv=0.3), source="k: assumed, a lag of 10 min")
    initial: Scalar = parameter("mg/dL", LogNormal(130.0, cv=0.15), source="assumed: fasting glucose as in plasma")

    class State(eqx.Module):
        glucose: Scalar = state("mg/dL")

    class Sensed(eqx.Module):
        plasma: Scalar = port("mg/dL")

    class Outputs(eqx.Module):
        glucose: Scalar = port("mg/dL")

    def rest(self):
        return self.State(glucose=self.initial)

    def outputs(self, t, state, sensed):
        return self.Outputs(glucose=state.glucose)

    def rates(self, t, state, sensed, out):
        return self.State(glucose=self.rate * (sensed.plasma - state.glucose))
