"""STAT5A and STAT5B: phosphorylation, homo- and heterodimers, shuttling through the nucleus; one condition, 48 data.

    Epo(t) = 1.25e-7 exp(-degradation t)
    A + A -> AA,  A + B -> AB,  B + B -> BB                          rates Epo k_phos A^2, Epo k_phos A B, Epo k_phos B^2
    dimer -> dimer in the nucleus -> two monomers                    rates k_imp dimer, k_exp dimer

Concentrations; a flow between cytoplasm (1.4) and nucleus (0.45) changes each by amount over volume.

Source: M. E. Boehm, L. Adlung, M. Schilling et al., J. Proteome Res. 13:5685-5694 (2014), doi 10.1021/pr5006923.
"""

import equinox as eqx
import jax.numpy as jnp

from experiments.problems.petab.model import Model, Observed, number
from physio.component import AbstractPlainPart, Scalar, port, state

CYTOPLASM, NUCLEUS = 1.4, 0.45


class Boehm(AbstractPlainPart):
    """Names are those of the PEtab files."""

    time_unit = "1"
    Epo_degradation_BaF3: Scalar = number()
    k_exp_hetero: Scalar = number()
    k_exp_homo: Scalar = number()
    k_imp_hetero: Scalar = number()
    k_imp_homo: Scalar = number()
    k_phos: Scalar = number()
    ratio: Scalar = number()
    specC17: Scalar = number()

    class State(eqx.Module):
        STAT5A: Scalar = state("1")
        STAT5B: Scalar = state("1")
        pApB: Scalar = state("1")
        pApA: Scalar = state("1")
        pBpB: Scalar = state("1")
        nucpApA: Scalar = state("1")
        nucpApB: Scalar = state("1")
        nucpBpB: Scalar = state("1")

    class Outputs(eqx.Module):
        pSTAT5A_rel: Scalar = port("1")
        pSTAT5B_rel: Scalar = port("1")
        rSTAT5A_rel: Scalar = port("1")

    def rest(self):
        none = jnp.zeros_like(self.ratio)
        return self.State(207.6 * self.ratio, 207.6 * (1.0 - self.ratio), none, none, none, none, none, none)

    def outputs(self, t, s, sensed):
        a, b = self.specC17, 1.0 - self.specC17
        all_a = s.pApB + s.STAT5A * a + 2.0 * s.pApA * a
        all_b = s.pApB + s.STAT5B * b + 2.0 * s.pBpB * b
        return self.Outputs(
            pSTAT5A_rel=(100.0 * s.pApB + 200.0 * s.pApA * a) / all_a,
            pSTAT5B_rel=(100.0 * s.pApB + 200.0 * s.pBpB * b) / all_b,
            rSTAT5A_rel=(100.0 * s.pApB + 100.0 * s.STAT5A * a + 200.0 * s.pApA * a) / (all_a + all_b),
        )

    def rates(self, t, s, sensed, out):
        phosphorylation = 1.25e-7 * jnp.exp(-self.Epo_degradation_BaF3 * t) * self.k_phos
        aa, ab, bb = (phosphorylation * x for x in (s.STAT5A**2, s.STAT5A * s.STAT5B, s.STAT5B**2))
        in_aa, in_ab, in_bb = self.k_imp_homo * s.pApA, self.k_imp_hetero * s.pApB, self.k_imp_homo * s.pBpB
        out_aa, out_ab, out_bb = self.k_exp_homo * s.nucpApA, self.k_exp_hetero * s.nucpApB, self.k_exp_homo * s.nucpBpB
        back, there = NUCLEUS / CYTOPLASM, CYTOPLASM / NUCLEUS
        return self.State(
            STAT5A=-2.0 * aa - ab + back * (2.0 * out_aa + out_ab),
            STAT5B=-2.0 * bb - ab + back * (2.0 * out_bb + out_ab),
            pApB=ab - in_ab,
            pApA=aa - in_aa,
            pBpB=bb - in_bb,
            nucpApA=there * in_aa - out_aa,
            nucpApB=there * in_ab - out_ab,
            nucpBpB=there * in_bb - out_bb,
        )


MODEL = Model(
    folder="Boehm_JProteomeRes2014",
    part=Boehm,
    observed={name: Observed() for name in ("pSTAT5A_rel", "pSTAT5B_rel", "rSTAT5A_rel")},
)
