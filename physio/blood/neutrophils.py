"""Neutrophils: dividing precursors, three stages of maturation, and the cells that circulate.

    dP/dt  = k P ((1 - E) (N0 / N)^gamma - 1)     P        dividing precursors              [1/nL]
    dT1/dt = k (P - T1)                           T1..T3   maturing, not seen               [1/nL]
    dT2/dt = k (T1 - T2)                          N        circulating neutrophils          [1/nL]
    dT3/dt = k (T2 - T3)                          E        share of divisions that a drug prevents
    dN/dt  = k (T3 - N)                           k = 4 / MTT

1/nL is the clinic's 10^9/L. Every pool rests at N0. The mean transit time MTT sets when the nadir comes, gamma how strongly a
low count speeds up division, and so how fast it recovers and how far it overshoots. Without a drug only N0 can be seen; MTT and
gamma need counts on both sides of the nadir. With E > 1 precursors die faster than they divide.

Source: L. E. Friberg, A. Henningsson, H. Maas, L. Nguyen, M. O. Karlsson, J. Clin. Oncol. 20:4713-4721 (2002).
"""

import equinox as eqx

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal


class Neutrophils(AbstractPlainPart):
    """Precursors, maturation and circulation, with the feedback of the count on division."""

    time_unit = "h"

    transit_time: Scalar = parameter(
        "h", LogNormal(125.0, cv=0.25), source="MTT, 89-135 h between drugs in Friberg 2002; spread assumed"
    )
    baseline: Scalar = parameter(
        "1/nL", LogNormal(5.0, cv=0.4), source="N0, 5.05 and 5.22 /nL in Friberg 2002, between patients 35-42 %"
    )
    feedback: Scalar = parameter("1", LogNormal(0.17, cv=0.25), source="gamma, 0.16-0.23 in Friberg 2002; spread assumed")

    class State(eqx.Module):
        precursors: Scalar = state("1/nL")
        first: Scalar = state("1/nL")
        second: Scalar = state("1/nL")
        third: Scalar = state("1/nL")
        circulating: Scalar = state("1/nL")

    class Sensed(eqx.Module):
        prevented: Scalar = port("1")

    class Outputs(eqx.Module):
        count: Scalar = port("1/nL")

    def rest(self):
        return self.State(*(self.baseline for _ in range(5)))

    def outputs(self, t, state, sensed):
        return self.Outputs(count=state.circulating)

    def rates(self, t, state, sensed, out):
        k = 4.0 / self.transit_time
        division = (1.0 - sensed.prevented) * (self.baseline / state.circulating) ** self.feedback
        return self.State(
            precursors=k * state.precursors * (division - 1.0),
            first=k * (state.precursors - state.first),
            second=k * (state.first - state.second),
            third=k * (state.second - state.third),
            circulating=k * (state.third - state.circulating),
        )
