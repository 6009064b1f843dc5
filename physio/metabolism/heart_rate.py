"""Heart rate as a measure of oxygen uptake: the shares of both reserves are equal.

    h = (HR - HR_rest) / (HR_max - HR_rest)          h    share of heart-rate reserve                     [1]
    h = (V - V_rest) / (V_max - V_rest)              V    oxygen uptake                                   [mL/kg/min]
    oxygen = 100 [1 / C + h (1 - 1 / C)]             C    capacity V_max / V_rest, in MET                 [1]

``oxygen`` [%] is uptake in percent of the maximal one, V / V_max. It holds for minutes of effort by legs, not for heat, fear,
caffeine, beta blockers or work by arms alone. ``resting`` and ``maximal`` are one scale unless one is measured.

Source: M. J. Karvonen et al., Ann. Med. Exp. Biol. Fenn. 35:307-315 (1957) for h; D. P. Swain, B. C. Leutholtz, Med. Sci.
Sports Exerc. 29:410-414 (1997) that it is the share of oxygen reserve: intercept -0.1 (SE 0.6) %, slope 1.00 (0.01), 63 adults;
C. E. Garber et al., ibid. 43:1334-1359 (2011), the American College of Sports Medicine's table of intensities.
"""

import equinox as eqx

from physio.component import AbstractController, Scalar, as_float, parameter, port
from physio.priors import LogNormal
from physio.units import as_quantity


class HeartRate(AbstractController):
    """What a heart rate says of effort, in one person."""

    time_unit = "min"

    resting: Scalar = parameter("1/min", LogNormal(65.0, cv=0.15), source="assumed: adults at rest")
    maximal: Scalar = parameter(
        "1/min", LogNormal(180.0, cv=0.06), source="208 - 0.7 age at 40 years: H. Tanaka et al. 2001; spread assumed"
    )
    capacity: Scalar = parameter("1", LogNormal(10.0, cv=0.25), source="in MET, equates the columns of Garber 2011; assumed")

    class Sensed(eqx.Module):
        rate: Scalar = port("1/min")

    class Outputs(eqx.Module):
        reserve: Scalar = port("1")
        oxygen: Scalar = port("%")

    def outputs(self, t, sensed):
        reserve = (sensed.rate - self.resting) / (self.maximal - self.resting)
        uptake = (1.0 + reserve * (self.capacity - 1.0)) / self.capacity
        percent = as_quantity(as_float(100.0).astype(self.capacity.dtype), "%")
        return self.Outputs(reserve=reserve, oxygen=percent * uptake)
