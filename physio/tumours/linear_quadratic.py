"""What a fraction of radiation leaves alive, and courses of fractions compared.

    S     = exp(-alpha d - beta d^2)               share that survives one fraction of d [Gy]
    S_n   = S^n                                    of n equal fractions, nothing growing between them
    BED   = n d (1 + d / (alpha/beta))             dose in endless small fractions that does the same  [Gy]
    EQD2  = BED / (1 + 2 / (alpha/beta))           dose in fractions of 2 Gy that does the same        [Gy]

alpha [1/Gy], beta [1/Gy2]; alpha/beta [Gy] is about 10 in most tumours and 3 in late tissue, 1.5 in prostate. It cannot be told
from fractions of one size. The law holds from 1 to 6 Gy or so; above, it kills too much.

Sources: J. F. Fowler, Br. J. Radiol. 62:679-694 (1989); S. M. Bentzen et al., Radiother. Oncol. 105:266-268 (2012).
"""

import jax.numpy as jnp
from jaxtyping import Array


def log_kill(dose: Array, alpha: Array, ratio: Array) -> Array:
    """alpha d + beta d^2 of a fraction of ``dose`` [Gy]; alpha [1/Gy], ``ratio`` = alpha / beta [Gy]."""
    return alpha * dose * (1.0 + dose / ratio)


def surviving(dose: Array, alpha: Array, ratio: Array, fractions: Array = 1.0) -> Array:
    """Share that survives so many equal fractions."""
    return jnp.exp(-fractions * log_kill(dose, alpha, ratio))


def biologically_effective_dose(dose: Array, ratio: Array, fractions: Array) -> Array:
    """BED [Gy] of so many fractions of ``dose`` [Gy]."""
    return fractions * dose * (1.0 + dose / ratio)


def equivalent_dose(dose: Array, ratio: Array, fractions: Array) -> Array:
    """EQD2 [Gy] of so many fractions of ``dose`` [Gy]."""
    return biologically_effective_dose(dose, ratio, fractions) / (1.0 + 2.0 / ratio)
