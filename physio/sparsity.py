"""Which rates depend on which states, as wires and equations tell, and how many directions tell all their derivatives.

A rate depends on those of its part's own states that its equations read, and on every state behind what it senses, is driven
by, and is wired to. Columns of the Jacobian that meet in no row share one direction: A. R. Curtis, M. J. D. Powell, J. K. Reid,
IMA J. Appl. Math. 13:117-119 (1974).
"""

import functools

import numpy as np

from physio.component import AbstractStore, carried_by
from physio.wiring import Wiring, split, state_names


@functools.lru_cache(maxsize=256)
def pattern(wiring: Wiring) -> np.ndarray:
    """(states, states) whether the row of the field may depend on the column's state."""
    names = state_names(wiring)
    row_of = {address: i for i, address in enumerate(names)}
    groups = {name: group for group in wiring.order + wiring.links for name in group.names}
    own = {n: {row_of[f"{n}.{f.name}"] for f in carried_by(g.cls)} for n, g in groups.items()}
    drivers = {n: [s for address, law in wiring.drive if split(address)[0] == n for s in law.signals] for n in groups}
    shown: dict[str, set[int]] = {"input": set()}

    def behind(sources) -> set[int]:
        return set().union(*(shown[split(source)[0]] for source in sources))

    # in the order of evaluation everything that outputs read is known
    for group in wiring.order:
        for n in group.names:
            read = [source for port, source in wiring.senses if split(port)[0] == n and split(port)[1] in group.reads]
            shown[n] = own[n] | behind(read + drivers[n])
    flows = {n: own[n] | behind([*ends, *drivers[n]]) for n, ends in wiring.flows}
    pace = behind([wiring.clock] if wiring.clock else [])
    found = np.zeros((len(names), len(names)), bool)
    for n, group in groups.items():
        ends = dict(wiring.flows).get(n, ())
        sensed = [source for port, source in wiring.senses if split(port)[0] == n]
        needed = behind([*ends, *sensed, *drivers[n]]) | pace
        if issubclass(group.cls, AbstractStore):
            needed = needed.union(*(flows[link] for link, ends in wiring.flows if n in [split(end)[0] for end in ends]))
        for field, fields in group.couples:
            found[row_of[f"{n}.{field}"], sorted(needed | {row_of[f"{n}.{f}"] for f in fields})] = True
    found.flags.writeable = False
    return found


def colours(found: np.ndarray) -> np.ndarray:
    """(columns,) numbers from 0 such that columns of one number have no row in common; the fullest columns first."""
    meet = found.T.astype(int) @ found.astype(int) > 0
    colour = np.full(found.shape[1], -1)
    for column in np.argsort(-meet.sum(axis=0), kind="stable"):
        taken = set(colour[meet[column]])
        colour[column] = next(c for c in range(found.shape[1]) if c not in taken)
    return colour
