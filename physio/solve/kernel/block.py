"""C kernels for a processor with vectors: W trajectories in lockstep, one in each place of a block.

    struct block { real x[n][W], k[n][W], p[P][W], s[W], h[W], ... }

One step of the whole block is one loop over W without a branch, which gcc turns into vector instructions. A place
whose trajectory has ended is given the next one at once, so that none waits for the slowest: only at the very end
are places idle. What a trajectory computes does not depend on its place nor on its neighbours.
"""

from physio.solve.kernel.header import c_header
from physio.solve.kernel.model import Emitted
from physio.solve.kernel.reverse import reverse
from physio.solve.kernel.signature import arguments, parameters
from physio.solve.kernel.step import inputs, judged, proposed, rate, smallest, tried
from physio.solve.status import Status

_TURN = """\
void {name}(const long long N, {parameters})
{{
  struct {name}_block block;
  long long waiting = 0;
  int busy = 0;
  for (int l = 0; l < W; l++) busy += {name}_load(&block, l, &waiting, N, {arguments});
  while (busy) {{
    if ({name}_advance(&block, N, {arguments}))
      for (int l = 0; l < W; l++)
        if (block.done[l]) {{
          {name}_store(&block, l, N, {arguments});
          busy += {name}_load(&block, l, &waiting, N, {arguments}) - 1;
        }}
  }}
}}"""


def block_program(model: Emitted, kernels: tuple[str, ...], width: int) -> str:
    """C for gcc: ``void NAME(long long N, ...)`` for each kernel, ``width`` trajectories at a time."""
    # flags and counters as wide as the numbers beside them: a loop with one width is one that gcc can vectorise
    whole = f"typedef {'long long' if model.model.dtype.itemsize == 8 else 'int'} whole;"
    top = [c_header(model.model.dtype, strict=False), whole, f"#define W {width}", f"#define WIDTH {model.model.states + 2}"]
    parts = [_KERNELS[name](model) for name in kernels]
    turns = [_TURN.format(name=name, parameters=parameters(name), arguments=arguments(name)) for name in kernels]
    return "\n".join(top) + "\n\n" + "\n\n".join([*parts, *turns]) + "\n"


def _struct(name: str, real: list[str], whole: list[str], long: list[str]) -> str:
    groups = (("real", real), ("whole", whole), ("long long", long))
    lines = [f"  {kind} {field}[W] __attribute__((aligned(64)));" for kind, fields in groups for field in fields]
    return "\n".join([f"struct {name}_block {{", *lines, "};"])


def _part(returns: str, name: str, what: str, extra: str, lines: list[str]) -> str:
    head = f"static APART {returns} {name}_{what}(struct {name}_block* RESTRICT b, {extra}const long long N, {parameters(name)})"
    return "\n".join([head, "{", *("  " + line for line in lines), "}"])


def _given(model: Emitted) -> list[str]:
    """Per trajectory: parameters and what depends on nothing else, into the block."""
    p = model.model.parameters
    return [
        *(f"const real p{q} = given[{q} * N + i];" for q in range(p)),
        *(s.line for s in model.before),
        *(f"b->p[{q}][l] = p{q};" for q in range(p)),
        *(f"b->q[{m}][l] = (real){name};" for m, (_, name) in enumerate(model.carried)),
    ]


def _again(model: Emitted) -> list[str]:
    """The same, out of the block."""
    return [
        *(f"const real p{q} = b->p[{q}][l];" for q in range(model.model.parameters)),
        *(f"const {kind} {name} = ({kind})b->q[{m}][l];" for m, (kind, name) in enumerate(model.carried)),
    ]


def _sizes(model: Emitted) -> tuple[int, int, int]:
    """States, parameters and carried numbers; an array of C has at least one element."""
    return model.model.states, max(model.model.parameters, 1), max(len(model.carried), 1)


def _take(more: list[str]) -> list[str]:
    """Choose the next trajectory; a place that finds none repeats the last one, out of use."""
    return [
        "const int live = *waiting < N;",
        "const long long i = live ? (*waiting)++ : N - 1;",
        "b->lane[l] = i;",
        "b->live[l] = live;",
        "b->done[l] = 0;",
        *more,
        "return live;",
    ]


