"""Where a sensor of glucose sits: a body with the fluid under its skin."""

from physio.body import Body
from physio.metabolism.interstitial_glucose import InterstitialGlucose


def with_interstitium(body: Body, plasma: str) -> Body:
    """The body with ``interstitium.glucose`` [mg/dL], which follows ``plasma`` [mg/dL] with a lag."""
    return body.wired({"interstitium": InterstitialGlucose()}, senses={"interstitium.plasma": plasma})
