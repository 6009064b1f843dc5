"""Everything that turns measurements into a person: problems, calibrators, and the fit they all return.

Importing this package does not load JAX: files are read, and bad ones refused, before anything is compiled.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

_physio = find_spec("physio")
if _physio is None or Path(_physio.origin or "").resolve().parents[1] != Path(__file__).resolve().parents[1]:
    raise ImportError(
        f"another distribution's `physio` is found at {_physio and _physio.origin}: install somagrad in a fresh environment"
    )

# 64-bit floats, which importing physio switches on, for the modules here that need JAX but no organ.
if "jax" in sys.modules:
    import physio  # noqa: F401
else:
    os.environ.setdefault("JAX_ENABLE_X64", "1")
