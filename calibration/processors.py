"""How many processors this process may use, which can be fewer than the machine has."""

import os


def processors() -> int:
    """Those it is bound to where the system tells, else all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
