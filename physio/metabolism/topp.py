"""Beta-cell mass, insulin and glucose over months: the slow feedback that holds glucose, or lets it go.

    dG/dt = R0 - (EG0 + SI I) G                                 G  fasting glucose      [mg/dL]
    dI/dt = beta sigma G^2 / (alpha + G^2) - k I                I  fasting insulin      [uU/mL]
    d(beta)/dt = (-d0 + r1 G - r2 G^2) beta                  beta  mass of beta cells   [mg]

High glucose makes beta cells grow, very high glucose kills them. With beta > 0 the mass rests where
r2 G^2 - r1 G + d0 = 0: at the published values G = 100 (stable, with I = 10 and beta = 300) and G = 250 mg/dL (a
saddle, I = 2.8, beta = 36.96). Without beta cells G = R0 / EG0 = 600 mg/dL, which is stable too: a person on the wrong
side of the saddle's separatrix loses all beta cells.

The two roots meet and vanish when r1^2 = 4 r2 d0, that is when r1 falls by 10 %: then nobody recovers, and derivatives of
the resting glucose grow without bound on the way there. d0, r1 and r2 are identifiable together only from a person
who has been on both sides of 100 mg/dL; from fasting glucose alone only their combination at rest is. Insulin settles in
minutes and glucose within a day, beta mass in months: stiff beyond a few days.

Source: B. Topp et al., J. Theor. Biol. 206:605-619 (2000); values as in BioModels BIOMD0000000341.
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal
from physio.units import as_quantity

ASSUMED = "Topp 2000; spread assumed"
RESTING_MG_DL = 100.0


class BetaCellMass(AbstractPlainPart):
    """Fasting glucose and insulin, and the mass of beta cells that slowly follows them."""

    time_unit = "d"

    production: Scalar = parameter("mg/dL/d", LogNormal(864.0, cv=0.1), source=f"R0, {ASSUMED}")
    effectiveness: Scalar = parameter("1/d", LogNormal(1.44, cv=0.2), source=f"EG0, {ASSUMED}")
    sensitivity: Scalar = parameter("mL/uU/d", LogNormal(0.72, cv=0.3), source=f"SI, {ASSUMED}")
    secretion: Scalar = parameter("uU/mL/mg/d", LogNormal(43.2, cv=0.2), source=f"sigma, {ASSUMED}")
    half_secretion: Scalar = parameter("mg^2/dL^2", LogNormal(20000.0, cv=0.2), source=f"alpha, {ASSUMED}")
    clearance: Scalar = parameter("1/d", LogNormal(432.0, cv=0.2), source=f"k, {ASSUMED}")
    death: Scalar = parameter("1/d", LogNormal(0.06, cv=0.05), source=f"d0, {ASSUMED}, small because of the fold")
    growth: Scalar = parameter("dL/mg/d", LogNormal(0.84e-3, cv=0.05), source=f"r1, {ASSUMED}, as of d0")
    toxicity: Scalar = parameter("dL^2/mg^2/d", LogNormal(0.24e-5, cv=0.05), source=f"r2, {ASSUMED}, as of d0")

    class State(eqx.Module):
        glucose: Scalar = state("mg/dL")
        insulin: Scalar = state("uU/mL")
        mass: Scalar = state("mg")

    class Outputs(eqx.Module):
        glucose: Scalar = port("mg/dL")
        insulin: Scalar = port("uU/mL")
        mass: Scalar = port("mg")

    def rest(self):
        """100 mg/dL, with the insulin and the mass that hold it: at the published values the healthy equilibrium."""
        return self.held_at(as_quantity(jnp.full_like(self.production, RESTING_MG_DL), "mg/dL"))

    def held_at(self, glucose):
        """The state at which glucose and insulin stand still at this glucose."""
        insulin = (self.production / glucose - self.effectiveness) / self.sensitivity
        mass = self.clearance * insulin * (self.half_secretion + glucose**2) / (self.secretion * glucose**2)
        return self.State(glucose=glucose, insulin=insulin, mass=mass)

    def equilibria(self):
        """The healthy state, the saddle, and the state without beta cells; NaN for the first two beyond the fold."""
        root = jnp.sqrt(self.growth**2 - 4.0 * self.toxicity * self.death)
        low, high = (self.growth - root) / (2.0 * self.toxicity), (self.growth + root) / (2.0 * self.toxicity)
        ruined = self.held_at(self.production / self.effectiveness)
        return self.held_at(low), self.held_at(high), ruined

    def outputs(self, t, state, sensed):
        return self.Outputs(glucose=state.glucose, insulin=state.insulin, mass=state.mass)

    def rates(self, t, state, sensed, out):
        squared = state.glucose**2
        secreted = state.mass * self.secretion * squared / (self.half_secretion + squared)
        growth = -self.death + self.growth * state.glucose - self.toxicity * squared
        return self.State(
            glucose=self.production - (self.effectiveness + self.sensitivity * state.insulin) * state.glucose,
            insulin=secreted - self.clearance * state.insulin,
            mass=growth * state.mass,
        )
