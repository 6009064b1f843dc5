"""Single tumours: untreated, under radiation, under a drug whose exposure a schedule gives.

Volumes are ``tumour.volume`` [mm3], sums of diameters ``tumour.diameter`` [cm].
"""

from physio.body import Body
from physio.schedule import Schedule, bolus
from physio.tumours.growth import AbstractGrowth, Gompertz
from physio.tumours.inhibition import Claret, Stein
from physio.tumours.irradiated import IrradiatedTumour

VERSION = "tumours-1"


def untreated(law: AbstractGrowth = Gompertz()) -> Body:
    """A tumour that grows by one law; days."""
    return Body({"tumour": law}, time="d")


def irradiated() -> Body:
    """A tumour that ``fractions`` hit; days."""
    return Body({"tumour": IrradiatedTumour()}, time="d")


def fractions(days, dose) -> Schedule:
    """``dose`` [Gy] on each of ``days``."""
    return bolus("tumour.fraction", days, dose)


def inhibited() -> Body:
    """Claret's tumour; ``input.exposure`` is 1 at the usual dose; weeks."""
    return Body({"tumour": Claret()}, time="week", senses={"tumour.exposure": "input.exposure"}, inputs={"exposure": "1"})


def two_processes() -> Body:
    """Stein's tumour; weeks."""
    return Body({"tumour": Stein()}, time="week")
