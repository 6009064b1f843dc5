"""The reverse of one accepted step, step size frozen: the text of the discrete adjoint.

    new = x + h sum_i b_i k_i,    k_i = f(t_i, x + h sum_{j<i} a_ij k_j, p)

With g the cotangent of ``new``, stages run backwards:

    c_i = h (b_i g + sum_{m>i} a_mi u_m)          cotangent of k_i
    u_i = c_i df/dy,    w_i = c_i df/dp           the model's pullback at stage i
    g  <-  g + sum_i u_i,    gp  <-  gp + sum_i w_i

A step of size 0 leaves g as it is and adds nothing to gp. k_7 decides only whether a step is accepted.
"""

from physio.solve.kernel.model import Emitted, assign
from physio.solve.kernel.step import A, B, inputs, number, rate, scope, stages


def reverse(model: Emitted) -> list[str]:
    """From state ``x``, ``s``, ``step`` and cotangent ``g`` to the cotangent before the step; ``gp`` grows."""
    n = model.model.states
    lines = [*rate(model, "k1", inputs(n, 1)), *stages(model, 5)]
    for stage in range(6, 0, -1):
        lines += _stage(model, stage, n)
    return [*lines, *(f"g{j} += {' + '.join(f'u{i}_{j}' for i in range(1, 7))};" for j in range(n))]


def _stage(model: Emitted, stage: int, n: int) -> list[str]:
    pullback = model.pullback
    later = range(stage + 1, 7)
    cotangents = []
    for j in range(n):
        terms = [f"{number(B[stage - 1])} * g{j}", *(f"{number(A[m - 1][stage - 1])} * u{m}_{j}" for m in later)]
        cotangents.append(f"const real c{j} = step * ({' + '.join(terms)});")
    body = [
        *inputs(n, stage),
        *cotangents,
        *pullback.lines,
        *assign(lambda j: f"u{stage}_{j}", pullback.results[:n]),
        *assign(lambda q: f"gp{q}", pullback.results[n:], "+="),
    ]
    return scope([f"real {', '.join(f'u{stage}_{j}' for j in range(n))};"], body)
