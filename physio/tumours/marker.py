"""A marker in blood that tumour cells shed, such as prostate-specific antigen.

    dP/dt = ln 2 / half_life (B n - P)             P   marker                                   [ng/mL]
                                                   B   what it is at the start                  [ng/mL]
                                                   n   cells, relative to those at the start    [1]

It follows the tumour within days, which readings a month apart do not show. From the marker alone B is the first reading and
the number of cells is known only relative to that. A reading below the assay's limit is a bound, not a 0.

Source: T. A. Stamey et al., N. Engl. J. Med. 317:909-916 (1987), half-life of 2.2 +- 0.8 d after the prostate was removed.
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal


class Marker(AbstractPlainPart):
    """Shed in proportion to cells, cleared at one rate."""

    time_unit = "d"

    baseline: Scalar = parameter("ng/mL", LogNormal(20.0, cv=1.0), source="B, assumed: castrate-resistant prostate cancer")
    half_life: Scalar = parameter("d", LogNormal(2.2, cv=0.36), source="Stamey 1987")

    class State(eqx.Module):
        level: Scalar = state("ng/mL")

    class Sensed(eqx.Module):
        relative: Scalar = port("1")

    class Outputs(eqx.Module):
        level: Scalar = port("ng/mL")
        relative: Scalar = port("1")

    def rest(self):
        return self.State(level=self.baseline)

    def outputs(self, t, state, sensed):
        return self.Outputs(level=state.level, relative=state.level / self.baseline)

    def rates(self, t, state, sensed, out):
        return self.State(level=jnp.log(2.0) / self.half_life * (self.baseline * sensed.relative - state.level))
