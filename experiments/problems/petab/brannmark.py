"""Insulin, its receptor and the insulin receptor substrate in human adipocytes: seven doses and two steps, 43 data.

    IR -> IR.ins <->, IR.ins -> IRp -> IRi.p -> IRi -> IR,  IRp -> IR       receptor, which is taken up by the cell
    IRS <-> IRSi.p     driven by IRp + k22 IRi.p                            its substrate
    X <-> Xp           driven by IRSi.p; Xp speeds up IRi.p -> IRi          feedback

Every experiment starts from the steady state without insulin, which is a root of one increasing function of Xp: the receptor's
states are proportional to each other for a given Xp, and IRSi.p falls as Xp rises. Insulin is an input, raised at its times.

Source: C. Brannmark, R. Palmer, S. T. Glad et al., J. Biol. Chem. 285:20171-20179 (2010), doi 10.1074/jbc.M110.106849.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from experiments.problems.petab.model import Model, Observed, number
from physio.component import AbstractPlainPart, Scalar, port, state

# totals of the initial state of the collection's file, which reactions conserve
RECEPTOR = 9.94957642787569 + 0.0173972221725393 + 1.7629010620181e-09 + 1.11590026152296e-05 + 0.0330151891862681
SUBSTRATE = 9.86699348701367 + 0.133006512986336
FEEDBACK = 9.99984199487351 + 0.000158005126497888
_HALVINGS = 80


class Brannmark(AbstractPlainPart):
    """Names are those of the PEtab files."""

    time_unit = "1"
    k1a: Scalar = number()
    k1aBasic: Scalar = number()
    k1b: Scalar = number()
    k1c: Scalar = number()
    k1d: Scalar = number()
    k1e: Scalar = number()
    k1f: Scalar = number()
    k1g: Scalar = number()
    k1r: Scalar = number()
    k21: Scalar = number()
    k22: Scalar = number()
    k3: Scalar = number()
    km2: Scalar = number()
    km3: Scalar = number()

    class Sensed(eqx.Module):
        insulin: Scalar = port("1")

    class State(eqx.Module):
        IR: Scalar = state("1")
        IRins: Scalar = state("1")
        IRp: Scalar = state("1")
        IRiP: Scalar = state("1")
        IRi: Scalar = state("1")
        IRS: Scalar = state("1")
        IRSiP: Scalar = state("1")
        X: Scalar = state("1")
        Xp: Scalar = state("1")

    class Outputs(eqx.Module):
        IR1_P: Scalar = port("1")
        IRS1_P: Scalar = port("1")
        IRS1_P_DosR: Scalar = port("1")

    def dephosphorylation(self, xp):
        return self.k1e + self.k1f * xp / (xp + 1.0)

    def without_insulin(self, xp):
        """The steady state of everything else for a given Xp."""
        bound = self.k1aBasic / (self.k1b + self.k1c)
        surface = self.k1c * bound / (self.k1d + self.k1g)
        inside = self.k1d * surface / self.dephosphorylation(xp)
        recycled = self.k1d * surface / self.k1r
        receptor = RECEPTOR / (1.0 + bound + surface + inside + recycled)
        drive = self.k21 * receptor * (surface + self.k22 * inside)
        active = SUBSTRATE * drive / (drive + self.km2)
        shares = (jnp.ones_like(bound), bound, surface, inside, recycled)
        return self.State(*(receptor * x for x in shares), SUBSTRATE - active, active, FEEDBACK - xp, xp)

    def rest(self):
        def excess(log_odds):
            """Log of breakdown over formation of Xp: increasing in Xp."""
            share = jax.nn.sigmoid(log_odds)
            active = self.without_insulin(FEEDBACK * share).IRSiP
            return log_odds - jnp.log(self.k3 * active / self.km3)

        def halve(_, ends):
            low, high = ends
            middle = 0.5 * (low + high)
            above = excess(middle) > 0.0
            return jnp.where(above, low, middle), jnp.where(above, middle, high)

        wide = jnp.full_like(self.k3, 80.0)
        low, high = jax.lax.fori_loop(0, _HALVINGS, halve, jax.lax.stop_gradient((-wide, wide)))
        root = jax.lax.stop_gradient(0.5 * (low + high))
        # one Newton step from the root gives its derivative
        _, slope = jax.jvp(excess, (root,), (jnp.ones_like(root),))
        root = root - excess(root) / jax.lax.stop_gradient(slope)
        return self.without_insulin(FEEDBACK * jax.nn.sigmoid(root))

    def outputs(self, t, s, sensed):
        return self.Outputs(s.IRp + s.IRiP, s.IRSiP, s.IRSiP)

    def rates(self, t, s, sensed, out):
        binds = s.IR * (self.k1aBasic + self.k1a * sensed.insulin)
        leaves, activated = s.IRins * self.k1b, s.IRins * self.k1c
        taken_up, resets, recycled = s.IRp * self.k1d, s.IRp * self.k1g, s.IRi * self.k1r
        quenched = s.IRiP * self.dephosphorylation(s.Xp)
        phosphorylated = s.IRS * self.k21 * (s.IRp + self.k22 * s.IRiP) - s.IRSiP * self.km2
        feedback = s.IRSiP * s.X * self.k3 - s.Xp * self.km3
        return self.State(
            IR=leaves + resets + recycled - binds,
            IRins=binds - leaves - activated,
            IRp=activated - taken_up - resets,
            IRiP=taken_up - quenched,
            IRi=quenched - recycled,
            IRS=-phosphorylated,
            IRSiP=phosphorylated,
            X=-feedback,
            Xp=feedback,
        )


MODEL = Model(
    folder="Brannmark_JBC2010",
    part=Brannmark,
    observed={name: Observed(scale=1) for name in ("IR1_P", "IRS1_P", "IRS1_P_DosR")},
    input_name="insulin",
    levels=lambda condition: [
        (condition[f"insulin_time_{k}"], float("inf"), condition[f"insulin_dose_{k}"]) for k in (1, 2)
    ],
    equilibration="Dose_0",
)
