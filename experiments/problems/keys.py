"""Random keys from names, so that a person's numbers depend on nobody else and on no order."""

import zlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array


def keys_of(seed: int, purpose: str, people: Sequence[str]) -> Array:
    """One key a person: the seed folded with a hash of the purpose and of the person's name."""
    root = jax.random.fold_in(jax.random.key(seed), zlib.crc32(purpose.encode()))
    return jnp.stack([jax.random.fold_in(root, zlib.crc32(person.encode())) for person in people])
