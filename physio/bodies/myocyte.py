"""One human ventricular myocyte, paced by a schedule; the three cell types of ten Tusscher and Panfilov 2006.

Times are in ms. ``input.stimulus`` [pA/pF] is negative for a stimulus that depolarises; ``paced`` makes its schedule, and
a solve steps exactly onto its edges. The equations are stiff: ``Rodas5P()``, not the default.
"""

from jaxtyping import ArrayLike

from physio.body import Body
from physio.component import AbstractPart, Placed, placed
from physio.heart.ten_tusscher import PAPER, EndocardialCell, EpicardialCell
from physio.priors import LogNormal
from physio.schedule import Schedule, repeated

VERSION = "ten-tusscher-2006-1"
STIMULUS_PA_PF = -52.0    # ten Tusscher and Panfilov 2006, for 1 ms

# M cells have a quarter of the slow delayed rectifier
MIDMYOCARDIAL = {
    "voltage": -85.423, "m": 0.00165, "h": 0.749, "j": 0.6788, "d": 3.288e-5, "f": 0.7026, "f2": 0.9526,
    "f_cass": 0.9942, "r": 2.347e-8, "s": 0.999998, "xr1": 0.0165, "xr2": 0.473, "xs": 0.0174,
    "ryanodine": 0.8978, "calcium": 1.53e-4, "calcium_sr": 4.272, "calcium_ss": 4.2e-4,
    "sodium": 10.132, "potassium": 138.52,
}  # fmt: skip


def epicardial() -> Body:
    """The body at its published values, at rest until a schedule stimulates ``input.stimulus``."""
    return _one(EpicardialCell())


def endocardial() -> Body:
    """The same for an endocardial cell."""
    return _one(EndocardialCell())


def midmyocardial() -> Body:
    """The same for an M cell."""
    cell = placed(EpicardialCell, source=f"M cell, {PAPER}", slow_rectifier=LogNormal(0.098, cv=0.2))
    return _one(cell, start={f"cell.{name}": value for name, value in MIDMYOCARDIAL.items()})


def paced(
    every: float, beats: int, *, start: ArrayLike = 0.0, duration: ArrayLike = 1.0, amplitude: ArrayLike = STIMULUS_PA_PF
) -> Schedule:
    """``beats`` stimuli, one every ``every`` ms, the first at ``start``: ``amplitude`` [pA/pF] for ``duration`` ms."""
    return repeated("input.stimulus", amplitude, every=every, count=beats, start=start, duration=duration)


def _one(cell: AbstractPart | Placed, start: dict[str, float] | None = None) -> Body:
    return Body(
        {"cell": cell},
        time="ms",
        inputs={"stimulus": "pA/pF"},
        senses={"cell.stimulus": "input.stimulus"},
        start=start,
    )
