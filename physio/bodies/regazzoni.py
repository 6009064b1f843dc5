"""The closed loop of Regazzoni et al. 2022: four chambers, four diodes, inertial systemic and pulmonary circuits.

Twelve states. At its published values (75 /min): stroke volume 69.78 mL, ejection fraction 0.510, cardiac output
5.23 L/min. Blood volume is the stressed volume of the loop, 1617.9 mL.

Values: F. Regazzoni et al., J. Comput. Phys. 457:111083 (2022), with the parameters of the ``circulation`` package
(MIT). Spreads among adults are assumptions (``physio.bodies.adult``).
"""

from functools import partial

from physio.bodies import adult
from physio.bodies.loop import closed_loop
from physio.body import Body
from physio.component import Placed, placed
from physio.heart.activation import ActivationInBeats, ActivationInSeconds
from physio.heart.diode_valve import DiodeValve
from physio.heart.pacemaker import Pacemaker
from physio.priors import LogNormal

SOURCE = "Regazzoni et al. 2022 (values); spread assumed"
VERSION = "regazzoni-1"
PUBLISHED_RATE = 75.0

_chamber = partial(adult.chamber, offset=0.0, source=SOURCE)
_activation = partial(adult.activation, source=SOURCE)
_vessel = partial(adult.vessel, source=SOURCE)
_bed = partial(adult.bed, source=SOURCE)


def regazzoni() -> Body:
    """The body at its published values, activation times in seconds, with a prior on every number.

    Seconds are taken modulo the beat: above 80 /min the ventricles' relaxation is cut off by the next beat, and the atria,
    0.9 s after the start, contract at another place of the cycle for every rate.
    """
    return _loop(
        _activation(ActivationInSeconds, 0.9, 0.17, 0.17),
        _activation(ActivationInSeconds, 0.1, 0.25, 0.4),
        in_seconds=("atrial", "ventricular"),
    )


def regazzoni_at_any_rate() -> Body:
    """The same body with its activation times as fractions of the published beat of 0.8 s.

    At 75 /min it is the published body. At other rates systole and atrial kick keep their place in the beat, so that
    everything depends smoothly on the heart rate.
    """
    beat = 60.0 / PUBLISHED_RATE
    return _loop(
        _activation(ActivationInBeats, 0.9 / beat - 1.0, 0.17 / beat, 0.17 / beat),
        _activation(ActivationInBeats, 0.1 / beat, 0.25 / beat, 0.4 / beat),
        in_seconds=(),
    )


def _loop(atrial: Placed, ventricular: Placed, in_seconds: tuple[str, ...]) -> Body:
    return closed_loop(
        parts={
            "pacemaker": placed(Pacemaker, source=SOURCE, rate=LogNormal(PUBLISHED_RATE, cv=0.15)),
            "atrial": atrial,
            "ventricular": ventricular,
            "la": _chamber(0.07, 0.18, 4.0),
            "lv": _chamber(4.482, 0.17, 42.0),
            "ra": _chamber(0.06, 0.07, 4.0),
            "rv": _chamber(0.2, 0.029, 16.0),
            "mitral": DiodeValve(),
            "aortic": DiodeValve(),
            "tricuspid": DiodeValve(),
            "pulmonary": DiodeValve(),
            "systemic_arteries": _vessel(1.372),
            "systemic_veins": _vessel(11.363),
            "pulmonary_arteries": _vessel(20.0),
            "pulmonary_veins": _vessel(16.0),
            "systemic_bed": _bed(0.733, 0.005),
            "systemic_return": _bed(0.32, 0.0005),
            "pulmonary_bed": _bed(0.046, 0.0005),
            "pulmonary_return": _bed(0.0015, 0.0005),
        },
        flows={
            "mitral": ("la.blood", "lv.blood"),
            "aortic": ("lv.blood", "systemic_arteries.blood"),
            "systemic_bed": ("systemic_arteries.blood", "systemic_veins.blood"),
            "systemic_return": ("systemic_veins.blood", "ra.blood"),
            "tricuspid": ("ra.blood", "rv.blood"),
            "pulmonary": ("rv.blood", "pulmonary_arteries.blood"),
            "pulmonary_bed": ("pulmonary_arteries.blood", "pulmonary_veins.blood"),
            "pulmonary_return": ("pulmonary_veins.blood", "la.blood"),
        },
        in_seconds=in_seconds,
        start={
            "la.volume": 87.183,
            "lv.volume": 118.52,
            "ra.volume": 86.833,
            "rv.volume": 166.177,
            "systemic_arteries.volume": 1.372 * 87.675,
            "pulmonary_arteries.volume": 20.0 * 19.545,
            "pulmonary_veins.volume": 16.0 * 15.004,
            "systemic_bed.flow": 71.104,
            "systemic_return.flow": 94.039,
            "pulmonary_bed.flow": 94.084,
            "pulmonary_return.flow": 473.279,
        },
        blood=LogNormal(1617.876, cv=0.12),
        source=SOURCE,
    )
