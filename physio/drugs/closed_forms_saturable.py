"""Exact concentrations with saturable (Michaelis-Menten) elimination from one compartment.

    volume dc/dt = -vmax c / (km + c),  hence  x + log(x) = x0 + log(x0) - vmax t / (volume km),  x = c / km

whose left side is inverted by the Wright omega function, Lambert's W of an exponential without its overflow.
First-order limit (c much below km): clearance vmax / km. Zero-order limit (c much above km): vmax [mg/h].

Sources: S. L. Beal, J. Pharmacokinet. Biopharm. 11:641-654 (1983); R. M. Corless et al., Adv. Comput. Math.
5:329-359 (1996).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from physio.component import as_float
from physio.drugs.closed_forms import is_concrete, since_arrival

_TAIL = -40.0  # below, W(exp(y)) = exp(y) to 4e-18


def _below_capacity(place, rate, vmax):
    """Whether rate < vmax; a ValueError if it is not and both are known now."""
    if is_concrete(rate, vmax) and not np.all(np.asarray(rate) < np.asarray(vmax)):
        raise ValueError(
            f"{place}: mean rate {rate} mg/h is not below the capacity vmax {vmax} mg/h, so there is no "
            "steady state; give a lower rate"
        )
    return rate < vmax


@jax.custom_jvp
def wright_omega(y):
    """w > 0 with w + log(w) = y, that is w = W(exp(y)), Lambert's function without its overflow. Any real y.

    Three corrections of order 4 (F. N. Fritsch, R. E. Shafer and W. P. Crowley, Commun. ACM 16:123, 1973);
    derivative w / (1 + w).
    """
    tiny = y < _TAIL
    at = jnp.where(tiny, 0.0, y)
    w = jnp.where(at > 1.0, at - jnp.log(jnp.maximum(at, 1.0)), jnp.exp(jnp.minimum(at, 1.0)) / 2)
    for _ in range(3):
        residual = at - w - jnp.log(w)
        newton, slope = residual / (1 + w), 2 * (1 + w + 2 / 3 * residual)
        w = w * (1 + newton * (slope - newton) / (slope - 2 * newton))
    return jnp.where(tiny, jnp.exp(y), w)


@wright_omega.defjvp
def _wright_omega_jvp(primals, tangents):
    w = wright_omega(*primals)
    return w, w / (1 + w) * tangents[0]


class MichaelisMentenPK(eqx.Module):
    """One compartment with saturable elimination: volume dc/dt = -vmax c / (km + c).

    volume [L]; vmax [mg/h], the capacity; km [mg/L]. Scalars or arrays that broadcast against t.
    """

    volume: Float[Array, "..."] = eqx.field(converter=as_float)
    vmax: Float[Array, "..."] = eqx.field(converter=as_float)
    km: Float[Array, "..."] = eqx.field(converter=as_float)

    def bolus(self, t, amount, *, lag=0.0, bioavailability=1.0):
        """amount [mg] at once into an empty body: c / km = x = W(x0 exp(x0 - vmax t / (volume km))).

        c in mg/L at t [h] after the dose was given; exactly 0 before it arrives, lag [h] later.
        """
        since, arrived = since_arrival(t, lag, None)
        return jnp.where(arrived, self._decline(since, bioavailability * amount / self.volume), 0.0)

    def steady_bolus(self, t, amount, every, *, lag=0.0, bioavailability=1.0):
        """bolus, repeated for ever, every [h], as in LinearPK; a mean rate below vmax, as in steady_infusion.

        One interval takes the peak p to the trough p - step, step = amount / volume, so that
        km log(p / (p - step)) + step = vmax every / volume, which is solved for p exactly.
        """
        arriving = bioavailability * amount
        exists = _below_capacity("steady_bolus", arriving / every, self.vmax)
        step = arriving / self.volume
        spare = jnp.where(exists, (self.vmax * every - arriving) / (self.volume * self.km), 1.0)
        since, _ = since_arrival(t, lag, every)
        return jnp.where(exists, self._decline(since, step / -jnp.expm1(-spare)), jnp.inf)

    def steady_infusion(self, rate):
        """km rate / (vmax - rate) [mg/L], the steady concentration under a constant infusion of rate [mg/h].

        From rate = vmax on nothing balances the input and the concentration grows without end: ValueError
        naming the capacity, and +inf with zero gradient where rate or vmax is traced.
        """
        exists = _below_capacity("steady_infusion", rate, self.vmax)
        return jnp.where(exists, self.km * rate / jnp.where(exists, self.vmax - rate, 1.0), jnp.inf)

    def _decline(self, t, start):
        x0 = start / self.km
        lost = self.vmax * t / (self.volume * self.km)
        empty = x0 <= 0
        y = jnp.where(empty, -jnp.inf, jnp.log(jnp.where(empty, 1.0, x0))) + x0 - lost
        tail = y < _TAIL  # W(z) = z: linear in the dose, hence also the branch of no dose at all
        last = start * jnp.exp(jnp.where(tail, x0 - lost, 0.0))
        return jnp.where(tail, last, self.km * wright_omega(jnp.where(tail, 0.0, y)))
