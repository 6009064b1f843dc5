"""An arctangent made of arithmetic, so that a compiler for CPUs computes many at once: its own goes one by one.

    arctan x = pi/2 - arctan(1/x)                      x > 1
    arctan t = pi/4 + arctan((t - 1)/(t + 1))          tan(pi/8) < t <= 1
    arctan u = u P(u^2)                                |u| <= tan(pi/8)

P is the Chebyshev interpolant of degree 12 of arctan(sqrt w)/sqrt w on [0, tan^2(pi/8)]; together within 4e-16 of the truth.
"""

import math

import jax
import jax.numpy as jnp

_NEAR = math.tan(math.pi / 8)
_P = (
    1.0,
    -0.3333333333333332421,
    0.1999999999999701389,
    -0.1428571428532970816,
    0.1111111108532210876,
    -0.09090908059031191027,
    0.0769228109993774325,
    -0.06666205259976526188,
    0.05876834004614160664,
    -0.05217312574061591002,
    0.04499500728984032009,
    -0.03338782450121195152,
    0.01511376509660092467,
)


@jax.custom_jvp
def arctan(x):
    """As ``jnp.arctan``, elementwise; nan gives nan."""
    size = jnp.abs(x)
    steep = size > 1.0
    t = jnp.where(steep, 1.0 / jnp.maximum(size, 1.0), size)
    far = t > _NEAR
    u = jnp.where(far, (t - 1.0) / (t + 1.0), t)
    w = u * u
    p = jnp.full_like(w, _P[-1])
    for coefficient in _P[-2::-1]:
        p = p * w + coefficient
    first = jnp.where(far, math.pi / 4 + u * p, u * p)
    return jnp.sign(x) * jnp.where(steep, math.pi / 2 - first, first)


@arctan.defjvp
def _slope(primals, tangents):
    (x,), (dx,) = primals, tangents
    return arctan(x), dx / (1.0 + x * x)
