"""How fast cells wander in a brain: faster along white matter than in grey, not at all into CSF or out of the skull.

    D = D_white        in white matter
    D = g D_white      in grey matter,  g about 0.1
    no flux through the surface of both

The spread of a front is sqrt(D / rho) wide: below two cells of the grid, front speed and shape are those of the grid.
Sources: K. R. Swanson, E. C. Alvord, J. D. Murray, Cell Prolif. 33:317-329 (2000), two diffusivities in grey and white matter.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.component import Scalar, parameter
from physio.fields import Domain, FieldError, Grid, Harmonic, TissueDiffusion
from physio.priors import LogitNormal, LogNormal

# labels of a tissue map
CSF, GREY, WHITE = 1, 2, 3


class Brain(eqx.Module):
    """Where white and grey matter are; everything else is outside."""

    domain: Domain
    white: Array

    @classmethod
    def of(cls, labels: Array, spacing: tuple[float, ...]) -> "Brain":
        """From a map of labels: 0 outside, 1 CSF, 2 grey, 3 white; spacing [mm]."""
        labels = known(labels)
        return cls(Domain(Grid(labels.shape, spacing), labels >= GREY), jnp.asarray(labels == WHITE))


def known(labels: Array) -> np.ndarray:
    """A tissue map without other labels."""
    labels = np.asarray(labels)
    strange = sorted(set(np.unique(labels).tolist()) - {0, CSF, GREY, WHITE})
    if strange:
        raise FieldError(f"tissue map has label {strange[0]}; expected 0 outside, 1 CSF, 2 grey, 3 white matter")
    return labels


class Infiltration(eqx.Module):
    """Diffusivities of cells in both tissues."""

    white: Scalar = parameter("mm2/d", LogNormal(0.1, cv=0.8), source="assumed: 0.02 to 0.3 mm2/d, where glioma models lie")
    grey_ratio: Scalar = parameter("1", LogitNormal(0.1, sd=0.7), source="assumed: a fifth to a twentieth of white")

    def operator(self, brain: Brain, order: int = 2, dtype=jnp.float64) -> TissueDiffusion:
        """Diffusion on the brain; between white and grey the two half cells stand in series."""
        cells = jnp.where(brain.white, self.white, self.grey_ratio * self.white).astype(dtype)
        return TissueDiffusion.of(brain.domain, cells, Harmonic(), order)

    def width(self, rate: Scalar) -> Scalar:
        """Width of a front in white matter [mm] at the growth rate [1/d]."""
        return jnp.sqrt(self.white / rate)
