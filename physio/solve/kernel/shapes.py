"""Primitives that only move elements, and sums over axes. The first kind leaves nothing in the C text."""

import jax
import numpy as np

from physio.solve.kernel.cells import cells, known, numbers, values
from physio.solve.kernel.elementwise import apply, kind_of


def _broadcast_in_dim(eqn, x):
    shape, where = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    sizes = [1] * len(shape)
    for axis, target in enumerate(where):
        sizes[target] = x.shape[axis]
    return np.broadcast_to(x.reshape(sizes), shape)


def _slice(eqn, x):
    p = eqn.params
    strides = p["strides"] or (1,) * x.ndim
    return x[tuple(slice(a, b, s) for a, b, s in zip(p["start_indices"], p["limit_indices"], strides, strict=True))]


def _pad(eqn, x, fill):
    """Low, high and inner padding; a negative amount cuts off."""
    out = cells([fill[()]] * eqn.outvars[0].aval.size, eqn.outvars[0].aval.shape)
    for index in np.ndindex(x.shape):
        place = tuple(low + i * (1 + inner) for i, (low, _, inner) in zip(index, eqn.params["padding_config"], strict=True))
        if all(0 <= at < size for at, size in zip(place, out.shape, strict=True)):
            out[place] = x[index]
    return out


def _split(eqn, x):
    return np.split(x, np.cumsum(eqn.params["sizes"])[:-1], axis=eqn.params["axis"])


def _unstack(eqn, x):
    first = np.moveaxis(x, eqn.params["axis"], 0)
    # a slice and not an index: the element of an array of one axis must stay an array
    return [first[i : i + 1].reshape(first.shape[1:]) for i in range(first.shape[0])]


def _reshape(eqn, x):
    return x.reshape(eqn.outvars[0].aval.shape)


MOVES = {
    "broadcast_in_dim": _broadcast_in_dim,
    "reshape": _reshape,
    "squeeze": _reshape,
    "expand_dims": _reshape,
    "slice": _slice,
    "pad": _pad,
    "transpose": lambda eqn, x: np.transpose(x, eqn.params["permutation"]),
    "rev": lambda eqn, x: np.flip(x, eqn.params["dimensions"]),
    "concatenate": lambda eqn, *x: np.concatenate(x, axis=eqn.params["dimension"]),
    "stack": lambda eqn, *x: np.stack(x, axis=eqn.params["axis"]),
    "split": _split,
    "unstack": _unstack,
}


def _move(code, eqn, operands):
    out = MOVES[eqn.primitive.name](eqn, *operands)
    return list(out) if eqn.primitive.multiple_results else [out]


def _run(eqn, operands):
    """The equation itself, on numbers."""
    with jax.ensure_compile_time_eval():
        out = eqn.primitive.bind(*operands, **eqn.params)
    return np.asarray(out)


def _numbered(data: int):
    """Moves whose places are data: run on the numbers of the cells, read back which cell arrived where."""

    def rule(code, eqn, operands):
        moved, places = operands[:data], operands[data:]
        if not all(map(known, places)):
            return None
        kind = eqn.invars[0].aval.dtype
        flat = [cell for x in moved for cell in x.reshape(-1)]
        starts = np.cumsum([0] + [x.size for x in moved])
        tags = [np.arange(x.size).reshape(x.shape) + start for x, start in zip(moved, starts, strict=False)]
        rest = [values(x, v.aval.dtype) for x, v in zip(places, eqn.invars[data:], strict=True)]
        arrived = _run(eqn, [*(tag.astype(kind) for tag in tags), *rest])
        outside = np.isnan(arrived) if arrived.dtype.kind == "f" else arrived < 0
        missing = np.asarray(np.nan if np.issubdtype(kind, np.floating) else 0, kind)[()]
        ok = zip(arrived.reshape(-1), outside.reshape(-1), strict=True)
        return [cells([missing if bad else flat[int(at)] for at, bad in ok], arrived.shape)]

    return rule


def _scatter(code, eqn, operands):
    """``scatter(x, places, new)`` with known places: the new elements replace old ones."""
    x, places, new = operands
    if not known(places):
        return None
    kind = eqn.invars[0].aval.dtype
    flat = [*x.reshape(-1), *new.reshape(-1)]
    tags = np.arange(len(flat)).astype(kind)
    index = values(places, eqn.invars[1].aval.dtype)
    arrived = _run(eqn, [tags[: x.size].reshape(x.shape), index, tags[x.size :].reshape(new.shape)])
    return [cells([flat[int(at)] for at in arrived.reshape(-1)], arrived.shape)]


