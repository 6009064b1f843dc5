"""Glucose of a model in mmol/L, told in mg/dL: 1 mmol/L is 18.016 mg/dL, by the molar mass of 180.16 g/mol."""

import equinox as eqx

from physio.component import AbstractController, Scalar, port
from physio.units import as_quantity

MG_DL_PER_MMOL_L = 18.016


class GlucoseByMass(AbstractController):
    """One number in another unit."""

    time_unit = "min"

    class Sensed(eqx.Module):
        glucose: Scalar = port("mmol/L")

    class Outputs(eqx.Module):
        glucose: Scalar = port("mg/dL")

    def outputs(self, t, sensed):
        return self.Outputs(glucose=as_quantity(MG_DL_PER_MMOL_L, "mg*L/dL/mmol") * sensed.glucose)
