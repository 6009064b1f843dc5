"""Parameters that change from one occasion to the next in one person: another random effect for each occasion.

    log phi_ik = log typical + eta_i + kappa_ik,     kappa_ik ~ N(0, Gamma),  independent of eta and of each other

An ``Occasional`` structure has one structure for each occasion, told apart by a washout: each begins at rest. Its parameter
``clearance`` becomes the product of ``clearance`` and of ``clearance@1``, ``clearance@2``, ... whose typical value is 1 and
whose random effects share one variance: ``Population(random=[..., occasions("clearance", 2)])``.

Source: M. O. Karlsson, L. B. Sheiner, J. Pharmacokinet. Biopharm. 21:735-750 (1993).
"""

from collections.abc import Sequence

import jax.numpy as jnp

from calibration.population.model import Tied
from calibration.population.structure import AbstractStructure


def on_occasion(name: str, occasion: int) -> str:
    """The address of what a parameter is multiplied by on an occasion, counted from 1."""
    return f"{name}@{occasion}"


def occasions(name: str, count: int) -> Tied:
    """The random effects of a parameter on each of ``count`` occasions."""
    return Tied(tuple(on_occasion(name, k) for k in range(1, count + 1)))


class Occasional(AbstractStructure):
    """Readings of all occasions, the first occasion's first; ``varying`` parameters differ between occasions."""

    structures: tuple[AbstractStructure, ...]
    varying: tuple[str, ...]

    def __init__(self, structures: Sequence[AbstractStructure], varying: Sequence[str]):
        self.structures, self.varying = tuple(structures), tuple(varying)

    def predict(self, values, lanes):
        base = {name: value for name, value in values.items() if "@" not in name}
        predictions, status = [], None
        for k, structure in enumerate(self.structures, 1):
            own = base | {name: base[name] * values[on_occasion(name, k)] for name in self.varying}
            predicted, code = structure.predict(own, lanes)
            predictions.append(predicted)
            status = code if status is None else jnp.maximum(status, code)
        return jnp.concatenate(predictions), status

    def picked(self, index):
        return Occasional([s.picked(index) for s in self.structures], self.varying)
