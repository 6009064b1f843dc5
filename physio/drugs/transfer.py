"""First-order ways of a drug between compartments.

    absorption    flow = ka A                ka   rate constant             [1/h]
    exchange      flow = Q (c_up - c_down)   Q    intercompartmental        [L/h]
    elimination   flow = CL c                CL   clearance                 [L/h]

Source: M. Rowland, T. N. Tozer, Clinical Pharmacokinetics and Pharmacodynamics, 4th ed. (2011).
"""

import equinox as eqx

from physio.component import AbstractLink, Scalar, parameter, port
from physio.priors import LogNormal


class Absorption(AbstractLink):
    """Depot to blood. Where ka is slower than elimination the two swap roles (flip-flop)."""

    time_unit = "h"
    carries = "mg/h"

    rate: Scalar = parameter("1/h", LogNormal(1.0, cv=0.7), source="assumed: half absorbed in 40 minutes")

    class Up(eqx.Module):
        amount: Scalar = port("mg")

    def flow(self, t, up, down):
        return self.rate * up.amount


class Exchange(AbstractLink):
    """Passive exchange between two compartments."""

    time_unit = "h"
    carries = "mg/h"

    clearance: Scalar = parameter("L/h", LogNormal(4.0, cv=0.5), source="assumed: as fast as a typical clearance")

    class Up(eqx.Module):
        concentration: Scalar = port("mg/L")

    class Down(eqx.Module):
        concentration: Scalar = port("mg/L")

    def flow(self, t, up, down):
        return self.clearance * (up.concentration - down.concentration)


class LinearElimination(AbstractLink):
    """Elimination in proportion to concentration."""

    time_unit = "h"
    carries = "mg/h"

    clearance: Scalar = parameter("L/h", LogNormal(4.0, cv=0.5), source="assumed: a drug of low hepatic extraction")

    class Up(eqx.Module):
        concentration: Scalar = port("mg/L")

    def flow(self, t, up, down):
        return self.clearance * up.concentration
