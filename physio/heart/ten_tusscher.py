"""Human ventricular myocyte of ten Tusscher and Panfilov 2006: 19 states, one cell.

    dV/dt        = -(sum of currents + I_stim)                           V in mV, currents in pA/pF = mV/ms
    d[Na]_i/dt   = -(I_Na + I_bNa + 3 I_NaK + 3 I_NaCa) Cm / (V_c F)
    d[K]_i/dt    = -(I_to + I_Kr + I_Ks + I_K1 + I_pK - 2 I_NaK + I_stim) Cm / (V_c F)
    d[Ca]_i/dt   = b_i (-(I_bCa + I_pCa - 2 I_NaCa) Cm / (2 V_c F) + (I_leak - I_up) V_sr / V_c + I_xfer)
    d[Ca]_SR/dt  = b_sr (I_up - I_leak - I_rel)
    d[Ca]_ss/dt  = b_ss (-I_CaL Cm / (2 V_ss F) + I_rel V_sr / V_ss - I_xfer V_c / V_ss)
    dx/dt        = (x_inf - x) / tau                                     for 13 gates, ``gates()``

Currents, gates and calcium fluxes: ``ten_tusscher_currents``, ``ten_tusscher_gates``, ``ten_tusscher_calcium``. A stimulus
is inward, so negative: -52 pA/pF for 1 ms. It is carried by potassium.

Conserved: V - (charge of all ions inside) / Cm, ``charge_balance()``, with or without a stimulus, as the stimulus and
each current carry ions. So the cell has no single resting state and no single paced cycle but one for every
value of this balance; concentrations drift for hours at a new rate, and 40 beats are near the cycle, not on it.

Epicardial at 1 Hz after 40 beats: action potential of 304 ms at 90 % repolarisation, from -85.5 to 39 mV, calcium 0.10 to
0.84 umol/L. From the action potential alone the potassium conductances trade off against each other and against
I_CaL; I_NaCa, I_pCa and the background currents need the calcium transient or the concentrations too.

Stiff (fastest time constant 0.001 ms): use an implicit method. The tissue-scale trick is to advance the gates by their
exponential law. Below 300 ms of cycle length every second stimulus may fail (2:1 block).

Source: K. H. W. J. ten Tusscher, A. V. Panfilov, Am. J. Physiol. Heart Circ. Physiol. 291:H1088-H1100 (2006); initial
states as in the authors' CellML files. No spread is published: those below are assumed, as in populations of models.
"""

import abc

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.heart import ten_tusscher_calcium as inside
from physio.heart import ten_tusscher_gates as laws
from physio.heart.ten_tusscher_currents import currents, faraday
from physio.priors import LogNormal
from physio.units import as_number, as_quantity

PAPER = "ten Tusscher and Panfilov 2006; spread assumed"
# gates in the order of the state, R' of the release channel last
GATES = ("m", "h", "j", "d", "f", "f2", "f_cass", "r", "s", "xr1", "xr2", "xs", "ryanodine")

EPICARDIAL = {
    "voltage": -85.23, "m": 0.00172, "h": 0.7444, "j": 0.7045, "d": 3.373e-5, "f": 0.7888, "f2": 0.9755,
    "f_cass": 0.9953, "r": 2.42e-8, "s": 0.999998, "xr1": 0.00621, "xr2": 0.4712, "xs": 0.0095,
    "ryanodine": 0.9073, "calcium": 1.26e-4, "calcium_sr": 3.64, "calcium_ss": 3.6e-4,
    "sodium": 8.604, "potassium": 136.89,
}  # fmt: skip
ENDOCARDIAL = {
    "voltage": -86.709, "m": 0.00155, "h": 0.7573, "j": 0.7225, "d": 3.164e-5, "f": 0.8009, "f2": 0.9778,
    "f_cass": 0.9953, "r": 2.235e-8, "s": 0.3212, "xr1": 0.00448, "xr2": 0.476, "xs": 0.0087,
    "ryanodine": 0.9068, "calcium": 1.3e-4, "calcium_sr": 3.715, "calcium_ss": 3.6e-4,
    "sodium": 10.355, "potassium": 138.4,
}  # fmt: skip


