"""An intravenous glucose tolerance test: measured insulin drives the minimal model of glucose."""

from jaxtyping import ArrayLike

from physio.body import Body
from physio.metabolism.measured_insulin import MeasuredInsulin
from physio.metabolism.minimal_model import MinimalModel

VERSION = "minimal-model-1"


def glucose_test(times_min: ArrayLike, insulin_uU_mL: ArrayLike) -> Body:
    """The body of one test with its insulin samples: times [min], concentrations [uU/mL]."""
    return Body(
        {"insulin": MeasuredInsulin(times_min, insulin_uU_mL), "glucose": MinimalModel()},
        time="min",
        senses={"glucose.insulin": "insulin.concentration"},
    )
