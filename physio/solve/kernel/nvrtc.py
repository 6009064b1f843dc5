"""CUDA C to PTX by NVRTC through ctypes: no GPU, no headers and no compiler of this project's own are needed.

The library comes with JAX's own CUDA extras. A PTX newer than the driver understands is refused by the driver, so the
library should be no newer than the driver's CUDA generation.
"""

import ctypes
import ctypes.util
import functools

from physio.solve.kernel.build import CompileError, NoCompiler, in_wheels

# what an H100 and an H200 are
ARCHITECTURE = "compute_90"
_WHEELS = ("cuda_nvrtc/lib/libnvrtc.so.1[2-9]", "cu1[3-9]/lib/libnvrtc.so.1[3-9]")


@functools.cache
def library() -> ctypes.CDLL:
    """NVRTC, from the wheels beside JAX or from the system; NoCompiler where there is none."""
    system = ctypes.util.find_library("nvrtc")
    for name in in_wheels(*_WHEELS) + ([system] if system else []):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise NoCompiler("no NVRTC: install the extra 'cuda' or 'cuda12'; the XLA path needs none")


@functools.lru_cache(maxsize=64)
def ptx(source: str, architecture: str = ARCHITECTURE) -> str:
    """PTX of a CUDA C text; CompileError with NVRTC's log where it is refused."""
    nvrtc, program = library(), ctypes.c_void_p()
    _require(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None), "create")
    try:
        options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
        array = (ctypes.c_char_p * len(options))(*options)
        if nvrtc.nvrtcCompileProgram(program, len(options), array) != 0:
            log = _text(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
            raise CompileError("NVRTC refused a kernel:\n" + "\n".join(log.splitlines()[:12]))
        return _text(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX, program)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _text(size, content, program: ctypes.c_void_p) -> str:
    count = ctypes.c_size_t()
    _require(size(program, ctypes.byref(count)), "size")
    buffer = ctypes.create_string_buffer(count.value)
    _require(content(program, buffer), "read")
    return buffer.value.decode()


def _require(code: int, what: str) -> None:
    if code != 0:
        raise CompileError(f"NVRTC could not {what} a program (code {code})")
