"""Membrane currents of the ten Tusscher-Panfilov 2006 myocyte [pA/pF], outward positive.

    E_X   = (R T / z F) ln([X]_o / [X]_i)                        Nernst potentials
    I_Na  = g m^3 h j (V - E_Na)        I_bNa = g (V - E_Na)
    I_CaL = 4 g d f f2 fCass (V - 15) F^2 / (R T) (0.25 [Ca]_ss e^x - [Ca]_o) / (e^x - 1),    x = 2 (V - 15) F / (R T)
    I_bCa = g (V - E_Ca)                I_pCa = g [Ca]_i / ([Ca]_i + 0.5 umol/L)
    I_to  = g r s (V - E_K)             I_Kr  = g sqrt([K]_o / 5.4) xr1 xr2 (V - E_K)
    I_Ks  = g xs^2 (V - E_Ks)           E_Ks has a sodium permeability of 3 %
    I_K1  = g sqrt([K]_o / 5.4) x_K1(V - E_K) (V - E_K)
    I_pK  = g (V - E_K) / (1 + exp((25 - V) / 5.98))
    I_NaK, I_NaCa: pump and exchanger; per charge they move 3 Na against 2 K and 3 Na against 1 Ca

I_CaL has a removable singularity at 15 mV. With b(x) = x / (e^x - 1) it is 2 g d f f2 fCass F (0.25 [Ca]_ss b(-x) -
[Ca]_o b(x)), and b is its series near zero.

Source: K. H. W. J. ten Tusscher, A. V. Panfilov, Am. J. Physiol. Heart Circ. Physiol. 291:H1088-H1100 (2006), and
K. H. W. J. ten Tusscher et al., 286:H1573-H1589 (2004).
"""

import equinox as eqx
import jax.numpy as jnp
from jax.nn import sigmoid
from jaxtyping import Array

from physio.units import as_number, as_quantity

# constants as the authors use them; R and F in mJ and C per mmol make R T / F a voltage in mV
GAS = 8.314472    # J/mol/K
TEMPERATURE = 310.0    # K
FARADAY = 96.4853415    # C/mmol


class Currents(eqx.Module):
    """All currents across the membrane [pA/pF]."""

    sodium: Array
    background_sodium: Array
    calcium: Array
    background_calcium: Array
    calcium_pump: Array
    transient_outward: Array
    rapid_rectifier: Array
    slow_rectifier: Array
    inward_rectifier: Array
    plateau_potassium: Array
    exchanger: Array
    sodium_potassium_pump: Array

    def of_sodium(self):
        """Charge that sodium carries out of the cell; the exchanger and the pump move three for each net charge."""
        return self.sodium + self.background_sodium + 3.0 * (self.exchanger + self.sodium_potassium_pump)

    def of_potassium(self):
        """Charge that potassium carries out of the cell, the stimulus aside."""
        rectifiers = self.rapid_rectifier + self.slow_rectifier + self.inward_rectifier
        return self.transient_outward + rectifiers + self.plateau_potassium - 2.0 * self.sodium_potassium_pump

    def of_calcium(self):
        """Charge that calcium carries out of the bulk cytosol; ``calcium`` enters the subspace."""
        return self.background_calcium + self.calcium_pump - 2.0 * self.exchanger

    def total(self):
        """Net outward current."""
        return self.of_sodium() + self.of_potassium() + self.of_calcium() + self.calcium


def faraday():
    """F, so that charge over amount is C/mmol."""
    return as_quantity(FARADAY, "C/mmol")


def thermal_voltage():
    """R T / F in mV."""
    return as_quantity(GAS, "J/mol/K") * as_quantity(TEMPERATURE, "K") / faraday()


def bernoulli(x):
    """x / (exp(x) - 1), by its series near zero where the quotient loses its derivative."""
    near = jnp.abs(x) < 0.1
    far = jnp.where(near, 1.0, x)
    square = x * x
    series = 1.0 - x / 2.0 + square / 12.0 * (1.0 - square / 60.0 * (1.0 - square / 42.0))
    return jnp.where(near, series, far / jnp.expm1(far))


