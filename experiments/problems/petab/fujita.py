"""EGF, its receptor, Akt and S6 in PC12 cells: six steps of EGF over an hour, 144 data.

    EGF + R <-> EGF.R -> pR ->,   pR + Akt <-> pR.Akt -> pR + pAkt,   pAkt + S6 <-> pAkt.S6 -> pAkt + pS6
    pAkt -> Akt,   pS6 -> S6,   R turns over with 68190 at rest

EGF is an input: it is raised at 0 and taken away at ``EGF_end``. (The ramps of the collection's test data are not used.)

Source: K. A. Fujita, Y. Toyoshima, S. Uda et al., Sci. Signal. 3:ra56 (2010), doi 10.1126/scisignal.2000810.
"""

import equinox as eqx
import jax.numpy as jnp

from experiments.problems.petab.model import Model, Observed, number
from physio.component import AbstractPlainPart, Scalar, port, state


class Fujita(AbstractPlainPart):
    """Names are those of the PEtab files."""

    time_unit = "1"
    EGFR_turnover: Scalar = number()
    init_AKT: Scalar = number()
    init_EGFR: Scalar = number()
    init_S6: Scalar = number()
    reaction_1_k1: Scalar = number()
    reaction_1_k2: Scalar = number()
    reaction_2_k1: Scalar = number()
    reaction_2_k2: Scalar = number()
    reaction_3_k1: Scalar = number()
    reaction_4_k1: Scalar = number()
    reaction_5_k1: Scalar = number()
    reaction_5_k2: Scalar = number()
    reaction_6_k1: Scalar = number()
    reaction_7_k1: Scalar = number()
    reaction_8_k1: Scalar = number()
    reaction_9_k1: Scalar = number()

    class Sensed(eqx.Module):
        EGF: Scalar = port("1")

    class State(eqx.Module):
        EGFR: Scalar = state("1")
        pEGFR: Scalar = state("1")
        pEGFR_Akt: Scalar = state("1")
        Akt: Scalar = state("1")
        pAkt: Scalar = state("1")
        S6: Scalar = state("1")
        pAkt_S6: Scalar = state("1")
        pS6: Scalar = state("1")
        EGF_EGFR: Scalar = state("1")

    class Outputs(eqx.Module):
        pEGFR_tot: Scalar = port("1")
        pAkt_tot: Scalar = port("1")
        pS6_tot: Scalar = port("1")

    def rest(self):
        none = jnp.zeros_like(self.init_EGFR)
        return self.State(self.init_EGFR, none, none, self.init_AKT, none, self.init_S6, none, none, none)

    def outputs(self, t, s, sensed):
        return self.Outputs(s.pEGFR + s.pEGFR_Akt, s.pAkt + s.pAkt_S6, s.pS6)

    def rates(self, t, s, sensed, out):
        binding = sensed.EGF * s.EGFR * self.reaction_1_k1 - s.EGF_EGFR * self.reaction_1_k2
        meets_akt = s.Akt * s.pEGFR * self.reaction_2_k1 - s.pEGFR_Akt * self.reaction_2_k2
        akt_done = s.pEGFR_Akt * self.reaction_3_k1
        lost = s.pEGFR * self.reaction_4_k1
        meets_s6 = s.S6 * s.pAkt * self.reaction_5_k1 - s.pAkt_S6 * self.reaction_5_k2
        s6_done = s.pAkt_S6 * self.reaction_6_k1
        akt_back = s.pAkt * self.reaction_7_k1
        s6_back = s.pS6 * self.reaction_8_k1
        activated = s.EGF_EGFR * self.reaction_9_k1
        turnover = self.EGFR_turnover * (68190.0 - s.EGFR)
        return self.State(
            EGFR=turnover - binding,
            pEGFR=activated - lost - meets_akt + akt_done,
            pEGFR_Akt=meets_akt - akt_done,
            Akt=akt_back - meets_akt,
            pAkt=akt_done - akt_back - meets_s6 + s6_done,
            S6=s6_back - meets_s6,
            pAkt_S6=meets_s6 - s6_done,
            pS6=s6_done - s6_back,
            EGF_EGFR=binding - activated,
        )


MODEL = Model(
    folder="Fujita_SciSignal2010",
    part=Fujita,
    observed={name: Observed(scale=1) for name in ("pEGFR_tot", "pAkt_tot", "pS6_tot")},
    measurements="measurementData_step",
    input_name="EGF",
    levels=lambda condition: [(0.0, condition["EGF_end"], condition["EGF_0"])],
)
