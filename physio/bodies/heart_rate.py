"""Exercise from a worn sensor of heart rate, as the bouts that ``physio.bodies.hovorka.exercising`` takes.

    exercising(*bouts(HeartRate(resting=60.0, maximal=185.0), minute, rate), muscle=0.5)

How much of the muscle works heart rate does not tell. Of a bout the mean is kept: uptake by muscle follows effort with 30 min.
"""

import numpy as np
from jaxtyping import ArrayLike

from physio.component import as_float
from physio.metabolism.heart_rate import HeartRate

# light effort begins here, in the table of the American College of Sports Medicine (2011)
LIGHT = 0.3
# min: assumed
SHORTEST, HELD = 5.0, 5.0


def bouts(
    person: HeartRate, minute: ArrayLike, rate: ArrayLike, *, least: float = LIGHT, shortest: float = SHORTEST
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(begin [min], length [min], mean oxygen uptake [%] of the maximal) of each stretch with at least the share ``least`` of
    heart-rate reserve that lasts ``shortest`` [min] or more.

    ``minute`` (samples,) ascends; a ``rate`` (samples,) [1/min] holds until the next sample, at most 5 min, or until a NaN.
    """
    minute, rate = np.asarray(minute, float), np.asarray(rate, float)
    if minute.ndim != 1 or minute.shape != rate.shape:
        raise ValueError(f"minute {minute.shape} and rate {rate.shape} [1/min] must be as long as each other: one row a sample")
    if not (np.diff(minute) > 0.0).all():
        raise ValueError("minute [min] must ascend: sort the samples and leave out repeated ones")
    told = person.outputs(as_float(0.0), person.Sensed(rate=as_float(rate)))
    length = np.minimum(np.diff(minute, append=np.inf), HELD)
    busy = np.asarray(told.reserve) >= least
    # a stretch goes on where a busy sample follows on a busy one without a gap
    joined = np.r_[False, busy[:-1] & (np.diff(minute) <= HELD)]
    stretch = np.cumsum(busy & ~joined)[busy] - 1
    lasts = np.bincount(stretch, length[busy])
    mean = np.bincount(stretch, (length * np.asarray(told.oxygen))[busy]) / lasts
    kept = lasts >= shortest
    return minute[busy & ~joined][kept], lasts[kept], mean[kept]