class AbstractTenTusscher(AbstractPlainPart):
    """What all cell types share; they differ in one gate, two conductances and the state they start from."""

    time_unit = "ms"

    sodium: Scalar = parameter("nS/pF", LogNormal(14.838, cv=0.2), source=f"g_Na, {PAPER}")
    background_sodium: Scalar = parameter("nS/pF", LogNormal(2.9e-4, cv=0.2), source=f"g_bNa, {PAPER}")
    calcium_permeability: Scalar = parameter("L/F/s", LogNormal(0.0398, cv=0.2), source=f"G_CaL, {PAPER}")
    background_calcium: Scalar = parameter("nS/pF", LogNormal(5.92e-4, cv=0.2), source=f"g_bCa, {PAPER}")
    calcium_pump: Scalar = parameter("pA/pF", LogNormal(0.1238, cv=0.2), source=f"g_pCa, {PAPER}")
    transient_outward: Scalar = parameter("nS/pF", LogNormal(0.294, cv=0.2), source=f"g_to, epicardial, {PAPER}")
    rapid_rectifier: Scalar = parameter("nS/pF", LogNormal(0.153, cv=0.2), source=f"g_Kr, {PAPER}")
    slow_rectifier: Scalar = parameter("nS/pF", LogNormal(0.392, cv=0.2), source=f"g_Ks, epi, endo, {PAPER}")
    inward_rectifier: Scalar = parameter("nS/pF", LogNormal(5.405, cv=0.2), source=f"g_K1, {PAPER}")
    plateau_potassium: Scalar = parameter("nS/pF", LogNormal(0.0146, cv=0.2), source=f"g_pK, {PAPER}")
    exchanger: Scalar = parameter("pA/pF", LogNormal(1000.0, cv=0.2), source=f"k_NaCa, {PAPER}")
    sodium_potassium_pump: Scalar = parameter("pA/pF", LogNormal(2.724, cv=0.2), source=f"P_NaK, {PAPER}")
    uptake: Scalar = parameter("mmol/L/ms", LogNormal(0.006375, cv=0.2), source=f"V_maxup, {PAPER}")
    leak: Scalar = parameter("1/ms", LogNormal(3.6e-4, cv=0.2), source=f"V_leak, {PAPER}")
    release: Scalar = parameter("1/ms", LogNormal(0.102, cv=0.2), source=f"V_rel, {PAPER}")
    transfer: Scalar = parameter("1/ms", LogNormal(0.0038, cv=0.2), source=f"V_xfer, {PAPER}")
    cytosol_buffer: Scalar = parameter("mmol/L", LogNormal(0.2, cv=0.1), source=f"Buf_c, {PAPER}")
    reticulum_buffer: Scalar = parameter("mmol/L", LogNormal(10.0, cv=0.1), source=f"Buf_sr, {PAPER}")
    subspace_buffer: Scalar = parameter("mmol/L", LogNormal(0.4, cv=0.1), source=f"Buf_ss, {PAPER}")
    outer_sodium: Scalar = parameter("mmol/L", LogNormal(140.0, cv=0.02), source="plasma, 135-145 mmol/L (95 %)")
    outer_potassium: Scalar = parameter("mmol/L", LogNormal(5.4, cv=0.1), source=f"Tyrode's solution, {PAPER}")
    outer_calcium: Scalar = parameter("mmol/L", LogNormal(2.0, cv=0.1), source=PAPER)
    capacitance: Scalar = parameter("pF", LogNormal(185.0, cv=0.2), source=f"Cm, {PAPER}")
    cytosol_volume: Scalar = parameter("um^3", LogNormal(16404.0, cv=0.2), source=f"V_c, {PAPER}")
    reticulum_volume: Scalar = parameter("um^3", LogNormal(1094.0, cv=0.2), source=f"V_sr, {PAPER}")
    subspace_volume: Scalar = parameter("um^3", LogNormal(54.68, cv=0.2), source=f"V_ss, {PAPER}")

    class State(eqx.Module):
        voltage: Scalar = state("mV")
        m: Scalar = state("1", gate=True)
        h: Scalar = state("1", gate=True)
        j: Scalar = state("1", gate=True)
        d: Scalar = state("1", gate=True)
        f: Scalar = state("1", gate=True)
        f2: Scalar = state("1", gate=True)
        f_cass: Scalar = state("1", gate=True)
        r: Scalar = state("1", gate=True)
        s: Scalar = state("1", gate=True)
        xr1: Scalar = state("1", gate=True)
        xr2: Scalar = state("1", gate=True)
        xs: Scalar = state("1", gate=True)
        ryanodine: Scalar = state("1", gate=True)
        calcium: Scalar = state("mmol/L")
        calcium_sr: Scalar = state("mmol/L")
        calcium_ss: Scalar = state("mmol/L")
        sodium: Scalar = state("mmol/L")
        potassium: Scalar = state("mmol/L")

    class Sensed(eqx.Module):
        stimulus: Scalar = port("pA/pF")

    class Outputs(eqx.Module):
        voltage: Scalar = port("mV")
        calcium: Scalar = port("mmol/L")

    @abc.abstractmethod
    def outward_inactivation(self, v):
        """(x_inf, tau in ms) of the gate s at V in mV."""

    def outputs(self, t, state, sensed):
        return self.Outputs(voltage=state.voltage, calcium=state.calcium)

    def rates(self, t, state, sensed, out):
        across, flux = currents(self, state), inside.fluxes(self, state)
        amount = self.capacitance / (self.cytosol_volume * faraday())    # mmol/L per pA/pF and ms, in the cytosol
        to_reticulum = self.reticulum_volume / self.cytosol_volume
        to_subspace = self.subspace_volume / self.cytosol_volume
        cytosol = -0.5 * amount * across.of_calcium() + (flux.leak - flux.uptake) * to_reticulum + flux.transfer
        subspace = (-0.5 * amount * across.calcium + flux.release * to_reticulum - flux.transfer) / to_subspace
        calcium, calcium_sr, calcium_ss = self._free_shares(state)
        return self.State(
            voltage=-(across.total() + sensed.stimulus),
            calcium=calcium * cytosol,
            calcium_sr=calcium_sr * (flux.uptake - flux.leak - flux.release),
            calcium_ss=calcium_ss * subspace,
            sodium=-amount * across.of_sodium(),
            potassium=-amount * (across.of_potassium() + sensed.stimulus),
            **{name: (settled - getattr(state, name)) / tau for name, (settled, tau) in self.gates(state).items()},
        )

    def gates(self, state):
        """Gate -> (x_inf, tau): each obeys dx/dt = (x_inf - x) / tau, where neither depends on x itself.

        All follow V, but ``f_cass`` the subspace calcium and ``ryanodine`` that and the SR's.
        """
        v = as_number(state.voltage, "mV")
        pairs = {name: getattr(laws, name)(v) for name in ("m", "h", "j", "d", "f", "f2", "r", "xr1", "xr2", "xs")}
        pairs["s"] = self.outward_inactivation(v)
        pairs["f_cass"] = laws.f_cass(as_number(state.calcium_ss, "mmol/L"))
        pairs = {name: (settled, as_quantity(tau, "ms")) for name, (settled, tau) in pairs.items()}
        pairs["ryanodine"] = inside.ryanodine(state)
        return {name: pairs[name] for name in GATES}

    def charge_balance(self, state):
        """V - (charge of all ions inside) / Cm in mV: constant in time."""
        calcium, calcium_sr, calcium_ss = (
            inside.total(free, buffer, half) for free, buffer, half in self._calcium_pools(state)
        )
        bulk = self.cytosol_volume * (state.sodium + state.potassium + 2.0 * calcium)
        pools = 2.0 * (self.reticulum_volume * calcium_sr + self.subspace_volume * calcium_ss)
        return state.voltage - faraday() * (bulk + pools) / self.capacitance

    def _calcium_pools(self, state):
        """(free calcium, its buffer, the buffer's half saturation) of cytosol, reticulum and subspace."""
        return (
            (state.calcium, self.cytosol_buffer, inside.CYTOSOL),
            (state.calcium_sr, self.reticulum_buffer, inside.RETICULUM),
            (state.calcium_ss, self.subspace_buffer, inside.SUBSPACE),
        )

    def _free_shares(self, state):
        return tuple(inside.free_share(*pool) for pool in self._calcium_pools(state))

    def _at(self, values):
        """A state of these numbers in the precision of the parameters."""
        units = {"voltage": "mV"} | dict.fromkeys(
            ("calcium", "calcium_sr", "calcium_ss", "sodium", "potassium"), "mmol/L"
        )
        made = {name: jnp.full_like(self.capacitance, value) for name, value in values.items()}
        return self.State(**{name: as_quantity(value, units.get(name, "1")) for name, value in made.items()})


class EpicardialCell(AbstractTenTusscher):
    """Large transient outward current that recovers fast; with g_Ks = 0.098 nS/pF it is an M cell."""

    def rest(self):
        return self._at(EPICARDIAL)

    def outward_inactivation(self, v):
        return laws.s_epicardial(v)


class EndocardialCell(AbstractTenTusscher):
    """Small transient outward current that recovers slowly."""

    transient_outward: Scalar = parameter("nS/pF", LogNormal(0.073, cv=0.2), source=f"g_to, endo, {PAPER}")

    def rest(self):
        return self._at(ENDOCARDIAL)

    def outward_inactivation(self, v):
        return laws.s_endocardial(v)
