"""Long-acting insulin from a pen, for any body with a ``depot``; its dissolved insulin joins what a pump delivers.

    pen -> depot             injections are events ``pen.injection`` [U], minutes as in ``physio.bodies.meals``

Half-lives: T. Heise et al., Expert Opin. Drug Metab. Toxicol. 11:1193-1201 (2015), type 1 diabetes, 8 days of 0.4 to 0.8 U/kg.
With the onsets given here a depot of rapid insulin passes on, in the four quarters of a day from an injection, 30, 32, 22 and
16 % of glargine and 24, 28, 26 and 22 % of degludec; glucose infused against 0.4 U/kg was 31, 29, 23, 17 and 23, 28, 26, 23 %
(H. Haahr, T. Heise, Clin. Pharmacokinet. 53:787-800 (2014)).
"""

from jaxtyping import ArrayLike

from physio.body import Body
from physio.component import Placed, placed
from physio.metabolism.long_acting_depot import DAY, LongActingDepot
from physio.priors import LogNormal
from physio.schedule import Schedule, bolus, switch

HEISE = "half-life: Heise 2015; onset assumed, by the effect in each quarter of a day in Haahr and Heise 2014; spread assumed"
LABEL = "half-life of 5 to 7 h: label; onset assumed, by the highest level after 6 to 8 h of the label; spread assumed"


def glargine() -> Placed:
    """Of 100 U/mL: 12.1 h."""
    return _insulin(HEISE, onset=30.0, half_life=12.1 * 60.0)


def degludec() -> Placed:
    """Of 100 or 200 U/mL: 25.4 h."""
    return _insulin(HEISE, onset=240.0, half_life=25.4 * 60.0)


def detemir() -> Placed:
    """6 h, and longer with more units, which this model does not know."""
    return _insulin(LABEL, onset=180.0, half_life=6.0 * 60.0)


def with_pen(body: Body, insulin: Placed | LongActingDepot) -> Body:
    """The body with a depot ``pen`` of long-acting insulin, empty at first."""
    pump = dict(body.wiring.senses)["depot.delivery"]
    return body.wired({"pen": insulin}, senses={"pen.delivery": pump, "depot.delivery": "pen.delivery"})


def injection(at: ArrayLike, units: ArrayLike) -> Schedule:
    """``units`` of long-acting insulin at once."""
    return bolus("pen.injection", at, units)


def accustomed(body: Body, at: ArrayLike, units: ArrayLike) -> Schedule:
    """At minute 0: the depot holds what endless daily injections of ``units`` at minute ``at`` of the day have left, and the
    basal rate that the body rests under is lower by their mean, ``units`` / 1440 min.

    An injection at minute 0 itself is still to come. ``injection`` adds those from then on.
    """
    left = body.parts["pen"].accustomed(units, DAY - at % DAY)
    held = bolus("pen.injection", 0.0, left.bound) + bolus("pen.ready", 0.0, left.ready)
    return held + switch("insulin", 0.0, level=-units / DAY)


def _insulin(source: str, *, onset: float, half_life: float) -> Placed:
    return placed(LongActingDepot, source=source, onset=LogNormal(onset, cv=0.3), half_life=LogNormal(half_life, cv=0.2))
