"""Secretion of insulin by the pancreas in answer to glucose and to its rise.

    dIpo/dt = -gamma Ipo + Spo               Ipo   insulin in the portal vein        [pmol/kg]
    Spo     = Y + Sb + K (dG/dt)+            Spo   secretion into it                 [pmol/kg/min]
    dY/dt   = -alpha (Y - max(beta (G - h), -Sb))
    S       = gamma Ipo                      S     what reaches the liver            [pmol/kg/min]

Y follows glucose above the threshold h [mg/dL], which is basal glucose; with glucose below it Y falls to -Sb at most. K
answers the rise: (dG/dt)+ = max(dG/dt, 0) in the paper, ``Secretion``. ``SignedSecretion`` takes dG/dt as it is, also where
glucose falls, as encoded in BioModels BIOMD0000000379: after a meal of 78 g glucose then falls later and insulin
faster. K, beta and gamma are not identifiable without C-peptide.

Source: C. Dalla Man, R. A. Rizza, C. Cobelli, IEEE Trans. Biomed. Eng. 54:1740-1749 (2007).
"""

import abc

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal

NORMAL = "normal subject of Dalla Man 2007; spread assumed"


class AbstractSecretion(AbstractPlainPart):
    """What both share; they differ in their answer to falling glucose."""

    time_unit = "min"

    basal: Scalar = parameter("pmol/kg/min", LogNormal(1.8, cv=0.3), source=f"Sb, {NORMAL}")
    threshold: Scalar = parameter("mg/dL", LogNormal(95.0, cv=0.08), source=f"h = Gb, {NORMAL}")
    dynamic: Scalar = parameter("pmol*dL/kg/mg", LogNormal(2.3, cv=0.4), source=f"K, {NORMAL}")
    static: Scalar = parameter("pmol*dL/kg/min/mg", LogNormal(0.11, cv=0.4), source=f"beta, {NORMAL}")
    delay_rate: Scalar = parameter("1/min", LogNormal(0.05, cv=0.3), source=f"alpha, {NORMAL}")
    transfer: Scalar = parameter("1/min", LogNormal(0.5, cv=0.2), source=f"gamma, {NORMAL}")

    class State(eqx.Module):
        portal: Scalar = state("pmol/kg")
        provision: Scalar = state("pmol/kg/min")

    class Sensed(eqx.Module):
        glucose: Scalar = port("mg/dL")
        change: Scalar = port("mg/dL/min")

    class Outputs(eqx.Module):
        portal: Scalar = port("pmol/kg")
        secretion: Scalar = port("pmol/kg/min")

    @abc.abstractmethod
    def answered(self, change):
        """The change of glucose that K answers [mg/dL/min]."""

    def rest(self):
        return self.State(portal=self.basal / self.transfer, provision=0.0 * self.basal)

    def outputs(self, t, state, sensed):
        return self.Outputs(portal=state.portal, secretion=self.transfer * state.portal)

    def rates(self, t, state, sensed, out):
        secreted = state.provision + self.basal + self.dynamic * self.answered(sensed.change)
        wanted = jnp.maximum(self.static * (sensed.glucose - self.threshold), -self.basal)
        return self.State(portal=secreted - out.secretion, provision=-self.delay_rate * (state.provision - wanted))


class Secretion(AbstractSecretion):
    """The paper's: only a rise of glucose is answered."""

    def answered(self, change):
        return jnp.maximum(change, 0.0)


class SignedSecretion(AbstractSecretion):
    """A fall of glucose holds secretion back as much as a rise drives it."""

    def answered(self, change):
        return change
