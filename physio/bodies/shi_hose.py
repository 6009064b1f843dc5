"""The closed loop of Korakianitis and Shi 2006 in the form of Shi and Hose: orifice valves, sinus and arteries apart.

Fourteen states; activation times are fractions of the beat. At its published values (60 /min): stroke volume
85.86 mL, ejection fraction 0.606, cardiac output 5.15 L/min.

Values: T. Korakianitis, Y. Shi, J. Biomech. 39:1964-1982 (2006), as in the CellML revision of Shi and Hose.
Spreads among adults are assumptions (``physio.bodies.adult``).
"""

from functools import partial

from physio.bodies import adult
from physio.bodies.loop import closed_loop
from physio.body import Body
from physio.component import placed
from physio.heart.activation import ActivationInBeats
from physio.heart.orifice_valve import OrificeValve
from physio.heart.pacemaker import Pacemaker
from physio.priors import LogNormal
from physio.vessels.bed import ResistiveBed

SOURCE = "Korakianitis and Shi 2006, Shi and Hose form (values); spread assumed"
VERSION = "shi-hose-1"

_activation = partial(adult.activation, ActivationInBeats, source=SOURCE)
_vessel = partial(adult.vessel, source=SOURCE)
_bed = partial(adult.bed, source=SOURCE)


def _chamber(largest: float, smallest: float, unstressed: float):
    return adult.chamber(largest - smallest, smallest, unstressed, offset=1.0, source=SOURCE)


def _valve(coefficient: float):
    return placed(OrificeValve, source=SOURCE, coefficient=LogNormal(coefficient, cv=0.1))


def shi_hose() -> Body:
    """The body at its published values, with a prior on every number."""
    return closed_loop(
        parts={
            "pacemaker": placed(Pacemaker, source=SOURCE, rate=LogNormal(60.0, cv=0.15)),
            "atrial": _activation(0.92, 0.045, 0.045),
            "ventricular": _activation(0.0, 0.3, 0.15),
            "la": _chamber(0.25, 0.15, 4.0),
            "lv": _chamber(2.5, 0.1, 5.0),
            "ra": _chamber(0.25, 0.15, 4.0),
            "rv": _chamber(1.15, 0.1, 10.0),
            "mitral": _valve(400.0),
            "aortic": _valve(350.0),
            "tricuspid": _valve(400.0),
            "pulmonary": _valve(350.0),
            "aortic_sinus": _vessel(0.08),
            "systemic_arteries": _vessel(1.6),
            "systemic_veins": _vessel(20.5),
            "pulmonary_sinus": _vessel(0.18),
            "pulmonary_arteries": _vessel(3.8),
            "pulmonary_veins": _vessel(20.5),
            "aorta": _bed(0.003, 6.2e-5),
            "systemic_bed": _bed(0.05 + 0.5 + 0.52, 0.0017),
            "systemic_return": placed(ResistiveBed, source=SOURCE, resistance=LogNormal(0.075, cv=0.2)),
            "pulmonary_trunk": _bed(0.002, 5.2e-5),
            "pulmonary_bed": _bed(0.01 + 0.05 + 0.25, 0.0017),
            "pulmonary_return": placed(ResistiveBed, source=SOURCE, resistance=LogNormal(0.006, cv=0.2)),
        },
        flows={
            "mitral": ("la.blood", "lv.blood"),
            "aortic": ("lv.blood", "aortic_sinus.blood"),
            "aorta": ("aortic_sinus.blood", "systemic_arteries.blood"),
            "systemic_bed": ("systemic_arteries.blood", "systemic_veins.blood"),
            "systemic_return": ("systemic_veins.blood", "ra.blood"),
            "tricuspid": ("ra.blood", "rv.blood"),
            "pulmonary": ("rv.blood", "pulmonary_sinus.blood"),
            "pulmonary_trunk": ("pulmonary_sinus.blood", "pulmonary_arteries.blood"),
            "pulmonary_bed": ("pulmonary_arteries.blood", "pulmonary_veins.blood"),
            "pulmonary_return": ("pulmonary_veins.blood", "la.blood"),
        },
        in_seconds=(),
        start={
            "la.volume": 20.0,
            "lv.volume": 500.0,
            "ra.volume": 20.0,
            "rv.volume": 500.0,
            "aortic_sinus.volume": 0.08 * 100.0,
            "systemic_arteries.volume": 1.6 * 100.0,
            "pulmonary_sinus.volume": 0.18 * 30.0,
            "pulmonary_arteries.volume": 3.8 * 30.0,
            "pulmonary_veins.volume": 0.0,
        },
        blood=LogNormal(1327.4, cv=0.12),
        source=SOURCE,
    )
