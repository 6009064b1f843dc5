"""What parts show each other at one instant, kept as the arrays in which equal parts were computed.

A wire from every part of a group to every part of another is then one array handed on, not a list of rows cut out and
stacked again: the compiled program does not grow with the number of equal parts.
"""

from collections.abc import Iterator, Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

# more stretches of neighbouring rows than these are gathered
_STRETCHES = 4


class Signals(Mapping):
    """Address -> (lanes,). ``rows`` gives several at once."""

    def __init__(self, lanes: int, dtype):
        self._silent = jnp.zeros((lanes,), dtype)
        self._places: dict[str, tuple[Array, int]] = {}

    def add(self, addresses: Sequence[str], values: Array) -> None:
        """One address for each row of ``values`` (k, lanes)."""
        self._places |= {address: (values, i) for i, address in enumerate(addresses)}

    def __getitem__(self, address: str) -> Array:
        values, i = self._places[address]
        return values[i]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def rows(self, addresses: Sequence[str | None]) -> Array:
        """(k, lanes); zeros for None and for addresses that are not known yet."""
        places = [self._places.get(a) if a is not None else None for a in addresses]
        arrays = {id(p[0]) if p else None for p in places}
        if len(arrays) == 1 and None not in arrays:
            return _taken(places[0][0], [p[1] for p in places])
        return jnp.stack([p[0][p[1]] if p else self._silent for p in places])


def _taken(values: Array, index: list[int]) -> Array:
    """``values[index]``, without a gather where the rows lie side by side or are all the same."""
    if index == list(range(values.shape[0])):
        return values
    if len(set(index)) == 1:
        return jnp.broadcast_to(values[index[0]][None], (len(index), values.shape[1]))
    breaks = [i for i in range(1, len(index)) if index[i] != index[i - 1] + 1]
    if len(breaks) >= _STRETCHES:
        return values.at[np.asarray(index)].get(mode="promise_in_bounds")
    stretches = zip([0, *breaks], [*breaks, len(index)], strict=True)
    parts = [values[index[a] : index[b - 1] + 1] for a, b in stretches]
    return parts[0] if len(parts) == 1 else jnp.concatenate(parts)
