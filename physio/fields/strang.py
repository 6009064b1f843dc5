"""Strang splitting: half a step of reaction, one of diffusion, half a step of reaction. Order 2.

    u1 = R(dt/2) S(dt) R(dt/2) u0

The reaction is the model's own flow (a logistic law in closed form stays between 0 and its capacity for any dt), so stiff
diffusion is the only thing that limits a step, and with an implicit propagator nothing does.
Source: G. Strang, SIAM J. Numer. Anal. 5:506-517 (1968).
"""

import jax.numpy as jnp

from physio.fields.model import Still, for_each, operators
from physio.fields.propagator import AbstractPropagator, CrankNicolson
from physio.fields.stepper import AbstractStepper, fenced


class Strang(AbstractStepper):
    """Split steps with any propagator for the diffusion."""

    order = 2

    propagator: AbstractPropagator = CrankNicolson()

    def step(self, model, t, dt, state):
        def spread(op, u):
            return u if isinstance(op, Still) else self.propagator.spread(op, dt, u)

        half = 0.5 * dt
        state = fenced(model.reacted(t, half, state), t)
        return model.reacted(t + half, half, fenced(for_each(spread, model, state), t))

    def limit(self, model):
        return jnp.stack([self.propagator.limit(op) for op in operators(model)]).min()
