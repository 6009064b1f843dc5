"""A tumour under fractionated radiation: logistic growth, and a jump at every fraction.

    dV/dt = r V (1 - V / K)                                V   volume   [mm^3],      t in d
    V     = V exp(-alpha d - beta d^2)                     at a fraction of d [Gy]

Fractions are events of a schedule, so that a solver's steps end on them: a fraction spread over a step would cost its order.
Killed cells are gone at once; in a scan they are seen for weeks more. Growth from volumes before the course; alpha needs one
during or after it, and goes together with r without a scan inside; alpha/beta needs fractions of two sizes.

Sources: ``physio.tumours.linear_quadratic``; R. Rockne et al., Phys. Med. Biol. 55:3271-3285 (2010), a glioma's alpha of
0.025 to 0.036 /Gy at alpha/beta = 10 Gy.
"""

import equinox as eqx

from physio.component import AbstractEventPart, Scalar, parameter, port, state
from physio.priors import LogNormal
from physio.tumours.linear_quadratic import surviving


class IrradiatedTumour(AbstractEventPart):
    """Logistic growth between fractions."""

    time_unit = "d"

    start: Scalar = parameter("mm^3", LogNormal(2e4, cv=0.5), source="assumed: 34 mm across")
    rate: Scalar = parameter("1/d", LogNormal(0.03, cv=0.5), source="r, assumed: doubles in three weeks")
    capacity: Scalar = parameter("mm^3", LogNormal(2e5, cv=0.5), source="K, assumed: ten times the start")
    alpha: Scalar = parameter("1/Gy", LogNormal(0.035, cv=0.4), source="glioma, Rockne 2010; spread assumed")
    ratio: Scalar = parameter("Gy", LogNormal(10.0, cv=0.2), source="alpha / beta of tumours, Fowler 1989; spread assumed")

    class State(eqx.Module):
        volume: Scalar = state("mm^3")

    class Events(eqx.Module):
        fraction: Scalar = port("Gy")

    class Outputs(eqx.Module):
        volume: Scalar = port("mm^3")

    def rest(self):
        return self.State(volume=self.start)

    def outputs(self, t, state, sensed):
        return self.Outputs(volume=state.volume)

    def rates(self, t, state, sensed, out):
        return self.State(volume=self.rate * state.volume * (1.0 - state.volume / self.capacity))

    def jump(self, t, event, state, sensed):
        return self.State(volume=state.volume * surviving(event.fraction, self.alpha, self.ratio))
