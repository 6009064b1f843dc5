"""What blood meets between two vessels: friction, and the inertia of the blood itself.

    resistive   Q = (P_up - P_down) / R
    inertial    L dQ/dt = P_up - P_down - R Q         Q  flow [mL/s], R  [mmHg*s/mL], L  [mmHg*s^2/mL]

L matters over times shorter than L / R; a mean flow and a mean pressure drop give R alone.

Source: N. Westerhof et al., Med. Biol. Eng. Comput. 47:131-141 (2009); inertial form of F. Regazzoni et al.,
J. Comput. Phys. 457:111083 (2022).
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractInertialLink, AbstractLink, Scalar, parameter, port, state
from physio.priors import LogNormal


class ResistiveBed(AbstractLink):
    """Friction alone."""

    carries = "mL/s"

    resistance: Scalar = parameter(
        "mmHg*s/mL", LogNormal(0.075, cv=0.3), source="systemic veins, Korakianitis and Shi 2006; spread assumed"
    )

    class Up(eqx.Module):
        pressure: Scalar = port("mmHg")

    class Down(eqx.Module):
        pressure: Scalar = port("mmHg")

    def flow(self, t, up, down):
        return (up.pressure - down.pressure) / self.resistance


class InertialBed(AbstractInertialLink):
    """Friction and inertia in series; the state is the flow."""

    carries = "mL/s"

    resistance: Scalar = parameter(
        "mmHg*s/mL", LogNormal(1.08, cv=0.25), source="systemic: (93 - 3) mmHg / 5 L/min at rest"
    )
    inertance: Scalar = parameter(
        "mmHg*s^2/mL", LogNormal(0.005, cv=0.3), source="systemic arteries, Regazzoni 2022; spread assumed"
    )

    class State(eqx.Module):
        flow: Scalar = state("mL/s")

    class Up(eqx.Module):
        pressure: Scalar = port("mmHg")

    class Down(eqx.Module):
        pressure: Scalar = port("mmHg")

    def rest(self):
        return self.State(flow=jnp.zeros_like(self.resistance))

    def flow(self, t, state, up, down):
        return state.flow

    def rates(self, t, state, up, down):
        return self.State(flow=(up.pressure - down.pressure - self.resistance * state.flow) / self.inertance)
