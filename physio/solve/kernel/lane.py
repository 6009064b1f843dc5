"""Kernels of one trajectory: a CUDA thread integrates it in registers, or a C loop takes one after the other.

Everything between the header and the last function is the same text in both dialects.
"""

from physio.solve.kernel.header import c_header, cuda_header
from physio.solve.kernel.model import Emitted
from physio.solve.kernel.reverse import reverse
from physio.solve.kernel.signature import arguments, parameters
from physio.solve.kernel.step import inputs, judged, proposed, rate, smallest, tried
from physio.solve.status import Status

BLOCK = 128
_C_ROWS = "#define ROW(r, j) rows[(i * capacity + (r)) * WIDTH + (j)]"
_CUDA_ROWS = "#define ROW(r, j) rows[((long long)(r) * WIDTH + (j)) * N + i]"


def c_program(model: Emitted, kernels: tuple[str, ...]) -> str:
    """C for gcc, strict arithmetic, lane after lane: ``void NAME(long long N, ...)`` for each kernel."""
    loops = [
        f"void {name}(const long long N, {parameters(name)})\n"
        f"{{\n  for (long long i = 0; i < N; i++) {name}_lane(i, N, {arguments(name)});\n}}"
        for name in kernels
    ]
    return _program(c_header(model.model.dtype, strict=True), _C_ROWS, model, kernels, loops)


def cuda_program(model: Emitted, kernels: tuple[str, ...]) -> str:
    """CUDA C: ``NAME`` runs on N = blocks x threads lanes, so N is a multiple of ``BLOCK``."""
    threads = [
        f'extern "C" __global__ void __launch_bounds__({BLOCK}) {name}({parameters(name)})\n'
        "{\n  const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;\n"
        f"  const long long N = (long long)gridDim.x * blockDim.x;\n  {name}_lane(i, N, {arguments(name)});\n}}"
        for name in kernels
    ]
    return _program(cuda_header(model.model.dtype), _CUDA_ROWS, model, kernels, threads)


def _program(header: str, row: str, model: Emitted, kernels, shells) -> str:
    lanes = [_LANES[name](model) for name in kernels]
    return "\n\n".join([header, f"typedef int whole;\n#define WIDTH {model.model.states + 2}\n{row}", *lanes, *shells]) + "\n"


def _function(name: str, lines: list[str]) -> str:
    body = "\n".join("  " + line for line in lines)
    return f"static INLINE void {name}_lane(const long long i, const long long N, {parameters(name)})\n{{\n{body}\n}}"


def _given(model: Emitted) -> list[str]:
    """Parameters, and what depends on nothing else."""
    reads = [f"const real p{q} = given[{q} * N + i];" for q in range(model.model.parameters)]
    return [*reads, *(s.line for s in model.before)]


def _integrate(name: str, model: Emitted) -> str:
    n, keeps = model.model.states, name == "record"
    record = [
        "if (accept && used == capacity) {",
        f"  status = {int(Status.ROWS_FULL)};",
        "} else if (accept) {",
        "  ROW(used, 0) = began;",
        "  ROW(used, 1) = step;",
        *(f"  ROW(used, {2 + j}) = x{j};" for j in range(n)),
        "  used++;",
        "}",
    ]
    commit = [f"x{j} = accept ? n{j} : x{j};" for j in range(n)] + [f"k1_{j} = accept ? k7_{j} : k1_{j};" for j in range(n)]
    loop = [*proposed(), "const real began = s;", *tried(model), *judged(), *(record if keeps else []), *commit]
    return _function(name, [
        *_given(model),
        *(f"real x{j} = start[{j} * N + i];" for j in range(n)),
        "const real t0 = span[i], length = span[N + i] - t0, rtol = settings[0], atol = settings[1];",
        "const whole budget = (whole)settings[2];",
        *(["const long long capacity = (long long)settings[3];", "long long used = 0;"] if keeps else []),
        smallest(model.model.dtype),
        "const real first = span[2 * N + i];",
        "real s = R(0.0), h = first < length ? first : length;",
        # a segment that runs backwards, or has no length that is a number, is no segment
        f"whole steps = 0, status = length >= R(0.0) ? {int(Status.OK)} : {int(Status.STEP_TOO_SMALL)};",
        *rate(model, "k1", inputs(n, 1)),
        f"while (s < length && status == {int(Status.OK)}) {{",
        *("  " + line for line in loop),
        "}",
        *(f"final[{j} * N + i] = x{j};" for j in range(n)),
        "next[i] = length > R(0.0) ? h : first;",
        "taken[i] = steps;",
        "outcome[i] = status;",
        *(["count[i] = (int)used;"] if keeps else []),
    ])  # fmt: skip


def _pullback(model: Emitted) -> str:
    n, p = model.model.states, model.model.parameters
    read = [
        "const real s = ROW(row, 0), step = ROW(row, 1);",
        *(f"const real x{j} = ROW(row, {2 + j});" for j in range(n)),
    ]
    return _function("pullback", [
        *_given(model),
        "const real t0 = span[i];",
        "const long long capacity = (long long)settings[3];",
        # a lane that failed is a constant of the derivative
        f"const int alive = outcome[i] == {int(Status.OK)};",
        *(f"real g{j} = alive ? cotangent[{j} * N + i] : R(0.0);" for j in range(n)),
        *(f"real gp{q} = R(0.0);" for q in range(p)),
        "for (long long row = alive ? count[i] - 1 : -1; row >= 0; row--) {",
        *("  " + line for line in [*read, *reverse(model)]),
        "}",
        *(f"gstart[{j} * N + i] = g{j};" for j in range(n)),
        *(f"ggiven[{q} * N + i] = gp{q};" for q in range(p)),
        "(void)capacity;",
    ])  # fmt: skip


_LANES = {
    "solve": lambda model: _integrate("solve", model),
    "record": lambda model: _integrate("record", model),
    "pullback": _pullback,
}
