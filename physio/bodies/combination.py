"""A tumour under two drugs by vein that may help or hinder each other.

    first  -> excreted         concentrations in plasma set the factor of the growth rate, by the surface of MuSyC
    second -> excreted

Doses [mg] go to ``first.drug`` and ``second.drug``; ``tumour.volume`` is in mm3, ``effect.factor`` 1 without drugs and below 0
where cells die.
"""

from physio.body import Body
from physio.drugs.compartment import Compartment
from physio.drugs.excreted import Excreted
from physio.drugs.transfer import LinearElimination
from physio.tumours.combined_effect import CombinedEffect
from physio.tumours.growth import Exponential, Gompertz, Logistic
from physio.wiring import times

VERSION = "combination-1"


def two_drugs(law: Exponential | Logistic | Gompertz = Gompertz()) -> Body:
    """``law`` is one whose ``rate`` drugs can act on; days."""
    drugs = ("first", "second")
    return Body(
        {
            **{name: Compartment() for name in drugs},
            **{f"{name}_elimination": LinearElimination() for name in drugs},
            **{f"{name}_excreted": Excreted() for name in drugs},
            "effect": CombinedEffect(),
            "tumour": law,
        },
        time="d",
        flows={f"{name}_elimination": (f"{name}.drug", f"{name}_excreted.drug") for name in drugs},
        senses={f"effect.{name}": f"{name}.concentration" for name in drugs},
        drive={"tumour.rate": times("effect.factor")},
    )
