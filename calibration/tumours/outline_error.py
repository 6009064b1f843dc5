"""How sure the outline of a segmentation is: its voxels are not independent.

    outline + d(x)        d along the normal [mm], SD s, correlation exp(-r^2 / (2 l^2))
    a  = 2 pi l^2 (1 - exp(-A / (2 pi l^2)))         area that errs as one; exact on a sphere of area A
    sd^2 = 6 w a q / V    of each voxel's residual; w width of the ``Contour``, V volume of a voxel
    q    = variance of S(d / w),                       S logistic
    SD of a volume = s sqrt(A a)

Where a parameter moves the outline by v, residuals S(n / w) - (inside or not) give

    J'J      = int v^2 dA int S'^2 dn / (sd^2 V) = int v^2 dA / (6 w V sd^2)
    J'r      = int v (S(d / w) - 1/2) dA / (sd^2 V),      variance q a int v^2 dA / (sd^2 V)^2 where v changes little over l

Both are equal with the sd above: J'r varies as much as the curvature says. With w = s, q is 0.043, and J'J is 1 / 1.56 of
int v^2 dA / (s^2 a), which is what distances themselves would tell; a contour much narrower than s would count voxels.
Where v changes within l the outline
tells more than this says. Errors of different scans are taken as independent: what a reader always draws too large is none of
them.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from calibration.tumours.scans import Scan

# Gauss-Hermite nodes and weights of a standard normal number
_NODE, _WEIGHT = np.polynomial.hermite_e.hermegauss(40)
_WEIGHT = _WEIGHT / _WEIGHT.sum()


class OutlineError(NamedTuple):
    """``sd`` [mm] across an outline and ``reach`` [mm] along it, assumed."""

    sd: float = 1.0
    reach: float = 5.0

    def width(self, spacing: tuple[float, ...]) -> float:
        """Of the contour [mm]: the error's own, or half a voxel where that is more."""
        return max(self.sd, 0.5 * max(spacing))

    def voxel_sd(self, scan: Scan) -> float:
        """SD of the residual of each voxel [1]."""
        width = self.width(scan.spacing)
        varied = _WEIGHT @ (expit(_NODE * self.sd / width) - 0.5) ** 2
        return float(np.sqrt(6.0 * width * varied * self._patch(scan.volume) / np.prod(scan.spacing)))

    def volume_sd(self, volume: float) -> float:
        """SD of a segmented volume [mm3]."""
        return float(self.sd * np.sqrt(_sphere(volume) * self._patch(volume)))

    def _patch(self, volume: float) -> float:
        full = 2.0 * np.pi * self.reach**2
        return float(-full * np.expm1(-_sphere(volume) / full))


def radius(volume: float) -> float:
    """Of a sphere of that volume [mm]."""
    return float(np.cbrt(0.75 * volume / np.pi))


def _sphere(volume: float) -> float:
    """Area of a sphere of that volume [mm2]."""
    return 4.0 * np.pi * radius(volume) ** 2
