"""A whole head in float32: 270 d in steps of half a day by forward Euler, 30 fractions and 74 doses of a drug."""

import resource
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from calibration.tumours.start import Seed
from experiments.benchmarks.contract import Figure
from experiments.problems.glioma_course import DAILY, RADIATION
from physio.fields import ForwardEuler, solve_field
from physio.schedule import bolus
from physio.tumours.infiltration import Brain, Infiltration
from physio.tumours.reaction_diffusion import ReactionDiffusion
from physio.tumours.treated_field import Drug

HEAD = "whole head, 270 d"


def head_figures(labels: np.ndarray, place: tuple[int, ...]) -> list[Figure]:
    """Time and memory of one solve, a tumour around ``place``."""
    brain = Brain.of(labels, (1.0, 1.0, 1.0))
    seed = Seed(tuple(c + 0.5 for c in place)).cells(brain.domain.grid, {}).astype(jnp.float32)
    cells = brain.domain.kept(seed)
    operator = Infiltration(0.1, 0.1).operator(brain, dtype=jnp.float32)
    model = ReactionDiffusion(operator, {"temozolomide": Drug(0.02, 0.4)}, growth=0.05, radiosensitivity=0.05)
    # 42 daily doses, then 32 of later courses
    late = [100.0 + 28.0 * course + day for course in range(6) for day in range(6)][:32]
    schedule = bolus("radiation", [t for _, t, _ in RADIATION], 2.0) + bolus(
        "temozolomide", [t for _, t, _ in DAILY] + late, 1.0
    )
    solve = eqx.filter_jit(lambda m, n: solve_field(m, m.start(n), schedule, at=(0.0, 270.0), step=0.5, method=ForwardEuler()))
    lowered = solve.lower(model, cells).compile()
    began = time.perf_counter()
    path = jax.block_until_ready(lowered(model, cells))
    seconds = time.perf_counter() - began
    return [
        Figure(HEAD, seconds, "s"),
        Figure(f"{HEAD}, voxels", int(np.prod(labels.shape)), "1"),
        Figure(f"{HEAD}, steps", path.steps, "1"),
        Figure(f"{HEAD}, voxel-updates a second", path.steps * float(np.prod(labels.shape)) / seconds, "1/s"),
        Figure(f"{HEAD}, status", int(path.status), "1"),
        Figure(f"{HEAD}, most memory of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, "MiB"),
    ]
