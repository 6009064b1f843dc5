"""Cells that a drug kills and cells that it does not, in one tumour: competition, the cost of resistance, and turnover.

    dS/dt = rS S (1 - N) (1 - 2 d D) - dT S        S, R   sensitive and resistant cells, shares of the capacity  [1]
    dR/dt = rR R (1 - N) - dT R                    N      S + R
    rR = (1 - cost) rS,   dT = turnover rS         D      dose, 1 is the full one

A drug kills cells as they divide: with d > 1/2 more die than are born. Without it sensitive cells crowd resistant ones out; the
more so, the fuller the tumour, the larger the cost and the turnover. Left alone it comes to N = 1 - turnover, all sensitive.
From a marker alone the start, the resistant share, cost and turnover go together; rS is held.

    dS/dt = rS S (1 - N / (1 - h D))               h      what the drug takes of the capacity of sensitive cells
    dR/dt = rR R (1 - (c S + R))                   c      competition of a sensitive with a resistant cell

is the other form: the drug lowers a capacity. There resistant cells are held down by c S alone. At D = 1 the capacity that is
left is 0.05, and a tumour above it shrinks at a rate in proportion to N.

Sources: M. A. R. Strobl et al., Cancer Res. 81:1135-1147 (2021), medians of 67 patients under intermittent deprivation; J.
Zhang, J. J. Cunningham, J. S. Brown, R. A. Gatenby, eLife 11:e76284 (2022), whose program counts steps of 1/6 as days: rates
here are in true days, 8/6 of those that are printed.
"""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogitNormal, LogNormal

STROBL = "median of 67 patients, Strobl 2021"
HELD = "held in Strobl 2021; spread assumed"
ZHANG = "Zhang 2022, 8/6 of the printed rate; spread assumed"


class AbstractResistance(AbstractPlainPart):
    """Two kinds of cells under one drug."""

    time_unit: ClassVar[str] = "d"

    burden: eqx.AbstractVar[Scalar]
    resistant: eqx.AbstractVar[Scalar]

    class State(eqx.Module):
        sensitive: Scalar = state("1")
        resistant: Scalar = state("1")

    class Sensed(eqx.Module):
        dose: Scalar = port("1")

    class Outputs(eqx.Module):
        burden: Scalar = port("1")
        relative: Scalar = port("1")

    def rest(self):
        return self.State(sensitive=self.burden * (1.0 - self.resistant), resistant=self.burden * self.resistant)

    def outputs(self, t, state, sensed):
        cells = state.sensitive + state.resistant
        return self.Outputs(burden=cells, relative=cells / self.burden)


class CostAndTurnover(AbstractResistance):
    """The drug kills dividing sensitive cells; resistance costs growth, and all cells turn over."""

    burden: Scalar = parameter("1", LogitNormal(0.617, sd=0.7), source=f"n0, {STROBL}; spread assumed")
    resistant: Scalar = parameter("1", LogitNormal(0.0144, sd=1.2), source=f"share of n0, {STROBL}; spread assumed")
    rate: Scalar = parameter("1/d", LogNormal(0.027, cv=0.2), source=f"rS, {HELD}")
    cost: Scalar = parameter("1", LogitNormal(0.572, sd=1.0), source=f"{STROBL}; spread assumed")
    turnover: Scalar = parameter("1", LogitNormal(0.303, sd=1.0), source=f"{STROBL}; spread assumed")
    killing: Scalar = parameter("1", LogNormal(1.5, cv=0.2), source=f"d, deaths of a division, {HELD}")

    def rates(self, t, state, sensed, out):
        room = self.rate * (1.0 - out.burden)
        death = self.turnover * self.rate
        return self.State(
            sensitive=(room * (1.0 - 2.0 * self.killing * sensed.dose) - death) * state.sensitive,
            resistant=(room * (1.0 - self.cost) - death) * state.resistant,
        )


class LoweredCapacity(AbstractResistance):
    """The drug takes the room of sensitive cells; sensitive cells compete with resistant ones as several of their own kind."""

    burden: Scalar = parameter("1", LogitNormal(0.5, sd=0.7), source="assumed: half of 1e4 cells")
    resistant: Scalar = parameter("1", LogitNormal(0.02, sd=1.2), source="assumed: a fiftieth")
    rate: Scalar = parameter("1/d", LogNormal(0.0208, cv=0.3), source=f"rS, 0.0156 times 8/6, {ZHANG}")
    slower: Scalar = parameter("1/d", LogNormal(0.01213, cv=0.3), source=f"rR, 0.0091 times 8/6, {ZHANG}")
    lost: Scalar = parameter("1", LogitNormal(0.95, sd=0.2), source="h, 9500 of 1e4, Zhang 2022; spread assumed")
    competition: Scalar = parameter("1", LogNormal(6.0, cv=0.3), source="c, Zhang 2022; spread assumed")

    def rates(self, t, state, sensed, out):
        room = 1.0 - self.lost * jnp.clip(sensed.dose, 0.0, 1.0)
        pressed = self.competition * state.sensitive + state.resistant
        return self.State(
            sensitive=self.rate * state.sensitive * (1.0 - out.burden / room),
            resistant=self.slower * state.resistant * (1.0 - pressed),
        )
