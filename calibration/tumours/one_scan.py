"""One scan: how far a tumour has spread, never how fast.

    N_s = T D lap N + rho T N (1 - N),      s = t / T from 0 to 1

has no T, D and rho but in T D and rho T. A fit that assumes an age T gives D and rho in its units; D / rho [mm2] and rho T [1]
do not depend on what was assumed, and nothing else is reported. A front's speed 2 sqrt(D rho) and any date need a second scan.
"""

from calibration.fit import Fit
from calibration.tumours.log_interval import Ratio, log_intervals


def ratios(fit: Fit, level: float = 0.9) -> dict[str, Ratio]:
    """``D / rho`` [mm2] and ``rho T`` [1] of a fit to one scan, normal on the log scale.

    Raises ValueError where the fit has more scans, or does not have both unknowns.
    """
    course = fit.problem.course
    if len(course.at) != 2:
        raise ValueError(f"the fit has {len(course.at) - 1} scans after its start; with two or more, read D and rho themselves")
    missing = [name for name in ("white", "growth") if name not in fit.names]
    if missing:
        raise ValueError(f"'{missing[0]}' is not among the unknowns; expected 'white' and 'growth', whose ratio one scan tells")
    age = course.at[1] - course.at[0]
    return log_intervals(
        fit, lambda of: {"D / rho": of["white"] / of["growth"], "rho T": of["growth"] * age}, level
    )
