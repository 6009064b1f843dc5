"""What is read of a tumour: volumes by caliper, diameters on scans, a marker in blood. Each has a limit of detection.

Below it a reading says only that: ``with_limit`` marks it, and a likelihood takes the chance of a reading below the limit.

Sources: S. Benzekry et al., PLoS Comput. Biol. 10:e1003800 (2014), calipers; the others are assumed.
"""

import numpy as np
from jaxtyping import ArrayLike

from calibration.tumours.mice import EXPONENT, FLOOR
from physio.noise import FlooredPower, LogNormalNoise
from physio.observe import AtTimes, Observation, Readings, readings
from physio.priors import LogNormal

CALIPER = 0.48    # of 20 mice as a population; its exponent and floor are Benzekry's
PSA_LIMIT = 0.1    # ng/mL, usual assays


def caliper(path: str = "tumour.volume") -> Observation:
    """Volumes [mm3]; ``caliper.fraction`` may be estimated."""
    noise = FlooredPower(CALIPER, EXPONENT, FLOOR)
    return Observation(noise, AtTimes(), "caliper", path, "mm^3", (("fraction", LogNormal(CALIPER, cv=0.3)),))


def scanned(path: str = "tumour.diameter") -> Observation:
    """Sums of diameters [cm]; ``scan.spread``, relative, may be estimated."""
    return Observation(LogNormalNoise(0.1), AtTimes(), "scan", path, "cm", (("spread", LogNormal(0.1, cv=0.5)),))


def psa(path: str = "marker.level") -> Observation:
    """Prostate-specific antigen [ng/mL]; ``psa.spread``, relative, may be estimated."""
    return Observation(LogNormalNoise(0.15), AtTimes(), "psa", path, "ng/mL", (("spread", LogNormal(0.15, cv=0.5)),))


def with_limit(value: ArrayLike, limit: float) -> Readings:
    """Readings (numbers,) or (numbers, people): nan is absent, and what is under ``limit``, such as 0, is below it."""
    value = np.asarray(value, float)
    value = value[:, None] if value.ndim == 1 else value
    return readings(np.where(value < limit, limit, value), below=value < limit)
