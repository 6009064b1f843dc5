"""Every resistance, elastance, compliance and coupling of a body, drawn within a tenth of its published value."""

import numpy as np

from physio.body import Body

VARIED = ("coupling", "resistance", "elastance", "compliance")


def varied(body: Body, lanes: int) -> tuple[list[str], np.ndarray]:
    """``(addresses, values (addresses, lanes))``; the same draws each time (seed 0)."""
    addresses = sorted(a for a in body.parameters if any(word in a.split(".")[1] for word in VARIED))
    rng = np.random.default_rng(0)
    return addresses, np.stack([body.value(a) * rng.uniform(0.9, 1.1, lanes) for a in addresses])
