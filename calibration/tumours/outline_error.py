"""How sure the outline of a segmentation is: its voxels are not independent.

    outline + d(x)        d along the normal [mm], SD s, correlation exp(-r^2 / (2 l^2))
    a  = 2 pi l^2 (1 - exp(-A / (2 pi l^2)))         area that errs as one; exact on a sphere of area A
    sd^2 = s^2 a / (6 w V)                           of each voxel's residual; w width of the ``Contour``, V volume of a voxel
    SD of a volume = s sqrt(A a)

Where a parameter moves the outline by v, residuals r = S(n / w) - (inside or not) give

    J'J = 1 / (sd^2 V) int v^2 dA int S'^2 dn = int v^2 dA / (6 w V sd^2),      S logistic, int S'^2 dn = 1 / (6 w)

and displacements of that kind leave int v^2 dA / (s^2 a), where v changes little over l. Both are equal with the sd above: the
voxels across an edge times those of an area that errs as one, ``6 w a / V``, count as one reading whose SD is s / (6 w). At
w = s residuals lose 1 % of what the outline tells; much narrower ones would count voxels and not distances. Where v changes
within l the outline tells more than this says. Errors of different scans are taken as independent: what a reader always draws
too large is none of them.
"""

from typing import NamedTuple

import numpy as np

from calibration.tumours.scans import Scan


class OutlineError(NamedTuple):
    """``sd`` [mm] across an outline and ``reach`` [mm] along it, assumed."""

    sd: float = 1.0
    reach: float = 5.0

    def width(self, spacing: tuple[float, ...]) -> float:
        """Of the contour [mm]: the error's own, or half a voxel where that is more."""
        return max(self.sd, 0.5 * max(spacing))

    def voxel_sd(self, scan: Scan) -> float:
        """SD of the residual of each voxel [1]."""
        voxels = 6.0 * self.width(scan.spacing) * self._patch(scan.volume) / float(np.prod(scan.spacing))
        return float(self.sd / (6.0 * self.width(scan.spacing)) * np.sqrt(voxels))

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