def _scatter_add(code, eqn, operands):
    """``x`` plus each new element at the places it falls on."""
    x, places, new = operands
    kind, shape = eqn.invars[0].aval.dtype, eqn.outvars[0].aval.shape
    if not known(places):
        return None
    index, out = values(places, eqn.invars[1].aval.dtype), list(x.reshape(-1))
    for number, cell in enumerate(new.reshape(-1)):
        one = np.zeros(new.size, kind)
        one[number] = 1
        hits = _run(eqn, [np.zeros(x.shape, kind), index, one.reshape(new.shape)]).reshape(-1)
        for at in np.flatnonzero(hits):
            out[at] = apply(code, "add", kind_of(kind, code.dtype), [out[at], cell])
    return [cells(out, shape)]


def _fold(code, name, kind, flat):
    total = flat[0]
    for cell in flat[1:]:
        total = apply(code, name, kind, [total, cell])
    return total


def _reduction(name, empty):
    def rule(code, eqn, operands):
        (x,), out = operands, eqn.outvars[0].aval
        axes = [a % x.ndim for a in eqn.params["axes"]]
        kept = [a for a in range(x.ndim) if a not in axes]
        table = np.transpose(x, kept + axes).reshape(out.size, x.size // out.size if out.size else 0)
        kind, none = kind_of(out.dtype, code.dtype), np.asarray(empty, out.dtype)[()]
        return [cells([_fold(code, name, kind, list(row)) if len(row) else none for row in table], out.shape)]

    return rule


def _running(name):
    def rule(code, eqn, operands):
        axis, kind = eqn.params["axis"], kind_of(eqn.outvars[0].aval.dtype, code.dtype)
        turn = slice(None, None, -1) if eqn.params["reverse"] else slice(None)
        rows = np.moveaxis(operands[0], axis, -1)[..., turn]
        out = rows.copy()
        for index in np.ndindex(rows.shape[:-1]):
            for i in range(1, rows.shape[-1]):
                out[(*index, i)] = apply(code, name, kind, [out[(*index, i - 1)], rows[(*index, i)]])
        return [np.moveaxis(out[..., turn], -1, axis)]

    return rule


def _dot_general(code, eqn, operands):
    """Sum of products over the contracted axes, for each batch element and each pair of free ones."""
    (left_sum, right_sum), (left_batch, right_batch) = eqn.params["dimension_numbers"]
    sides = []
    for x, summed, batch in ((operands[0], left_sum, left_batch), (operands[1], right_sum, right_batch)):
        free = [a for a in range(x.ndim) if a not in summed and a not in batch]
        counts = [int(np.prod([x.shape[a] for a in group], dtype=int)) for group in (batch, free, summed)]
        sides.append(np.transpose(x, [*batch, *free, *summed]).reshape(counts))
    left, right = sides
    out = eqn.outvars[0].aval
    kind, zero, found = kind_of(out.dtype, code.dtype), np.asarray(0, out.dtype)[()], []
    for b, i, j in np.ndindex(left.shape[0], left.shape[1], right.shape[1]):
        terms = [apply(code, "mul", kind, pair) for pair in zip(left[b, i], right[b, j], strict=True)]
        found.append(_fold(code, "add", kind, terms) if terms else zero)
    return [cells(found, out.shape)]


def _iota(code, eqn, operands):
    p = eqn.params
    line = np.arange(p["shape"][p["dimension"]], dtype=p["dtype"])
    sizes = [-1 if axis == p["dimension"] else 1 for axis in range(len(p["shape"]))]
    return [numbers(np.broadcast_to(line.reshape(sizes), p["shape"]))]


# A rule returns None where what it needs to know is only known when the kernel runs.
RULES = dict.fromkeys(MOVES, _move) | {
    "iota": _iota,
    "dot_general": _dot_general,
    "gather": _numbered(1),
    "dynamic_slice": _numbered(1),
    "dynamic_update_slice": _numbered(2),
    "scatter": _scatter,
    "scatter-add": _scatter_add,
    "reduce_sum": _reduction("add", 0),
    "reduce_prod": _reduction("mul", 1),
    "reduce_max": _reduction("max", -np.inf),
    "reduce_min": _reduction("min", np.inf),
    "reduce_and": _reduction("and", True),
    "reduce_or": _reduction("or", False),
    "cumsum": _running("add"),
    "cumprod": _running("mul"),
    "cummax": _running("max"),
    "cummin": _running("min"),
}
