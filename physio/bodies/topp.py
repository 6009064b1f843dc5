"""Fasting glucose over months and years in one person: beta-cell mass alone."""

from physio.body import Body
from physio.metabolism.topp import BetaCellMass

VERSION = "topp-1"


def topp() -> Body:
    """The body at its published values, in days; it starts at the healthy equilibrium."""
    return Body({"islets": BetaCellMass()}, time="d")
