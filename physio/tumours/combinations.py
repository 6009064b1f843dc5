"""Two drugs together: what they do if they do not interact, in two senses, and a surface on which they may.

    Hill      E(d) = E0 + (Em - E0) / [1 + (C / d)^h]
    Bliss     independent chances:  E = E1(d1) E2(d2) / E0             effects are shares that survive
    Loewe     one drug in two forms:  d1 / D1(E) + d2 / D2(E) = 1      Di(E) the dose that alone has the effect E
    MuSyC     untouched, touched by one, by the other, by both: four states of a cell, of effects E0, E1, E2, E3

        U  <->  A1    at (d1/C1)^h1                     A2 <-> A12   at (alpha21 d1/C1)^(gamma21 h1)
        U  <->  A2    at (d2/C2)^h2                     A1 <-> A12   at (alpha12 d2/C2)^(gamma12 h2)

each back at the rate 1; the effect is the mean of the four weighted by where cells are in the end. alpha above 1: with the
other drug less of this one is needed (potency); gamma above 1: it acts more steeply; efficacy is E3 beyond the stronger of E1
and E2. With all alpha and gamma 1 the drugs touch cells independently, and E3 = E1 E2 / E0 is Bliss.

Doses d and half-effect doses C [mg/L]; effects are of one unit, falling from E0. E and C of single drugs must be known before a
combination can tell anything: then corners tell E3 and edges alpha.

Sources: C. I. Bliss, Ann. Appl. Biol. 26:585-615 (1939); S. Loewe, Arzneimittelforschung 3:285-290 (1953); C. T. Meyer et al.,
Cell Syst. 8:97-108 (2019); D. J. Wooten et al., Nat. Commun. 12:4607 (2021).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

_HALVINGS = 60


class Hill(NamedTuple):
    """One drug alone: effect without it and at most, half-effect dose, steepness."""

    none: Array
    most: Array
    half: Array
    steepness: Array

    def effect(self, dose: Array) -> Array:
        """E at a dose."""
        return self.none + (self.most - self.none) * _share(_touch(dose / self.half, self.steepness))

    def dose(self, effect: Array) -> Array:
        """The dose that has an effect alone: 0 at ``none``, infinite from ``most`` on."""
        reached = (self.none - effect) / (effect - self.most)
        inside = (reached > 0.0) & (reached < jnp.inf)
        dose = self.half * jnp.where(inside, reached, 1.0) ** (1.0 / self.steepness)
        return jnp.where(inside, dose, jnp.where(effect == self.none, 0.0, jnp.inf))


def _touch(relative: Array, steepness: Array) -> Array:
    """x^h with derivatives at x = 0."""
    given = relative > 0.0
    return jnp.where(given, jnp.where(given, relative, 1.0) ** steepness, 0.0)


def _share(odds: Array) -> Array:
    return odds / (1.0 + odds)


def bliss(first: Hill, second: Hill, dose1: Array, dose2: Array) -> Array:
    """Effect of both under independence; of effects that are shares of ``none``."""
    return first.effect(dose1) * second.effect(dose2) / first.none


def loewe_index(first: Hill, second: Hill, dose1: Array, dose2: Array, effect: Array) -> Array:
    """d1 / D1(E) + d2 / D2(E): below 1 less is needed than of one drug (synergy), above 1 more (antagonism)."""
    return dose1 / first.dose(effect) + dose2 / second.dose(effect)


def loewe(first: Hill, second: Hill, dose1: Array, dose2: Array) -> Array:
    """Effect at which the index is 1, by halving between none and the most that either drug can do; one dose above 0.

    Beyond what one drug can do alone its term is 0. Its derivative is that of the implicit equation.
    """
    high, low = first.none, jnp.minimum(first.most, second.most)

    def index(effect):
        return loewe_index(first, second, dose1, dose2, effect)

    def halve(_, bounds):
        high, low = bounds
        middle = 0.5 * (high + low)
        # too much effect: the index is below 1
        beyond = index(middle) < 1.0
        return jnp.where(beyond, high, middle), jnp.where(beyond, middle, low)

    shape = jnp.broadcast_shapes(*(jnp.shape(x) for x in (dose1, dose2, *first, *second)))
    start = tuple(jnp.broadcast_to(jnp.asarray(x, jnp.result_type(float)), shape) for x in (high, low))
    found = jax.lax.stop_gradient(0.5 * sum(jax.lax.fori_loop(0, _HALVINGS, halve, start)))
    # one Newton step on log index, whose derivatives are those of the solution
    slope = jax.lax.stop_gradient(jax.jvp(lambda e: jnp.log(index(e)), (found,), (jnp.ones_like(found),))[1])
    return found - jnp.log(index(found)) / slope


class MuSyC(NamedTuple):
    """Two drugs of one ``none``; ``both`` is E3. ``alpha12`` and ``gamma12``: what the first drug does to the second."""

    first: Hill
    second: Hill
    both: Array
    alpha12: Array
    alpha21: Array
    gamma12: Array
    gamma21: Array

    def effect(self, dose1: Array, dose2: Array) -> Array:
        """Mean effect of the four states."""
        weights = self.states(dose1, dose2)
        effects = (self.first.none, self.first.most, self.second.most, self.both)
        return sum(w * e for w, e in zip(weights, effects, strict=True))

    def states(self, dose1: Array, dose2: Array) -> tuple[Array, Array, Array, Array]:
        """Shares of cells that are untouched, touched by the first, the second, both; they add up to 1.

        Each is the sum over the four trees of the square of states, of the products of rates towards it.
        """
        x1, x2 = dose1 / self.first.half, dose2 / self.second.half
        a, b = _touch(x1, self.first.steepness), _touch(x2, self.second.steepness)
        c = _touch(self.alpha21 * x1, self.gamma21 * self.first.steepness)
        d = _touch(self.alpha12 * x2, self.gamma12 * self.second.steepness)
        none = 2.0 + c + d
        one = a * (2.0 + c) + b * c
        other = b * (2.0 + d) + a * d
        both = c * b + a * d + c * d * (a + b)
        whole = none + one + other + both
        return none / whole, one / whole, other / whole, both / whole


def efficacy_synergy(surface: MuSyC) -> Array:
    """beta: what both do beyond the stronger drug, in units of what that one does; 0 where E3 is its most."""
    strongest = jnp.minimum(surface.first.most, surface.second.most)
    return (strongest - surface.both) / (surface.first.none - strongest)
