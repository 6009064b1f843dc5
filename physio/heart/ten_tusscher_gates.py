"""Gates of the ten Tusscher-Panfilov 2006 myocyte: where each settles and how fast.

    dx/dt = (x_inf(V) - x) / tau(V)

Every function takes V as a number in mV (``f_cass`` the subspace calcium in mmol/L) and returns (x_inf, tau in ms). Each
exponential law is written with the logistic function l(z) = 1 / (1 + exp(-z)), which neither overflows nor loses its
derivative. Time constants run from 0.001 ms (``m``, at rest) to 1.2 s (``f``, near -27 mV).

``h`` and ``j`` change their law at -40 mV, where their time constants jump by up to 1 %: this is the published model.

Source: K. H. W. J. ten Tusscher, A. V. Panfilov, Am. J. Physiol. Heart Circ. Physiol. 291:H1088-H1100 (2006); gates
of sodium and potassium currents from K. H. W. J. ten Tusscher et al., 286:H1573-H1589 (2004).
"""

import jax.numpy as jnp
from jax.nn import sigmoid

SWITCH_MV = -40.0


def bell(v, centre, variance):
    """exp(-(V - centre)^2 / variance)."""
    return jnp.exp(-((v - centre) ** 2) / variance)


def m(v):
    """Activation of the fast sodium current."""
    opening = sigmoid((v + 60.0) / 5.0)
    closing = 0.1 * sigmoid(-(v + 35.0) / 5.0) + 0.1 * sigmoid(-(v - 50.0) / 200.0)
    return sigmoid((v + 56.86) / 9.03) ** 2, opening * closing


def h(v):
    """Fast inactivation of the sodium current."""
    low, high = _sides(v)
    opening = 0.057 * jnp.exp(-(low + 80.0) / 6.8)
    closing = 2.7 * jnp.exp(0.079 * low) + 3.1e5 * jnp.exp(0.3485 * low)
    above = 0.77 / 0.13 * sigmoid((high + 10.66) / 11.1)
    return _sodium_available(v), 1.0 / jnp.where(v < SWITCH_MV, opening + closing, above)


def j(v):
    """Slow inactivation of the sodium current."""
    low, high = _sides(v)
    rise = -25428.0 * jnp.exp(0.2444 * low) - 6.948e-6 * jnp.exp(-0.04391 * low)
    opening = rise * (low + 37.78) * sigmoid(-0.311 * (low + 79.23))
    closing = 0.02424 * jnp.exp(-0.01052 * low) * sigmoid(0.1378 * (low + 40.14))
    above = 0.6 * jnp.exp(0.057 * high) * sigmoid(0.1 * (high + 32.0))
    return _sodium_available(v), 1.0 / jnp.where(v < SWITCH_MV, opening + closing, above)


def d(v):
    """Activation of the L-type calcium current."""
    tau = (1.4 * sigmoid((v + 35.0) / 13.0) + 0.25) * 1.4 * sigmoid(-(v + 5.0) / 5.0) + sigmoid((v - 50.0) / 20.0)
    return sigmoid((v + 8.0) / 7.5), tau


def f(v):
    """Slow inactivation of the L-type calcium current by voltage."""
    slow = 1102.5 * bell(v, -27.0, 225.0)
    return sigmoid(-(v + 20.0) / 7.0), slow + 200.0 * sigmoid((v - 13.0) / 10.0) + 180.0 * sigmoid(-(v + 30.0) / 10.0) + 20.0


def f2(v):
    """Fast inactivation of the L-type calcium current by voltage; never complete."""
    slow = 562.0 * bell(v, -27.0, 240.0)
    tau = slow + 31.0 * sigmoid((v - 25.0) / 10.0) + 80.0 * sigmoid(-(v + 30.0) / 10.0)
    return 0.67 * sigmoid(-(v + 35.0) / 7.0) + 0.33, tau


def f_cass(calcium):
    """Inactivation of the L-type calcium current by the calcium of the subspace [mmol/L]."""
    free = 1.0 / (1.0 + (calcium / 0.05) ** 2)
    return 0.6 * free + 0.4, 80.0 * free + 2.0


def r(v):
    """Activation of the transient outward current."""
    return sigmoid((v - 20.0) / 6.0), 9.5 * bell(v, -40.0, 1800.0) + 0.8


def s_epicardial(v):
    """Inactivation of the transient outward current in epicardial and M cells."""
    return sigmoid(-(v + 20.0) / 5.0), 85.0 * bell(v, -45.0, 320.0) + 5.0 * sigmoid(-(v - 20.0) / 5.0) + 3.0


def s_endocardial(v):
    """Inactivation of the transient outward current in endocardial cells: recovers ten times slower."""
    return sigmoid(-(v + 28.0) / 5.0), 1000.0 * bell(v, -67.0, 1000.0) + 8.0


def xr1(v):
    """Activation of the rapid delayed rectifier."""
    return sigmoid((v + 26.0) / 7.0), 450.0 * sigmoid((v + 45.0) / 10.0) * 6.0 * sigmoid(-(v + 30.0) / 11.5)


def xr2(v):
    """Inactivation of the rapid delayed rectifier."""
    return sigmoid(-(v + 88.0) / 24.0), 3.0 * sigmoid((v + 60.0) / 20.0) * 1.12 * sigmoid(-(v - 60.0) / 20.0)


def xs(v):
    """Activation of the slow delayed rectifier."""
    tau = 1400.0 * jnp.sqrt(sigmoid((v - 5.0) / 6.0)) * sigmoid(-(v - 35.0) / 15.0) + 80.0
    return sigmoid((v + 5.0) / 14.0), tau


def _sodium_available(v):
    return sigmoid(-(v + 71.55) / 7.43) ** 2


def _sides(v):
    """V held below and above the switch: each law only sees its own side, so the other cannot overflow."""
    return jnp.minimum(v, SWITCH_MV), jnp.maximum(v, SWITCH_MV)
