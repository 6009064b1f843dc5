"""Epo receptor, JAK2, STAT5 and their brakes CIS, SOCS3 and SHP1 in erythroid cells: 36 conditions, 541 data.

The states are shares: receptors of ``init_EpoRJAK2``, SHP1 of ``init_SHP1``, STAT5 of ``init_STAT5``, CIS of ``CISEqc``, SOCS3
of
``SOCS3Eqc``, their RNA of ``CISRNAEqc`` and ``SOCS3RNAEqc``. In shares these seven numbers drop out of the equations (but for
the receptor's, EpoRJAK2_CIS being counted as published); four come back as the scales of what is measured in numbers of
molecules, the two of RNA are 1 by convention, and ``init_EpoRJAK2`` changes nothing that was measured: the objective without
prior is flat along it.

    receptor:  E -> pE -> p1E, p2E -> p12E -> E                phosphorylated by Epo, JAK2; SHP1 resets, SOCS3 slows, CIS
                                                               blocks site 2
    STAT5 -> pSTAT5 -> in the nucleus -> STAT5                 driven by pE and, blocked by CIS, by p1E
    CIS, SOCS3: RNA made in the nucleus in proportion to STAT5 there, five stages of delay, RNA, protein

Source: J. Bachmann, A. Raue, M. Schilling et al., Mol. Syst. Biol. 7:516 (2011), doi 10.1038/msb.2011.50.
"""

import equinox as eqx
import jax.numpy as jnp

from experiments.problems.petab.model import Model, Observed, number
from physio.component import AbstractPlainPart, Scalar, port, state

CYTOPLASM, NUCLEUS = 0.4, 0.275


