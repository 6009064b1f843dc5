"""Elementwise functions of a compartment matrix, with every digit also in their gradients.

    V1 dc1/dt = -CL c1 - sum_k Qk (c1 - ck)           Vk dck/dt = Qk (c1 - ck),    k = 2, 3

With y = sqrt(V) c this is dy/dt = -S y, S symmetric, so that f(S)_11 = sum_j w_j f(l_j) with w_j >= 0 and
sum_j w_j = 1: no residues, no differences of exponents, nothing that breaks when two exponents l_j meet.

* S = M'M with M = sqrt(conductances) x incidence / sqrt(volumes), whose entries need no subtraction. The
  exponents are squared singular values of M: a slow one loses sqrt(l_fast / l_slow) digits, where the cubic's
  trigonometric roots (or eigenvalues of S) lose l_fast / l_slow.
* d f(S) = U (F o U'dS U) U', F_ij = f[l_i, l_j] (Daleckii & Krein 1965), with F_ii = f'(l_i). Derivatives of
  single eigenvectors, which blow up as 1 / (l_i - l_j), never appear.
* f[a, b] is the mean of f' over [a, b] (Genocchi-Hermite) by Gauss-Legendre when a and b are close, and the
  plain quotient when they are not.

First derivatives are accurate everywhere; second derivatives need distinct exponents and Q > 0.

Sources: J. L. Daleckii and S. G. Krein, AMS Transl. 47:1-30 (1965); C. de Boor, Surveys Approx. Theory
1:46-69 (2005), on divided differences.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2  # from [-1, 1] to [0, 1]
_CLOSE = 2.0  # in units of 1 / span: below, 12 nodes leave 1e-30; above, the quotient loses about a digit
_POLE = 0.5  # nearer than this share of the larger point, the pole at 0 is far enough away for 12 nodes


def divided_difference(function, a, b, span, pole=False):
    """(f(a) - f(b)) / (a - b), and f'(a) when a = b, to rounding error and differentiable throughout.

    function acts elementwise and varies over a distance 1 / span; a, b >= 0. ``pole`` says that it is
    singular at 0, like 1 / (1 - exp(-x)). Arguments that function closes over must broadcast against a, b
    and span.
    """
    a, b, span = jnp.broadcast_arrays(a, b, span)
    gap = a - b
    near = jnp.abs(gap) * span < _CLOSE
    if pole:
        near &= jnp.abs(gap) <= _POLE * jnp.maximum(a, b)
    share = jnp.asarray(_NODES, gap.dtype).reshape((-1,) + (1,) * gap.ndim)
    points = jnp.where(near, b + gap * share, 1.0)  # 1: any point away from 0, its value is not used
    slopes = jax.jvp(function, (points,), (jnp.ones_like(points),))[1]
    mean = jnp.tensordot(jnp.asarray(_WEIGHTS, gap.dtype), slopes, 1)
    return jnp.where(near, mean, (function(a) - function(b)) / jnp.where(near, 1.0, gap))


def _exponents(conductances, volumes):
    """l_j and U of S = U diag(l) U' (columns), and the rows h_c of the incidence matrix over sqrt(V)."""
    n = volumes.shape[0]
    incidence = np.concatenate([np.ones((n, 1)), -np.eye(n)[:, 1:]], axis=1)  # row 1 leaves the body
    incidence[0, 1:] = 0.0
    rows = jnp.asarray(incidence, volumes.dtype) / jnp.sqrt(volumes)
    _, singular, vectors = jnp.linalg.svd(jnp.sqrt(conductances)[:, None] * rows)
    return singular**2, vectors.T, rows


@partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def matrix_response(kernel, span, pole, conductances, volumes, inputs):
    """f(S)_11 with f(l) = kernel(l, *inputs), over the common shape of inputs (a tuple of arrays).

    conductances (CL, Q2, ...) and volumes (V1, V2, ...): shape (n,). span(*inputs) and pole: what
    divided_difference has to know about the kernel.
    """
    rates, vectors, _ = _exponents(conductances, volumes)
    return kernel(rates, *(x[..., None] for x in inputs)) @ vectors[0] ** 2


@matrix_response.defjvp
def _matrix_response_jvp(kernel, span, pole, primals, tangents):
    conductances, volumes, inputs = primals
    d_conductances, d_volumes, d_inputs = tangents
    rates, vectors, rows = _exponents(conductances, volumes)

    def at_these_rates(*inputs):
        return kernel(rates, *(x[..., None] for x in inputs)) @ vectors[0] ** 2

    value, through_inputs = jax.jvp(at_these_rates, inputs, d_inputs)
    i, j = np.triu_indices(rates.shape[0])
    pairs = np.where(i == j, 1.0, 2.0).astype(value.dtype)  # (i, j) stands for (j, i) too
    inputs = tuple(x[..., None] for x in inputs)
    slopes = divided_difference(lambda x: kernel(x, *inputs), rates[i], rates[j], span(*inputs), pole)
    drops = rows @ vectors  # u_i' dS u_j, from S = V^-1/2 L V^-1/2 with L linear in the conductances
    change = d_conductances @ (drops[:, i] * drops[:, j])
    change -= 0.5 * (d_volumes / volumes) @ (vectors[:, i] * vectors[:, j]) * (rates[i] + rates[j])
    return value, through_inputs + slopes @ (pairs * vectors[0, i] * vectors[0, j] * change)
