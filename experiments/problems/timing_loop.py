"""A closed loop of twenty states for timing solvers: four chambers, valves with inertia, six vessels, a baroreflex.

The shape of a circulation (stiff valves, a beat, a reflex) at a known cost of about 160 operations; its numbers are not
physiology, and parts with units would only tell the wrong tale about them.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from physio.body import Body
from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal

TEST_CASE = "timing problem, no physiology"
START = (60.0, 110.0, 60.0, 110.0, 90.0, 88.0, 6.0, 16.0, 12.0, 8.0, 0.0, 0.0, 0.0, 0.0, 80.0, 80.0, 0.5, 1.0, 0.0, 2.5)
NAMES = (
    "systemic_resistance",
    "aortic_compliance",
    "ventricular_elastance",
    "reflex_slope",
    "set_pressure",
    "pulmonary_resistance",
    "venous_compliance",
    "reflex_gain",
    "rate",
    "right_elastance",
)


def _number(value: float):
    return parameter("1", LogNormal(value, cv=0.1), source=TEST_CASE)


def _relief(x):
    """A smooth max(x, 0)."""
    return jnp.maximum(x, 0.0) + 0.25 * jnp.log(1.0 + jnp.exp(-4.0 * jnp.abs(x)))


def _valve(drop, flow):
    return (drop - 0.02 * flow + 2.0 * _relief(-flow)) / 0.02


def _passive(stretched, stiffness):
    return 0.5 * (jnp.exp(stiffness * stretched) - 1.0)


class TimingLoop(AbstractPlainPart):
    """Twenty rates written as their equations stand, one after the other."""

    time_unit = "1"
    systemic_resistance: Scalar = _number(1.0)
    aortic_compliance: Scalar = _number(1.2)
    ventricular_elastance: Scalar = _number(2.5)
    reflex_slope: Scalar = _number(1.0)
    set_pressure: Scalar = _number(90.0)
    pulmonary_resistance: Scalar = _number(0.06)
    venous_compliance: Scalar = _number(60.0)
    reflex_gain: Scalar = _number(1.0)
    rate: Scalar = _number(1.1)
    right_elastance: Scalar = _number(0.6)

    class State(eqx.Module):
        v_ra: Scalar = state("1")
        v_rv: Scalar = state("1")
        v_la: Scalar = state("1")
        v_lv: Scalar = state("1")
        p_ao: Scalar = state("1")
        p_sa: Scalar = state("1")
        p_sv: Scalar = state("1")
        p_pa: Scalar = state("1")
        p_pc: Scalar = state("1")
        p_pv: Scalar = state("1")
        q_tr: Scalar = state("1")
        q_pu: Scalar = state("1")
        q_mi: Scalar = state("1")
        q_ao: Scalar = state("1")
        q_sa: Scalar = state("1")
        q_pa: Scalar = state("1")
        sympathetic: Scalar = state("1")
        tone: Scalar = state("1")
        phase: Scalar = state("1")
        contractility: Scalar = state("1")

    class Outputs(eqx.Module):
        pressure: Scalar = port("1")

    def rest(self):
        zero = jnp.zeros_like(self.rate)
        return self.State(*(zero + value for value in START))

    def outputs(self, t, state, sensed):
        return self.Outputs(pressure=state.p_sa)

    def rates(self, t, state, sensed, out):
        s = state

        def active(onset, width):
            return jnp.exp(-width * jnp.sin(jnp.pi * (s.phase - onset)) ** 2)

        ventricle, atrium = active(0.25, 6.0), active(0.02, 12.0)
        p_lv = s.contractility * ventricle * (s.v_lv - 5.0) + _passive(s.v_lv - 5.0, 0.02)
        p_rv = self.right_elastance * ventricle * (s.v_rv - 10.0) + _passive(s.v_rv - 10.0, 0.015)
        p_la = 0.25 * atrium * (s.v_la - 4.0) + _passive(s.v_la - 4.0, 0.03)
        p_ra = 0.20 * atrium * (s.v_ra - 4.0) + _passive(s.v_ra - 4.0, 0.03)
        q_s = (s.p_sa - s.p_sv) / (self.systemic_resistance * s.tone)
        q_v = (s.p_sv - p_ra) / 0.05
        q_p = (s.p_pc - s.p_pv) / self.pulmonary_resistance
        q_pv = (s.p_pv - p_la) / 0.02
        reflex = 1.0 / (1.0 + jnp.exp(self.reflex_slope * (s.p_sa - self.set_pressure) / 10.0))
        return self.State(
            v_ra=q_v - s.q_tr,
            v_rv=s.q_tr - s.q_pu,
            v_la=q_pv - s.q_mi,
            v_lv=s.q_mi - s.q_ao,
            p_ao=(s.q_ao - s.q_sa) / self.aortic_compliance,
            p_sa=(s.q_sa - q_s) / 1.5,
            p_sv=(q_s - q_v) / self.venous_compliance,
            p_pa=(s.q_pu - s.q_pa) / 4.0,
            p_pc=(s.q_pa - q_p) / 5.0,
            p_pv=(q_p - q_pv) / 8.0,
            q_tr=_valve(p_ra - p_rv, s.q_tr),
            q_pu=_valve(p_rv - s.p_pa, s.q_pu),
            q_mi=_valve(p_la - p_lv, s.q_mi),
            q_ao=_valve(p_lv - s.p_ao, s.q_ao),
            q_sa=(s.p_ao - s.p_sa - 0.05 * s.q_sa) / 0.05,
            q_pa=(s.p_pa - s.p_pc - 0.02 * s.q_pa) / 0.02,
            sympathetic=(reflex - s.sympathetic) / 2.0,
            tone=(0.6 + 0.8 * s.sympathetic - s.tone) / 4.0,
            phase=self.rate * (0.6 + 0.8 * self.reflex_gain * s.sympathetic),
            contractility=(self.ventricular_elastance * (0.7 + 0.6 * s.sympathetic) - s.contractility) / 3.0,
        )


def timing_loop() -> Body:
    return Body({"loop": TimingLoop()}, time="1")


def spread(lanes: int, seed: int = 0):
    """Every parameter of every lane drawn at +-10 %: address -> (lanes,)."""
    rng = np.random.default_rng(seed)
    body = timing_loop()
    return {f"loop.{name}": body.value(f"loop.{name}") * rng.uniform(0.9, 1.1, lanes) for name in NAMES}