class Bachmann(AbstractPlainPart):
    """Names are those of the PEtab files."""

    time_unit = "1"
    CISEqcOE: Scalar = number()
    CISInh: Scalar = number()
    CISRNADelay: Scalar = number()
    CISRNATurn: Scalar = number()
    CISTurn: Scalar = number()
    EpoRActJAK2: Scalar = number()
    EpoRCISInh: Scalar = number()
    EpoRCISRemove: Scalar = number()
    JAK2ActEpo: Scalar = number()
    JAK2EpoRDeaSHP1: Scalar = number()
    SHP1ActEpoR: Scalar = number()
    SHP1Dea: Scalar = number()
    SHP1ProOE: Scalar = number()
    SOCS3EqcOE: Scalar = number()
    SOCS3Inh: Scalar = number()
    SOCS3RNADelay: Scalar = number()
    SOCS3RNATurn: Scalar = number()
    SOCS3Turn: Scalar = number()
    STAT5ActEpoR: Scalar = number()
    STAT5ActJAK2: Scalar = number()
    STAT5Exp: Scalar = number()
    STAT5Imp: Scalar = number()
    ActD: Scalar = number()
    CISoe: Scalar = number()
    SOCS3oe: Scalar = number()
    Epo: Scalar = number()
    init_CIS_multiplier: Scalar = number()
    init_EpoRJAK2_CIS: Scalar = number()
    init_SHP1_multiplier: Scalar = number()
    init_SOCS3_multiplier: Scalar = number()

    class State(eqx.Module):
        EpoRJAK2: Scalar = state("1")
        EpoRpJAK2: Scalar = state("1")
        p1EpoRpJAK2: Scalar = state("1")
        p2EpoRpJAK2: Scalar = state("1")
        p12EpoRpJAK2: Scalar = state("1")
        EpoRJAK2_CIS: Scalar = state("1")
        SHP1: Scalar = state("1")
        SHP1Act: Scalar = state("1")
        STAT5: Scalar = state("1")
        pSTAT5: Scalar = state("1")
        npSTAT5: Scalar = state("1")
        CISnRNA1: Scalar = state("1")
        CISnRNA2: Scalar = state("1")
        CISnRNA3: Scalar = state("1")
        CISnRNA4: Scalar = state("1")
        CISnRNA5: Scalar = state("1")
        CISRNA: Scalar = state("1")
        CIS: Scalar = state("1")
        SOCS3nRNA1: Scalar = state("1")
        SOCS3nRNA2: Scalar = state("1")
        SOCS3nRNA3: Scalar = state("1")
        SOCS3nRNA4: Scalar = state("1")
        SOCS3nRNA5: Scalar = state("1")
        SOCS3RNA: Scalar = state("1")
        SOCS3: Scalar = state("1")

    class Outputs(eqx.Module):
        CIS: Scalar = port("1")
        CISRNA: Scalar = port("1")
        SHP1: Scalar = port("1")
        SOCS3: Scalar = port("1")
        SOCS3RNA: Scalar = port("1")
        STAT5: Scalar = port("1")
        tSTAT5: Scalar = port("1")
        pSTAT5: Scalar = port("1")
        pSTAT5_share: Scalar = port("1")
        pEpoR: Scalar = port("1")
        pJAK2: Scalar = port("1")

    def rest(self):
        none, one = jnp.zeros_like(self.Epo), jnp.ones_like(self.Epo)
        stages = (none, none, none, none, none, none)
        return self.State(
            one, none, none, none, none, self.init_EpoRJAK2_CIS,
            1.0 + self.init_SHP1_multiplier * self.SHP1ProOE, none,
            one, none, none,
            *stages, self.init_CIS_multiplier * self.CISEqcOE,
            *stages, self.init_SOCS3_multiplier * self.SOCS3EqcOE,
        )  # fmt: skip

    def outputs(self, t, s, sensed):
        site_1_or_2 = s.p1EpoRpJAK2 + s.p2EpoRpJAK2 + s.p12EpoRpJAK2
        return self.Outputs(
            CIS=s.CIS,
            CISRNA=s.CISRNA,
            SHP1=s.SHP1 + s.SHP1Act,
            SOCS3=s.SOCS3,
            SOCS3RNA=s.SOCS3RNA,
            STAT5=s.STAT5,
            tSTAT5=s.STAT5 + s.pSTAT5,
            pSTAT5=s.pSTAT5,
            pSTAT5_share=s.pSTAT5 / (s.STAT5 + s.pSTAT5),
            pEpoR=16.0 * site_1_or_2,
            pJAK2=2.0 * (s.EpoRpJAK2 + site_1_or_2),
        )

    def rates(self, t, s, sensed, out):
        slowed = 1.0 / (1.0 + self.SOCS3Inh * s.SOCS3)
        free = 1.0 / (1.0 + self.EpoRCISInh * s.EpoRJAK2_CIS)
        active = s.EpoRpJAK2 + s.p1EpoRpJAK2 + s.p2EpoRpJAK2 + s.p12EpoRpJAK2
        with_site_1 = s.p1EpoRpJAK2 + s.p12EpoRpJAK2
        bound = self.JAK2ActEpo * self.Epo * s.EpoRJAK2 * slowed
        site_1, site_2 = self.EpoRActJAK2 * slowed, 3.0 * self.EpoRActJAK2 * slowed * free
        reset = self.JAK2EpoRDeaSHP1 * s.SHP1Act
        shp1 = self.SHP1ActEpoR * s.SHP1 * active - self.SHP1Dea * s.SHP1Act
        by_site_1 = self.STAT5ActEpoR * with_site_1**2 / (1.0 + self.CISInh * s.CIS)
        activation = s.STAT5 * slowed * (self.STAT5ActJAK2 * active + by_site_1)
        enters, returns = self.STAT5Imp * s.pSTAT5, self.STAT5Exp * s.npSTAT5
        stages_cis = s.CISnRNA1, s.CISnRNA2, s.CISnRNA3, s.CISnRNA4, s.CISnRNA5
        stages_socs3 = s.SOCS3nRNA1, s.SOCS3nRNA2, s.SOCS3nRNA3, s.SOCS3nRNA4, s.SOCS3nRNA5
        cis = _delayed(self.CISRNATurn * s.npSTAT5 * self.ActD, self.CISRNADelay, *stages_cis)
        socs3 = _delayed(self.SOCS3RNATurn * s.npSTAT5 * self.ActD, self.SOCS3RNADelay, *stages_socs3)
        out_of_nucleus = NUCLEUS / CYTOPLASM
        return self.State(
            EpoRJAK2=reset * active - bound,
            EpoRpJAK2=bound - (reset + site_1 + site_2) * s.EpoRpJAK2,
            p1EpoRpJAK2=site_1 * s.EpoRpJAK2 - (reset + site_2) * s.p1EpoRpJAK2,
            p2EpoRpJAK2=site_2 * s.EpoRpJAK2 - (reset + site_1) * s.p2EpoRpJAK2,
            p12EpoRpJAK2=site_2 * s.p1EpoRpJAK2 + site_1 * s.p2EpoRpJAK2 - reset * s.p12EpoRpJAK2,
            EpoRJAK2_CIS=-self.EpoRCISRemove * s.EpoRJAK2_CIS * with_site_1,
            SHP1=-shp1,
            SHP1Act=shp1,
            STAT5=out_of_nucleus * returns - activation,
            pSTAT5=activation - enters,
            npSTAT5=enters / out_of_nucleus - returns,
            CISnRNA1=cis[0],
            CISnRNA2=cis[1],
            CISnRNA3=cis[2],
            CISnRNA4=cis[3],
            CISnRNA5=cis[4],
            CISRNA=out_of_nucleus * self.CISRNADelay * s.CISnRNA5 - self.CISRNATurn * s.CISRNA,
            CIS=self.CISTurn * (s.CISRNA + self.CISEqcOE * self.CISoe - s.CIS),
            SOCS3nRNA1=socs3[0],
            SOCS3nRNA2=socs3[1],
            SOCS3nRNA3=socs3[2],
            SOCS3nRNA4=socs3[3],
            SOCS3nRNA5=socs3[4],
            SOCS3RNA=out_of_nucleus * self.SOCS3RNADelay * s.SOCS3nRNA5 - self.SOCS3RNATurn * s.SOCS3RNA,
            SOCS3=self.SOCS3Turn * (s.SOCS3RNA + self.SOCS3EqcOE * self.SOCS3oe - s.SOCS3),
        )


