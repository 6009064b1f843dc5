"""Registers and spilled bytes of a kernel on a GPU that need not be here, as the assembler counts them."""

import re
import shutil
from typing import NamedTuple

from physio.solve.kernel import build

_WHEELS = ("cuda_nvcc/bin/ptxas", "cu1[3-9]/bin/ptxas")


class Resources(NamedTuple):
    """``registers`` of a thread, ``stored`` and ``loaded`` bytes that had no register."""

    registers: int
    stored: int
    loaded: int


def resources(ptx: str, kernel: str, machine: str = "sm_90") -> Resources:
    """What one kernel of a PTX text takes; NoCompiler where there is no ptxas."""
    work = build.private_folder()
    text, made = work / "kernel.ptx", work / "kernel.cubin"
    text.write_text(ptx, encoding="utf-8")
    try:
        report = build.run([_ptxas(), "-v", f"-arch={machine}", "-O3", str(text), "-o", str(made)])
    finally:
        shutil.rmtree(work, ignore_errors=True)
    part = report[report.index(f"Compiling entry function '{kernel}'") :]
    stored, loaded = map(int, re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", part).groups())
    return Resources(int(re.search(r"Used (\d+) registers", part).group(1)), stored, loaded)


def _ptxas() -> str:
    found = build.in_wheels(*_WHEELS)
    return found[0] if found else build.find("ptxas", "counting a kernel's registers")