def currents(cell, state) -> Currents:
    """Currents of a cell (its maximal currents, outer concentrations) in a state."""
    voltage = state.voltage
    v, unit_voltage = as_number(voltage, "mV"), thermal_voltage()
    to_sodium = voltage - unit_voltage * jnp.log(cell.outer_sodium / state.sodium)
    to_potassium = voltage - unit_voltage * jnp.log(cell.outer_potassium / state.potassium)
    to_calcium = voltage - 0.5 * unit_voltage * jnp.log(cell.outer_calcium / state.calcium)
    mixed = (cell.outer_potassium + 0.03 * cell.outer_sodium) / (state.potassium + 0.03 * state.sodium)
    by_potassium = jnp.sqrt(cell.outer_potassium / as_quantity(5.4, "mmol/L"))
    rapid = cell.rapid_rectifier * by_potassium * state.xr1 * state.xr2
    return Currents(
        sodium=cell.sodium * state.m**3 * state.h * state.j * to_sodium,
        background_sodium=cell.background_sodium * to_sodium,
        calcium=calcium(cell, state, (voltage - as_quantity(15.0, "mV")) / unit_voltage),
        background_calcium=cell.background_calcium * to_calcium,
        calcium_pump=cell.calcium_pump * state.calcium / (state.calcium + as_quantity(5e-4, "mmol/L")),
        transient_outward=cell.transient_outward * state.r * state.s * to_potassium,
        rapid_rectifier=rapid * to_potassium,
        slow_rectifier=cell.slow_rectifier * state.xs**2 * (voltage - unit_voltage * jnp.log(mixed)),
        inward_rectifier=cell.inward_rectifier * by_potassium * rectified(as_number(to_potassium, "mV")) * to_potassium,
        plateau_potassium=cell.plateau_potassium * sigmoid((v - 25.0) / 5.98) * to_potassium,
        exchanger=exchanger(cell, state, voltage / unit_voltage),
        sodium_potassium_pump=sodium_potassium_pump(cell, state, voltage / unit_voltage),
    )


def calcium(cell, state, x):
    """L-type calcium current; ``x`` = (V - 15 mV) F / (R T). A quarter of the subspace calcium is free to flow back."""
    open_share = state.d * state.f * state.f2 * state.f_cass
    back, into = 0.25 * state.calcium_ss * bernoulli(-2.0 * x), cell.outer_calcium * bernoulli(2.0 * x)
    return 2.0 * cell.calcium_permeability * open_share * faraday() * (back - into)


def rectified(drive):
    """Open share of the inward rectifier at V - E_K in mV."""
    opening = 0.1 * sigmoid(-0.06 * (drive - 200.0))
    closing = (3.0 * jnp.exp(2e-4 * (drive + 100.0)) + jnp.exp(0.1 * (drive - 10.0))) * sigmoid(0.5 * drive)
    return opening / (opening + closing)


def exchanger(cell, state, x):
    """Three sodium in against one calcium out; ``x`` = V F / (R T), barrier at 0.35 of the field."""
    forward = jnp.exp(0.35 * x) * state.sodium**3 * cell.outer_calcium
    backward = 2.5 * jnp.exp(-0.65 * x) * cell.outer_sodium**3 * state.calcium
    sites = as_quantity(87.5, "mmol/L") ** 3 + cell.outer_sodium**3
    free = (as_quantity(1.38, "mmol/L") + cell.outer_calcium) * (1.0 + 0.1 * jnp.exp(-0.65 * x))
    return cell.exchanger * (forward - backward) / (sites * free)


def sodium_potassium_pump(cell, state, x):
    """Three sodium out against two potassium in; ``x`` = V F / (R T)."""
    outside = cell.outer_potassium / (cell.outer_potassium + as_quantity(1.0, "mmol/L"))
    inside = state.sodium / (state.sodium + as_quantity(40.0, "mmol/L"))
    return cell.sodium_potassium_pump * outside * inside / (1.0 + 0.1245 * jnp.exp(-0.1 * x) + 0.0353 * jnp.exp(-x))
