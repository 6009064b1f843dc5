"""The two dialects of a kernel: C for gcc, CUDA C for NVRTC. One header each; the text below it is the same.

``real`` is the precision of the model, ``R(x)`` a literal in it. CUDA's maths functions need no include.
"""

import numpy as np

_FUNCTIONS = (
    "exp exp2 expm1 log log1p sqrt cbrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc lgamma "
    "floor ceil trunc rint round pow atan2 nextafter fma fmod fabs"
).split()

_REMAINDER_EXACT = "static INLINE real REM(real x, real y) { return FMOD(x, y); }"

# fmod by steps of one bit would neither vectorise nor suit a GPU. The quotient of a rounded division is off by
# at most one, and x - q y is then exact in one fma: the two corrections make the result that of fmod for |x / y|
# below 2^52 (2^23 in single precision).
_REMAINDER_FAST = """\
static INLINE real REM(real x, real y) {
  const real a = FABS(x), b = FABS(y);
  real r = FMA(-TRUNC(a / b), b, a);
  r = r < 0 ? r + b : r;
  r = r >= b ? r - b : r;
  return x < 0 ? -r : r;
}"""


def _common(dtype) -> str:
    suffix = "f" if dtype == np.float32 else ""
    macros = [f"#define {name.upper()} {name}{suffix}" for name in _FUNCTIONS]
    return "\n".join([f"typedef {'float' if suffix else 'double'} real;", "#define R(x) ((real)(x))", *macros,
                      "#define ABS FABS", f"#define LARGEST R({np.finfo(dtype).max:.17g})"])  # fmt: skip


def c_header(dtype, *, strict: bool) -> str:
    """For gcc. ``strict`` keeps every rule of IEEE arithmetic; otherwise the vector maths library is used."""
    # math.h declares its vector functions only under this macro, which gcc itself sets only where a nan may be
    # assumed never to occur: but a nan is how a step that failed is told from one that did not.
    vector = "" if strict else "#ifndef __FAST_MATH__\n#define __FAST_MATH__ 1\n#endif\n"
    return "\n".join([
        f"{vector}#include <math.h>",
        _common(np.dtype(dtype)),
        "#define INLINE inline __attribute__((always_inline))",
        "#define APART __attribute__((noinline))",
        "#define RESTRICT __restrict__",
        "#define RSQRT(x) (R(1.0) / SQRT(x))",
        "#define INFINITE ((real)__builtin_inf())",
        '#define NOT_A_NUMBER ((real)__builtin_nan(""))',
        _REMAINDER_EXACT if strict else _REMAINDER_FAST,
    ])  # fmt: skip


def cuda_header(dtype) -> str:
    """For NVRTC or nvcc."""
    dtype = np.dtype(dtype)
    return "\n".join([
        _common(dtype),
        "#define INLINE __device__ __forceinline__",
        "#define RESTRICT __restrict__",
        f"#define RSQRT rsqrt{'f' if dtype == np.float32 else ''}",
        "#define INFINITE ((real)__int_as_float(0x7f800000))",
        "#define NOT_A_NUMBER ((real)__int_as_float(0x7fc00000))",
        _REMAINDER_FAST,
    ])  # fmt: skip
