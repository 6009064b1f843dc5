"""What a solve returns, for one person and for a cohort alike."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.system import System
from physio.wiring import unknown


class Trajectory(eqx.Module):
    """States at the observation times.

    ===========  ========================  ======================
    field        one person                cohort
    ===========  ========================  ======================
    ``times``    (times,)                  (times, lanes)
    ``states``   (times, states)           (times, states, lanes)
    ``final``    (states,)                 (states, lanes)
    ``status``   ()                        (lanes,)
    ``steps``    ()                        (lanes,)
    ===========  ========================  ======================

    ``trajectory["arteries.pressure"]`` gives any state, output or flow over the same times. States of a lane whose
    status is not OK are nan, so that they cannot be taken for results.
    """

    times: Array
    states: Array
    final: Array
    status: Array
    steps: Array
    inputs: dict[str, Array]
    system: System
    single: bool = eqx.field(static=True)

    def __getitem__(self, address: str) -> Array:
        names = self.system.state_names
        if address in names:
            return self.states[:, names.index(address)]
        return self.outputs([address])[address]

    def outputs(self, addresses: list[str]) -> dict[str, Array]:
        """Several outputs or flows at once, each (times,) or (times, lanes)."""
        times, states, inputs = self.times, self.states, self.inputs
        if self.single:
            times, states = times[:, None], states[..., None]
            inputs = {name: value[:, None] for name, value in inputs.items()}
        known = self.system.output_names
        for address in addresses:
            if address not in known:
                raise unknown("output or flow", address, [*known, *self.system.state_names])

        def at_one(t, y, inputs):
            env, _ = self.system.evaluate(t, y, inputs)
            return {address: env[address] for address in addresses}

        values = jax.vmap(at_one)(times, states, inputs)
        return {a: v[:, 0] for a, v in values.items()} if self.single else values

    def conserved(self, port: str) -> Array:
        """Sum over all stores of what their ports of this name hold: constant but for doses."""
        return self.states[:, jnp.asarray(self.system.conserved_rows(port))].sum(1)
