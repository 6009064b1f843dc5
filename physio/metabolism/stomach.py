"""Stomach and gut: what is eaten is ground, emptied at a rate that depends on how full the stomach is, and absorbed.

    d(solid)/dt     = food - k_gri solid                          solid, liquid, intestine   glucose in them     [mg]
    d(liquid)/dt    = k_gri solid - k_empt liquid                 food                       intake              [mg/min]
    d(intestine)/dt = k_empt liquid - k_abs intestine             BW                         body weight         [kg]
    Ra              = f k_abs intestine / BW                      Ra                         appearance in blood [mg/kg/min]
    k_empt          = k_min + (k_max - k_min) / 2 [tanh(alpha (q - b D)) - tanh(beta (q - d D)) + 2]
    alpha           = 5 / (2 D (1 - b)),   beta = 5 / (2 D d),   q = solid + liquid

D is the meal [mg] that the stomach remembers: what was in it when the meal began, and what was eaten since. It is a
state that three events change, so a schedule tells when a meal begins:

    ``meal``   D = q + amount          a meal begins; the amount is its first mouthful, or all of it
    ``more``   D = D + amount          one more mouthful
    ``drink``  solid = solid + amount  eaten at once (``food`` is for what is eaten over minutes)

A full stomach empties fast, slows to k_min half way and is fast again when almost empty. Eaten, and not yet absorbed, is
solid + liquid + intestine; the share 1 - f is lost. f and the volume of glucose in blood are not identifiable apart, and
b and d only from frequent samples after several meals. At the beginning of a meal k_empt jumps; until the first one, with
D = 0, it is k_max.

Source: C. Dalla Man, M. Camilleri, C. Cobelli, IEEE Trans. Biomed. Eng. 53:2472-2478 (2006) and C. Dalla Man, R. A. Rizza,
C. Cobelli, IEEE Trans. Biomed. Eng. 54:1740-1749 (2007), whose D is the whole meal from its first minute on; what the
stomach still holds of the meal before, and mouthful by mouthful, as in the simulator of B. P. Kovatchev et al., J. Diabetes
Sci. Technol. 3:44-55 (2009).
"""

import abc

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractEventPart, Scalar, parameter, port, state
from physio.priors import LogitNormal, LogNormal
from physio.units import as_quantity

NORMAL = "normal subject of Dalla Man 2007; spread assumed"
SMALLEST_MG = 100.0


class AbstractStomach(AbstractEventPart):
    """What all share; they differ in how fast food is ground and in what they do before the first meal."""

    time_unit = "min"

    fastest: Scalar = parameter("1/min", LogNormal(0.0558, cv=0.3), source=f"kmax, {NORMAL}")
    slowest: Scalar = parameter("1/min", LogNormal(0.008, cv=0.3), source=f"kmin, {NORMAL}")
    absorption: Scalar = parameter("1/min", LogNormal(0.057, cv=0.4), source=f"kabs, {NORMAL}")
    available: Scalar = parameter("1", LogitNormal(0.9, sd=0.3), source=f"f, {NORMAL}")
    slowing: Scalar = parameter("1", LogitNormal(0.82, sd=0.4), source=f"b, {NORMAL}")
    reopening: Scalar = parameter("1", LogitNormal(0.01, sd=0.6), source=f"d, {NORMAL}")

    class State(eqx.Module):
        solid: Scalar = state("mg")
        liquid: Scalar = state("mg")
        intestine: Scalar = state("mg")
        meal: Scalar = state("mg")

    class Sensed(eqx.Module):
        food: Scalar = port("mg/min")
        weight: Scalar = port("kg")

    class Events(eqx.Module):
        meal: Scalar = port("mg")
        more: Scalar = port("mg")
        drink: Scalar = port("mg")

    class Outputs(eqx.Module):
        appearance: Scalar = port("mg/kg/min")
        unabsorbed: Scalar = port("mg")

    @abc.abstractmethod
    def grinding(self):
        """k_gri [1/min]."""

    @abc.abstractmethod
    def emptying(self, stomach, meal):
        """k_empt [1/min] of q and D."""

    def rest(self):
        empty = as_quantity(jnp.zeros_like(self.fastest), "mg")
        return self.State(solid=empty, liquid=empty, intestine=empty, meal=empty)

    def outputs(self, t, state, sensed):
        return self.Outputs(
            appearance=self.available * self.absorption * state.intestine / sensed.weight,
            unabsorbed=state.solid + state.liquid + state.intestine,
        )

    def rates(self, t, state, sensed, out):
        ground = self.grinding() * state.solid
        emptied = self.emptying(state.solid + state.liquid, state.meal) * state.liquid
        return self.State(
            solid=sensed.food - ground,
            liquid=ground - emptied,
            intestine=emptied - self.absorption * state.intestine,
            meal=0.0 * sensed.food,
        )

    def jump(self, t, event, state, sensed):
        stomach = state.solid + state.liquid
        meal = jnp.where(event.meal > 0.0, stomach + event.meal, state.meal) + event.more
        return self.State(state.solid + event.drink, state.liquid, state.intestine, meal)

    def between(self, stomach, meal):
        """k_empt for D > 0."""
        falls = jnp.tanh(2.5 * (stomach - self.slowing * meal) / (meal * (1.0 - self.slowing)))
        rises = jnp.tanh(2.5 * (stomach - self.reopening * meal) / (meal * self.reopening))
        return self.slowest + 0.5 * (self.fastest - self.slowest) * (falls - rises + 2.0)


class Stomach(AbstractStomach):
    """Ground as fast as emptied, k_gri = k_max, as in the simulator."""

    def grinding(self):
        return self.fastest

    def emptying(self, stomach, meal):
        return _from_the_first_meal_on(self, stomach, meal)


class SmoothStomach(AbstractStomach):
    """The same without a case for D = 0: D is never below 100 mg, sqrt(D^2 + (100 mg)^2)."""

    def grinding(self):
        return self.fastest

    def emptying(self, stomach, meal):
        return self.between(stomach, jnp.sqrt(meal**2 + as_quantity(jnp.full_like(meal, SMALLEST_MG), "mg") ** 2))


class GrindingStomach(AbstractStomach):
    """Grinding with a rate of its own, as in the paper."""

    grinding_rate: Scalar = parameter("1/min", LogNormal(0.0558, cv=0.3), source=f"kgri, {NORMAL}")

    def grinding(self):
        return self.grinding_rate

    def emptying(self, stomach, meal):
        return _from_the_first_meal_on(self, stomach, meal)


def _from_the_first_meal_on(part, stomach, meal):
    known = meal > 0.0
    # a meal that is not there must not divide, in derivatives neither
    there = jnp.where(known, meal, as_quantity(jnp.ones_like(meal), "mg"))
    return jnp.where(known, part.between(stomach, there), part.fastest)
