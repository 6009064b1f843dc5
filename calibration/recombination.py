"""New starts from the best ends: crossover and combinations of pairs, as in scatter search.

Half of the children take each coordinate from one parent or the other; half lie in the box that the two span, widened by half
its width on every side. Both are inside the problem's bounds.

Source: F. Glover, M. Laguna, R. Marti, Control Cybern. 29:653-684 (2000); for kinetic models J. A. Egea et al., Comput. Oper.
Res. 37:315-324 (2010).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array


def recombined(elite: Array, lower: Array, upper: Array, key: Array, count: int) -> Array:
    """``count`` children (unknowns, count) of random pairs of the elite (unknowns, members)."""
    unknowns, members = elite.shape
    pairs, mix, blend = jax.random.split(key, 3)
    first = jax.random.randint(pairs, (count,), 0, members)
    second = (first + jax.random.randint(jax.random.fold_in(pairs, 1), (count,), 1, members)) % members
    a, b = elite[:, first], elite[:, second]
    crossed = jnp.where(jax.random.bernoulli(mix, 0.5, (unknowns, count)), a, b)
    spanned = a + (b - a) * jax.random.uniform(blend, (unknowns, count), minval=-0.5, maxval=1.5)
    child = jnp.where(jnp.arange(count) % 2 == 0, crossed, spanned)
    return jnp.clip(child, lower[:, None], upper[:, None])


def elite_of(z: np.ndarray, cost: np.ndarray, members: int, apart: float) -> np.ndarray:
    """The best ends (unknowns, members) whose costs differ by at least ``apart``, filled up with the best others."""
    order = np.argsort(cost, kind="stable")
    order = order[np.isfinite(cost[order])]
    chosen, last = [], -np.inf
    for k in order:
        if cost[k] - last >= apart:
            chosen.append(k)
            last = cost[k]
    others = [k for k in order if k not in set(chosen)]
    return z[:, np.sort((chosen + others)[:members])]
