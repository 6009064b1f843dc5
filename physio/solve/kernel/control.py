"""Equations that hold other equations: calls are written in place, loops of known length are unrolled.

A branch on a value known only at run time computes both sides and chooses; a loop on one has no straight-line form.
"""

import numpy as np

from physio.solve.kernel.cells import cells, known, written
from physio.solve.kernel.elementwise import kind_of

CALLS = {
    "jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr",
    "remat", "checkpoint", "remat2", "custom_lin",
}  # fmt: skip


def inner_of(eqn):
    """The jaxpr that a call holds, under whichever name."""
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        if eqn.params.get(key) is not None:
            return eqn.params[key]
    return None


def _scan(code, eqn, operands, walk):
    p = eqn.params
    if "ft_in" in p:  # jax 0.12: one tree for constants, carry and inputs
        consts, carry, _ = (len(part) for part in p["ft_in"].unpack())
    else:
        consts, carry = p["num_consts"], p["num_carry"]
    fixed, state, inputs = operands[:consts], operands[consts : consts + carry], operands[consts + carry :]
    rounds = range(p["length"])
    seen = []
    for i in reversed(rounds) if p["reverse"] else rounds:
        out = walk(p["jaxpr"], [*fixed, *state, *(x[i] for x in inputs)])
        state, shown = out[:carry], out[carry:]
        seen.append(shown)
    if p["reverse"]:
        seen.reverse()
    stacked = [
        np.stack([row[j] for row in seen]) if seen else cells([], var.aval.shape)
        for j, var in enumerate(eqn.outvars[carry:])
    ]
    return [*state, *stacked]


def _while(code, eqn, operands, walk):
    p = eqn.params
    test, body = p["cond_nconsts"], p["body_nconsts"]
    test_consts, body_consts, state = operands[:test], operands[test : test + body], operands[test + body :]
    while True:
        (go,) = walk(p["cond_jaxpr"], [*test_consts, *state])
        if not known(go):
            return None
        if not go[()]:
            return state
        state = walk(p["body_jaxpr"], [*body_consts, *state])


def _cond(code, eqn, operands, walk):
    which, rest, branches = operands[0][()], operands[1:], eqn.params["branches"]
    if not isinstance(which, str):
        return walk(branches[min(max(int(which), 0), len(branches) - 1)], rest)
    found = [walk(branch, rest) for branch in branches]
    return [
        cells([_choice(code, var, which, case) for case in zip(*(f[j].reshape(-1) for f in found), strict=True)], var.aval.shape)
        for j, var in enumerate(eqn.outvars)
    ]


def _choice(code, var, which, case):
    kind, text = kind_of(var.aval.dtype, code.dtype), written(case[-1])
    for index in range(len(case) - 2, -1, -1):
        text = f"{which} <= {index} ? {written(case[index])} : ({text})"
    return code.let(kind, text)


RULES = {"scan": _scan, "while": _while, "cond": _cond}
