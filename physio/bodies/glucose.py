"""The minimal model of glucose, driven by measured insulin in a test or by insulin levels over a life."""

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


def glucose_under_insulin() -> Body:
    """A person whose plasma insulin is an input: ``switch("insulin", on, off, level)`` adds levels [uU/mL], minutes.

    Its levels are known as they come, so that a life need not be over for its body to be written down.
    """
    return Body(
        {"glucose": MinimalModel()},
        time="min",
        senses={"glucose.insulin": "input.insulin"},
        inputs={"insulin": "uU/mL"},
    )
