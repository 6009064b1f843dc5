"""Sixty equal parts in a ring: the size at which the writing of a model decides how long it compiles.

    y_i' = p (y_(i+1) - y_i) - y_i / (1 + exp(-y_(i-1))) + ln(1 + y_i^2)
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from physio.body import Body
from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal

TEST_CASE = "timing problem, no physiology"
NODES = 60


class Node(AbstractPlainPart):
    """One state and its two neighbours."""

    time_unit = "1"
    coupling: Scalar = parameter("1", LogNormal(1.0, cv=0.2), source=TEST_CASE)

    class State(eqx.Module):
        y: Scalar = state("1")

    class Sensed(eqx.Module):
        following: Scalar = port("1")
        preceding: Scalar = port("1")

    class Outputs(eqx.Module):
        y: Scalar = port("1")

    def rest(self):
        return self.State(0.5 * jnp.ones_like(self.coupling))

    def outputs(self, t, state, sensed):
        return self.Outputs(y=state.y)

    def rates(self, t, state, sensed, out):
        pull = self.coupling * (sensed.following - state.y)
        return self.State(pull - state.y / (1.0 + jnp.exp(-sensed.preceding)) + jnp.log1p(state.y**2))


def ring(nodes: int = NODES) -> Body:
    """All nodes begin at 1/2 with couplings from 0.5 to 1.5 around the ring."""
    names = [f"n{i}" for i in range(nodes)]
    senses = {f"{n}.following": f"{names[(i + 1) % nodes]}.y" for i, n in enumerate(names)}
    senses |= {f"{n}.preceding": f"{names[i - 1]}.y" for i, n in enumerate(names)}
    body = Body({n: Node() for n in names}, time="1", senses=senses)
    return body.with_values({f"{n}.coupling": c for n, c in zip(names, np.linspace(0.5, 1.5, nodes), strict=True)})
