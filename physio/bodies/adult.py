"""Parts of a circulation at a published value, spread as widely as healthy adults are assumed to differ.

The spreads are those that both circulations share: 15-30 % where a catheter would see a healthy range that wide.
"""

from physio.component import Placed, placed
from physio.heart.chamber import Chamber
from physio.priors import LogNormal, Normal, Uniform
from physio.vessels.bed import InertialBed
from physio.vessels.vessel import Vessel


def chamber(active: float, passive: float, unstressed: float, *, offset: float, source: str) -> Placed:
    """Elastances in mmHg/mL, unstressed volume in mL, offset of the pressure in mmHg."""
    return placed(
        Chamber,
        source=source,
        active_elastance=LogNormal(active, cv=0.25),
        passive_elastance=LogNormal(passive, cv=0.2),
        unstressed=LogNormal(unstressed, cv=0.2),
        offset=Normal(offset, 1.0),
    )


def activation(law: type, onset: float, rise: float, fall: float, *, source: str) -> Placed:
    """Times in the unit of the law."""
    return placed(
        law,
        source=source,
        onset=Uniform(onset - 0.02, onset + 0.02),
        rise=LogNormal(rise, cv=0.08),
        fall=LogNormal(fall, cv=0.08),
    )


def vessel(compliance: float, *, source: str) -> Placed:
    """Compliance in mL/mmHg."""
    return placed(Vessel, source=source, compliance=LogNormal(compliance, cv=0.25))


def bed(resistance: float, inertance: float, *, source: str) -> Placed:
    """Resistance in mmHg*s/mL, inertance in mmHg*s^2/mL."""
    return placed(
        InertialBed,
        source=source,
        resistance=LogNormal(resistance, cv=0.2),
        inertance=LogNormal(inertance, cv=0.2),
    )
