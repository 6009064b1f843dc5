"""Sizes of growing tumours in closed form: what the parts are tested against, and structures of population models.

    exponential          dV/dt = a V                       V0 exp(a t)
    logistic             dV/dt = a V (1 - V / K)           V0 / [e + (1 - e) V0 / K],   e = exp(-a t)
    Gompertz             dV/dt = (a - b log(V / V0)) V     V0 exp(a t p(b t)),          p(x) = (1 - exp(-x)) / x
    power law            dV/dt = a V^g                     V0 exp(w l(q w)),            w = a V0^-q t
    Bertalanffy          dV/dt = a V^g - b V               V0 exp(w l(q w)),            w = (a V0^-q - b) t p(q b t)

with q = 1 - g and l(x) = log(1 + x) / x. Written so, nothing is divided by what may be 0: b = 0 and g = 1 are limits like any
other point, with all their derivatives. A power above 1 outgrows everything in finite time, and is infinite from there on.

Any coherent units: V in mm3, t in d, a and b in 1/d; a of the last two is in mm3^(1-g)/d. Arguments broadcast; all positive but
t, and a, b and g where said. For a growing tumour V0 is its size at t = 0, and a of Gompertz's law its rate there.

Sources: B. Gompertz, Philos. Trans. R. Soc. 115:513-583 (1825); A. K. Laird, Br. J. Cancer 18:490-502 (1964); L. von
Bertalanffy, Q. Rev. Biol. 32:217-231 (1957); S. Benzekry et al., PLoS Comput. Biol. 10:e1003800 (2014).
"""

import math

import jax.numpy as jnp
from jaxtyping import Array

# nearer to 0 than this the quotients are series of enough terms for every digit
_SMALL = 2e-2
_TERMS = 9


def mean_decay(x: Array) -> Array:
    """(1 - exp(-x)) / x, 1 at x = 0: the mean of exp(-s) over s from 0 to x."""
    small = jnp.abs(x) < _SMALL
    away = jnp.where(small, 1.0, x)
    series = sum((-x) ** k / math.factorial(k + 1) for k in range(_TERMS))
    return jnp.where(small, series, -jnp.expm1(-away) / away)


def mean_inverse(x: Array) -> Array:
    """log(1 + x) / x, 1 at x = 0: the mean of 1 / (1 + s) over s from 0 to x; infinite below x = -1."""
    small = jnp.abs(x) < _SMALL
    inside = x > -1.0
    away = jnp.where(small | ~inside, 1.0, x)
    series = sum((-x) ** k / (k + 1) for k in range(_TERMS))
    return jnp.where(small, series, jnp.where(inside, jnp.log1p(away) / away, jnp.inf))


def exponential(t: Array, start: Array, rate: Array) -> Array:
    """Size at t of a tumour that grows at ``rate`` [1/d]."""
    return start * jnp.exp(rate * t)


def logistic(t: Array, start: Array, rate: Array, capacity: Array) -> Array:
    """Size at t below ``capacity``, which may be infinite."""
    left = jnp.exp(-rate * t)
    return start / (left + (1.0 - left) * start / capacity)


def gompertz(t: Array, start: Array, rate: Array, slowing: Array) -> Array:
    """Size at t; ``rate`` at t = 0 falls as exp(-slowing t). ``slowing`` may be 0."""
    return start * jnp.exp(rate * t * mean_decay(slowing * t))


def power_law(t: Array, start: Array, rate: Array, power: Array) -> Array:
    """Size at t; ``power`` 2/3 grows at the surface, 1 everywhere."""
    return bertalanffy(t, start, rate, jnp.zeros_like(rate), power)


def bertalanffy(t: Array, start: Array, gain: Array, loss: Array, power: Array) -> Array:
    """Size at t; what is gained goes with V^power, what is lost with V."""
    left = 1.0 - power
    grown = (gain * start**-left - loss) * t * mean_decay(left * loss * t)
    return start * jnp.exp(grown * mean_inverse(left * grown))


def gompertz_capacity(start: Array, rate: Array, slowing: Array) -> Array:
    """Size that Gompertz's law approaches, V0 exp(a / b)."""
    return start * jnp.exp(rate / slowing)


def bertalanffy_capacity(gain: Array, loss: Array, power: Array) -> Array:
    """Size that Bertalanffy's law approaches, (a / b)^(1 / (1 - g)), for g below 1."""
    return (gain / loss) ** (1.0 / (1.0 - power))


def logistic_doubling(size: Array, rate: Array, capacity: Array) -> Array:
    """Time [d] from a size to twice of it, log[2 (1 - V/K) / (1 - 2 V/K)] / a; infinite from half the capacity on."""
    share = size / capacity
    room = 1.0 - 2.0 * share
    reached = room > 0.0
    return jnp.where(reached, jnp.log(2.0 * (1.0 - share) / jnp.where(reached, room, 1.0)) / rate, jnp.inf)


def gompertz_doubling(size: Array, start: Array, rate: Array, slowing: Array) -> Array:
    """Time [d] from a size to twice of it, -log(1 - b log 2 / a') / b with a' = a - b log(V / V0); infinite where never."""
    here = rate - slowing * jnp.log(size / start)
    reached = here > slowing * math.log(2.0)
    share = math.log(2.0) / jnp.where(reached, here, 1.0)
    return jnp.where(reached, share * mean_inverse(-jnp.where(reached, slowing, 0.0) * share), jnp.inf)


def bertalanffy_doubling(size: Array, gain: Array, loss: Array, power: Array) -> Array:
    """Time [d] from a size to twice of it; infinite where never."""
    left = 1.0 - power
    speed = gain * size**-left - loss
    # (2^q - 1) / q, which is log 2 at q = 0
    needed = math.log(2.0) * mean_decay(-left * math.log(2.0))
    reached = speed > left * loss * needed
    share = needed / jnp.where(reached, speed, 1.0)
    return jnp.where(reached, share * mean_inverse(-jnp.where(reached, left * loss, 0.0) * share), jnp.inf)