def _integrate(name: str, model: Emitted) -> str:
    n, p, q = _sizes(model)
    keeps = name == "record"
    kept = [f"old[{n}]", "began"] if keeps else []
    struct = _struct(
        name, [f"x[{n}]", f"k[{n}]", f"p[{p}]", f"q[{q}]", f"n[{n}]", f"k7[{n}]", "s", "h", "step", "raw",
         "length", "t0", *kept],
        ["steps", "status", "live", "done", "active", "last", "accept"], ["lane", *(["used"] if keeps else [])],
    )  # fmt: skip
    load = _part("int", name, "load", "const int l, long long* RESTRICT waiting, ", _take([
        *_given(model),
        *(f"const real x{j} = start[{j} * N + i];" for j in range(n)),
        "const real t0 = span[i], length = span[N + i] - t0, first = span[2 * N + i], s = R(0.0);",
        *rate(model, "k1", inputs(n, 1)),
        *(f"b->x[{j}][l] = x{j}; b->k[{j}][l] = k1_{j};" for j in range(n)),
        "b->t0[l] = t0; b->length[l] = length; b->s[l] = live ? s : length;",
        "b->h[l] = first < length ? first : length;",
        f"b->steps[l] = 0; b->status[l] = length >= R(0.0) ? {int(Status.OK)} : {int(Status.STEP_TOO_SMALL)};",
        *(["b->used[l] = 0;"] if keeps else []),
    ]))  # fmt: skip
    # Loops apart, with memory between them: in one loop gcc turns selections of selections into branches, and a loop
    # with branches into no vectors.
    trying = [
        *_again(model),
        *(f"const real x{j} = b->x[{j}][l], k1_{j} = b->k[{j}][l];" for j in range(n)),
        "const real t0 = b->t0[l], s = b->s[l], step = b->step[l];",
        *tried(model),
        *(f"b->n[{j}][l] = n{j}; b->k7[{j}][l] = k7_{j};" for j in range(n)),
        "b->raw[l] = raw;",
    ]
    judging = [
        "const real length = b->length[l], step = b->step[l], raw = b->raw[l];",
        smallest(model.model.dtype),
        "const whole active = b->active[l], last = b->last[l];",
        "real s = b->s[l], h = b->h[l];",
        "whole steps = b->steps[l], status = b->status[l];",
        *(["b->began[l] = s;"] if keeps else []),
        *judged(),
        "b->s[l] = s; b->h[l] = h; b->steps[l] = steps; b->status[l] = status; b->accept[l] = accept;",
    ]
    proposing = [
        "const real s = b->s[l], h = b->h[l], length = b->length[l];",
        "const whole status = b->status[l];",
        *proposed(),
        "b->active[l] = active; b->last[l] = last; b->step[l] = step;",
    ]
    committing = [
        "const whole accept = b->accept[l];",
        *([f"b->old[{j}][l] = b->x[{j}][l];" for j in range(n)] if keeps else []),
        *(f"b->x[{j}][l] = accept ? b->n[{j}][l] : b->x[{j}][l];" for j in range(n)),
        *(f"b->k[{j}][l] = accept ? b->k7[{j}][l] : b->k[{j}][l];" for j in range(n)),
        f"b->done[l] = (b->s[l] < b->length[l]) & (b->status[l] == {int(Status.OK)}) ? 0 : b->live[l];",
    ]
    advance = _part("int", name, "advance", "", [
        "const real rtol = settings[0], atol = settings[1];",
        "const whole budget = (whole)settings[2];",
        *_loop(proposing),
        *_loop(trying),
        *_loop(judging),
        *_loop(committing),
        *(_record(n) if keeps else []),
        "int ended = 0;",
        "for (int l = 0; l < W; l++) ended += b->done[l];",
        "return ended;",
    ])  # fmt: skip
    store = _part("void", name, "store", "const int l, ", [
        "const long long i = b->lane[l];",
        *(f"final[{j} * N + i] = b->x[{j}][l];" for j in range(n)),
        "next[i] = b->length[l] > R(0.0) ? b->h[l] : span[2 * N + i];",
        "taken[i] = (int)b->steps[l];",
        "outcome[i] = (int)b->status[l];",
        *(["count[i] = (int)b->used[l];"] if keeps else []),
    ])  # fmt: skip
    return "\n\n".join([struct, load, advance, store])


