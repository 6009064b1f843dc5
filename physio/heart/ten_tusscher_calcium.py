"""Calcium inside the ten Tusscher-Panfilov 2006 myocyte: bulk cytosol, sarcoplasmic reticulum (SR) and subspace.

    I_up   = V_up / (1 + (0.25 umol/L / [Ca]_i)^2)        into the SR
    I_leak = V_leak ([Ca]_SR - [Ca]_i)
    I_rel  = V_rel O ([Ca]_SR - [Ca]_ss)                  into the subspace
    I_xfer = V_xfer ([Ca]_ss - [Ca]_i)                    from the subspace to the cytosol
    O      = k1 [Ca]_ss^2 R' / (k3 + k1 [Ca]_ss^2)        open share of the release channel
    dR'/dt = k4 (1 - R') - k2 [Ca]_ss R'                  share that is not inactivated
    k1     = 0.15 / kcasr,  k2 = 0.045 kcasr,  kcasr = 2.5 - 1.5 / (1 + (1.5 / [Ca]_SR)^2)        [mmol/L, ms]

Uptake, leak and release count mmol per litre of SR, transfer per litre of cytosol. Buffers are in equilibrium: of a
total c + B c / (c + K) only c is free, so free calcium changes by 1 / (1 + B K / (c + K)^2) of the total.

Source: K. H. W. J. ten Tusscher, A. V. Panfilov, Am. J. Physiol. Heart Circ. Physiol. 291:H1088-H1100 (2006).
"""

import equinox as eqx
from jaxtyping import Array

from physio.units import as_quantity

# half saturation of the buffers [mmol/L]
CYTOSOL, RETICULUM, SUBSPACE = 0.001, 0.3, 0.00025


class Fluxes(eqx.Module):
    """Fluxes of calcium inside the cell [mmol/L/ms]: uptake, leak, release per SR volume, transfer per cytosol."""

    uptake: Array
    leak: Array
    release: Array
    transfer: Array


def fluxes(cell, state) -> Fluxes:
    """Fluxes of a cell in a state."""
    opening, _ = sensitivities(state)
    bound = opening * state.calcium_ss**2
    open_share = bound * state.ryanodine / (as_quantity(0.06, "1/ms") + bound)
    half = as_quantity(2.5e-4, "mmol/L")
    return Fluxes(
        uptake=cell.uptake * state.calcium**2 / (state.calcium**2 + half**2),
        leak=cell.leak * (state.calcium_sr - state.calcium),
        release=cell.release * open_share * (state.calcium_sr - state.calcium_ss),
        transfer=cell.transfer * (state.calcium_ss - state.calcium),
    )


def ryanodine(state):
    """(settled value, time constant) of the share of release channels that is not inactivated."""
    recovery = as_quantity(0.005, "1/ms")
    loss = sensitivities(state)[1] * state.calcium_ss
    return recovery / (recovery + loss), 1.0 / (recovery + loss)


def sensitivities(state):
    """k1 and k2: a full SR opens the release channel faster and inactivates it slower."""
    half = as_quantity(1.5, "mmol/L")
    kcasr = 2.5 - 1.5 * state.calcium_sr**2 / (state.calcium_sr**2 + half**2)
    return as_quantity(0.15, "L^2/mmol^2/ms") / kcasr, as_quantity(0.045, "L/mmol/ms") * kcasr


def total(free, buffer, half):
    """Free and buffered calcium; ``half`` in mmol/L."""
    return free + buffer * free / (free + as_quantity(half, "mmol/L"))


def free_share(free, buffer, half):
    """d free / d total."""
    half = as_quantity(half, "mmol/L")
    return 1.0 / (1.0 + buffer * half / (free + half) ** 2)