def _delayed(made, delay, *stages):
    """Rates of a chain of equal stages that what is ``made`` passes through."""
    inflow = (made, *(delay * x for x in stages[:-1]))
    return [i - delay * x for i, x in zip(inflow, stages, strict=True)]


_BOTH, _SCALE = {"offset": 1, "scale": 2}, {"scale": 1}

MODEL = Model(
    folder="Bachmann_MSB2011",
    part=Bachmann,
    observed={
        **{f"observable_{rna}_fold{k}": Observed(rna, offset=1.0, **_SCALE) for rna in ("CISRNA", "SOCS3RNA") for k in "ABC"},
        "observable_CIS_abs": Observed("CIS", scale="CISEqc"),
        "observable_CIS_au": Observed("CIS", **_BOTH),
        "observable_CIS_au1": Observed("CIS", **_SCALE),
        "observable_CIS_au2": Observed("CIS", **_SCALE),
        "observable_SHP1_abs": Observed("SHP1", scale="init_SHP1"),
        "observable_SOCS3_abs": Observed("SOCS3", scale="SOCS3Eqc"),
        "observable_SOCS3_au": Observed("SOCS3", **_BOTH),
        "observable_STAT5_abs": Observed("STAT5", scale="init_STAT5"),
        "observable_pEpoR_au": Observed("pEpoR", **_BOTH),
        "observable_pJAK2_au": Observed("pJAK2", **_BOTH),
        "observable_pSTAT5B_rel": Observed("pSTAT5_share", offset=1, scale=100.0),
        "observable_pSTAT5_au": Observed("pSTAT5", **_BOTH),
        "observable_tSHP1_au": Observed("SHP1", **_SCALE),
        "observable_tSTAT5_au": Observed("tSTAT5", **_SCALE),
    },
    flat=("init_EpoRJAK2",),
)
