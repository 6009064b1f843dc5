"""Tumour growth inhibition read off scans: a tumour that grows while a drug's hold on it wanes.

    Claret   dy/dt = (kL - kD E exp(-lambda t)) y        y = y0 exp[kL t - kD E p(lambda t) t],    p(x) = (1 - exp(-x)) / x
    Stein    y = y0 [exp(-kS t) + exp(kG t) - 1]         two processes at once: what dies and what grows

y is a sum of diameters [cm], t in weeks from the first dose, E the exposure relative to the usual one: 1 at the usual dose, 0
without a drug. lambda [1/week] is how fast resistance comes. kD and lambda go together with fewer than four scans; without an
untreated scan kL is told only by regrowth. Both never fall below what is left: a lesion that has vanished is a reading below
detection, not a size of 0.

As differential equations Stein's two terms are two states that share a start: dR/dt = -kS R, dG/dt = kG G, y = y0 (R + G - 1).

Sources: L. Claret et al., J. Clin. Oncol. 27:4103-4108 (2009), and the fit to renal cell carcinoma by the same method, whose
values and spread (variances of logarithms 0.766, 1.15, 0.662 and 1.42 of y0) stand here; W. D. Stein et al., Oncologist
13:1046-1054 (2008).
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal
from physio.tumours.closed_forms import mean_decay

RENAL = "renal cell carcinoma, fit after Claret 2009 with its spread"


def claret(t: Array, start: Array, growth: Array, kill: Array, resistance: Array, exposure: Array = 1.0) -> Array:
    """Size at t; in the unit of ``start``, rates in 1 / the unit of t. ``resistance`` may be 0."""
    return start * jnp.exp(growth * t - kill * exposure * t * mean_decay(resistance * t))


def claret_nadir(growth: Array, kill: Array, resistance: Array, exposure: Array = 1.0) -> Array:
    """Time of the smallest size, log(kD E / kL) / lambda; 0 where it grows from the start."""
    return jnp.log(jnp.maximum(kill * exposure / growth, 1.0)) / resistance


def stein(t: Array, start: Array, growth: Array, regression: Array) -> Array:
    """Size at t; in the unit of ``start``."""
    return start * (jnp.expm1(growth * t) + jnp.exp(-regression * t))


def stein_nadir(growth: Array, regression: Array) -> Array:
    """Time of the smallest size, log(kS / kG) / (kS + kG); 0 where it grows from the start."""
    return jnp.log(jnp.maximum(regression / growth, 1.0)) / (regression + growth)


class Claret(AbstractPlainPart):
    """A sum of diameters under a drug that it becomes resistant to; time counts from the first dose."""

    time_unit = "week"

    start: Scalar = parameter("cm", LogNormal(10.1, cv=1.77), source=f"y0, {RENAL}")
    growth: Scalar = parameter("1/week", LogNormal(3.74e-3, cv=1.07), source=f"kL, {RENAL}")
    kill: Scalar = parameter("1/week", LogNormal(2.42e-2, cv=1.47), source=f"kD at the usual exposure, {RENAL}")
    resistance: Scalar = parameter("1/week", LogNormal(9.22e-2, cv=0.97), source=f"lambda, {RENAL}")

    class State(eqx.Module):
        diameter: Scalar = state("cm")
        hold: Scalar = state("1")

    class Sensed(eqx.Module):
        exposure: Scalar = port("1")

    class Outputs(eqx.Module):
        diameter: Scalar = port("cm")

    def rest(self):
        return self.State(diameter=self.start, hold=jnp.ones_like(self.start / self.start))

    def outputs(self, t, state, sensed):
        return self.Outputs(diameter=state.diameter)

    def rates(self, t, state, sensed, out):
        return self.State(
            diameter=(self.growth - self.kill * sensed.exposure * state.hold) * state.diameter,
            hold=-self.resistance * state.hold,
        )


class Stein(AbstractPlainPart):
    """A sum of diameters as what regresses and what grows, from one start."""

    time_unit = "week"

    start: Scalar = parameter("cm", LogNormal(10.1, cv=1.77), source=f"y0, {RENAL}")
    growth: Scalar = parameter("1/week", LogNormal(3.74e-3, cv=1.07), source="kG, assumed to be kL of Claret's model")
    regression: Scalar = parameter("1/week", LogNormal(2.42e-2, cv=1.47), source="kS, assumed to be kD of Claret's model")

    class State(eqx.Module):
        regressing: Scalar = state("1")
        growing: Scalar = state("1")

    class Outputs(eqx.Module):
        diameter: Scalar = port("cm")

    def rest(self):
        whole = jnp.ones_like(self.start / self.start)
        return self.State(regressing=whole, growing=whole)

    def outputs(self, t, state, sensed):
        return self.Outputs(diameter=self.start * (state.regressing + state.growing - 1.0))

    def rates(self, t, state, sensed, out):
        return self.State(regressing=-self.regression * state.regressing, growing=self.growth * state.growing)
