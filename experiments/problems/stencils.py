"""One explicit step of the same equation by others: NumPy slices, and C compiled by gcc where there is one.

u += dt (div(D grad u) + rho u (1 - u)),      D on the faces of three axes
"""

import ctypes
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

_C = """
void step(const double *u, const double *fx, const double *fy, const double *fz, double *v, long n, long m, long l,
          double dt, double rho) {
  for (long i = 0; i < n; i++) for (long j = 0; j < m; j++) {
    const double *x0 = fx + ((i > 0 ? i - 1 : 0) * m + j) * l, *x1 = fx + ((i < n - 1 ? i : n - 2) * m + j) * l;
    const double *y0 = fy + (i * (m - 1) + (j > 0 ? j - 1 : 0)) * l, *y1 = fy + (i * (m - 1) + (j < m - 1 ? j : m - 2)) * l;
    const double *z = fz + (i * m + j) * (l - 1), *c = u + (i * m + j) * l;
    const double *w = u + ((i > 0 ? i - 1 : 0) * m + j) * l, *e = u + ((i < n - 1 ? i + 1 : i) * m + j) * l;
    const double *s = u + (i * m + (j > 0 ? j - 1 : 0)) * l, *q = u + (i * m + (j < m - 1 ? j + 1 : j)) * l;
    double *o = v + (i * m + j) * l;
    for (long k = 0; k < l; k++)
      o[k] = x1[k] * (e[k] - c[k]) - x0[k] * (c[k] - w[k]) + y1[k] * (q[k] - c[k]) - y0[k] * (c[k] - s[k]);
    for (long k = 1; k < l; k++) o[k] -= z[k - 1] * (c[k] - c[k - 1]);
    for (long k = 0; k < l - 1; k++) o[k] += z[k] * (c[k + 1] - c[k]);
    for (long k = 0; k < l; k++) o[k] = c[k] + dt * (o[k] + rho * c[k] * (1.0 - c[k]));
  }
}
"""


def numpy_step(u: np.ndarray, faces: tuple[np.ndarray, ...], dt: float, rate: float) -> np.ndarray:
    """Spacing 1."""
    change = rate * u * (1.0 - u)
    for axis, f in enumerate(faces):
        flux = f * np.diff(u, axis=axis)
        head, tail = [slice(None)] * 3, [slice(None)] * 3
        head[axis], tail[axis] = slice(None, -1), slice(1, None)
        change[tuple(head)] += flux
        change[tuple(tail)] -= flux
    return u + dt * change


def gcc_step():
    """The same as a function of (u, faces, dt, rate), or None without gcc."""
    if shutil.which("gcc") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "step.c"), Path(folder, "step.so")
        source.write_text(_C)
        made = ["gcc", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC", str(source), "-o", str(library)]
        if subprocess.run(made, capture_output=True).returncode != 0:
            return None
        compiled = ctypes.CDLL(str(library)).step
    array = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")
    compiled.argtypes = [array] * 5 + [ctypes.c_long] * 3 + [ctypes.c_double] * 2
    compiled.restype = None

    def step(u, faces, dt, rate):
        out = np.empty_like(u)
        compiled(u, *faces, out, *u.shape, dt, rate)
        return out

    return step


def updates_a_second(step, u: np.ndarray, faces: tuple[np.ndarray, ...], dt: float, rate: float, steps: int) -> float:
    """Voxel-updates/s, the best of three runs of so many steps."""
    best = np.inf
    for _ in range(3):
        now, began = u, time.perf_counter()
        for _ in range(steps):
            now = step(now, faces, dt, rate)
        best = min(best, time.perf_counter() - began)
    return steps * u.size / best