def _loop(inside: list[str]) -> list[str]:
    """One loop over the places of the block, which gcc may turn into vector instructions."""
    return ["#pragma omp simd", "for (int l = 0; l < W; l++) {", *("  " + line for line in inside), "}"]


def _record(n: int) -> list[str]:
    """Rows of the lanes that accepted; the one that has no room left ends here."""
    return [
        "const long long capacity = (long long)settings[3];",
        "for (int l = 0; l < W; l++)",
        "  if (b->accept[l]) {",
        "    if (b->used[l] == capacity) {",
        f"      b->done[l] = 1; b->status[l] = {int(Status.ROWS_FULL)};",
        "    } else {",
        "      real* RESTRICT row = rows + (b->lane[l] * capacity + b->used[l]++) * WIDTH;",
        "      row[0] = b->began[l]; row[1] = b->step[l];",
        *(f"      row[{2 + j}] = b->old[{j}][l];" for j in range(n)),
        "    }",
        "  }",
    ]


def _pullback(model: Emitted) -> str:
    name = "pullback"
    n, p, q = _sizes(model)
    count = range(model.model.parameters)
    struct = _struct(
        name, [f"x[{n}]", f"g[{n}]", f"gp[{p}]", f"p[{p}]", f"q[{q}]", "s", "step", "t0"], ["live", "done"], ["lane", "row"]
    )
    load = _part("int", name, "load", "const int l, long long* RESTRICT waiting, ", _take([
        *_given(model),
        # a lane that failed is a constant of the derivative
        f"const int alive = outcome[i] == {int(Status.OK)};",
        *(f"b->g[{j}][l] = alive ? cotangent[{j} * N + i] : R(0.0);" for j in range(n)),
        *(f"b->gp[{m}][l] = R(0.0);" for m in count),
        "b->t0[l] = span[i];",
        "b->row[l] = alive && live ? count[i] : 0;",
        # a place without a row steps by nothing, from a state where the rate is known to be finite
        "const real* RESTRICT row = rows + i * (long long)settings[3] * WIDTH;",
        "const int any = alive && count[i] > 0;",
        *(f"b->x[{j}][l] = any ? row[{2 + j}] : R(1.0);" for j in range(n)),
        "b->s[l] = R(0.0); b->step[l] = R(0.0);",
    ]))  # fmt: skip
    fetch = [
        "const long long capacity = (long long)settings[3];",
        "for (int l = 0; l < W; l++) {",
        "  if (b->row[l] > 0) {",
        "    const real* RESTRICT row = rows + (b->lane[l] * capacity + --b->row[l]) * WIDTH;",
        "    b->s[l] = row[0]; b->step[l] = row[1];",
        *(f"    b->x[{j}][l] = row[{2 + j}];" for j in range(n)),
        "  } else",
        "    b->step[l] = R(0.0);",
        "}",
    ]
    inside = [
        *_again(model),
        *(f"const real x{j} = b->x[{j}][l];" for j in range(n)),
        *(f"real g{j} = b->g[{j}][l];" for j in range(n)),
        *(f"real gp{m} = b->gp[{m}][l];" for m in count),
        "const real t0 = b->t0[l], s = b->s[l], step = b->step[l];",
        *reverse(model),
        *(f"b->g[{j}][l] = g{j};" for j in range(n)),
        *(f"b->gp[{m}][l] = gp{m};" for m in count),
    ]
    advance = _part("int", name, "advance", "", [
        *fetch,
        *_loop(inside),
        "int ended = 0;",
        "for (int l = 0; l < W; l++) ended += b->done[l] = b->live[l] && b->row[l] == 0;",
        "return ended;",
    ])  # fmt: skip
    store = _part("void", name, "store", "const int l, ", [
        "const long long i = b->lane[l];",
        *(f"gstart[{j} * N + i] = b->g[{j}][l];" for j in range(n)),
        *(f"ggiven[{m} * N + i] = b->gp[{m}][l];" for m in count),
    ])  # fmt: skip
    return "\n\n".join([struct, load, advance, store])


_KERNELS = {
    "solve": lambda model: _integrate("solve", model),
    "record": lambda model: _integrate("record", model),
    "pullback": _pullback,
}
