"""How stiff a head is: white and grey matter, CSF, and the tumour that takes their place.

    E = E_tissue + (E_tumour - E_tissue) N / K         E  Young's modulus [kPa],    N / K  share of cells, from 0 to 1
    nu the same everywhere

The body ends at the skull, which holds it: label 0 is outside, CSF is inside. CSF as a soft solid neither flows nor drains, so
ventricles give way less than real ones do.
Source: D. Abler, P. Buechler, R. C. Rockne, Lect. Notes Comput. Sci. 11826:75-86 (2019), the model; values of an example of
their simulator, GlimS.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import Scalar, parameter
from physio.fields import Domain, ElasticBody, Grid
from physio.priors import LogitNormal, LogNormal
from physio.tumours.infiltration import CSF, WHITE, known


EXAMPLE = "an example of the simulator GlimS; spread assumed"


class Head(eqx.Module):
    """All within the skull, and where in it white matter and CSF are; the rest is grey."""

    domain: Domain
    white: Array
    csf: Array

    @classmethod
    def of(cls, labels: Array, spacing: tuple[float, ...]) -> "Head":
        """From a map of labels: 0 outside, 1 CSF, 2 grey, 3 white; spacing [mm]."""
        labels = known(labels)
        return cls(Domain(Grid(labels.shape, spacing), labels >= CSF), jnp.asarray(labels == WHITE), jnp.asarray(labels == CSF))


class Stiffness(eqx.Module):
    """Young's moduli and Poisson's ratio."""

    white: Scalar = parameter("kPa", LogNormal(3.0, cv=0.4), source=EXAMPLE)
    grey: Scalar = parameter("kPa", LogNormal(3.0, cv=0.4), source=EXAMPLE)
    csf: Scalar = parameter("kPa", LogNormal(1.0, cv=0.6), source=EXAMPLE)
    tumour: Scalar = parameter("kPa", LogNormal(3.0, cv=0.6), source="assumed: as the tissue around it")
    poisson: Scalar = parameter("1", LogitNormal(0.45, sd=0.3, low=0.0, high=0.5), source=EXAMPLE)

    def body(self, head: Head, share: Array) -> ElasticBody:
        """With so much of each cell of the grid taken by tumour, in the precision of ``share``."""
        tissue = jnp.where(head.csf, self.csf, jnp.where(head.white, self.white, self.grey))
        young = tissue + (self.tumour - tissue) * jnp.clip(share, 0.0, 1.0)
        return ElasticBody.of(head.domain, young.astype(share.dtype), jnp.full_like(share, self.poisson))
