"""Draws handed to ArviZ; needs the extra ``bayes``."""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Array

from calibration.diagnostics.predictive import Predictive
from calibration.problem import AbstractProblem, Problem


def to_arviz(
    problem: AbstractProblem,
    z: Array,
    *,
    people: Sequence[str] | None = None,
    checks: Sequence[Predictive] = (),
    method: str = "",
):
    """A ``DataTree`` of ArviZ (1.0 or newer) with draws in the unknowns' own units, people as a dimension.

    ``z`` ([chains,] draws, unknowns, lanes), from ``Fit.draws`` or a sampler. ``checks`` add posterior-predictive draws and the
    readings, on the scale of errors. Draws of a person whose fit failed are nan, and so is whatever is computed from them.
    """
    arviz = _arviz()
    z = np.asarray(z)
    z = z[None] if z.ndim == 3 else z
    chains, draws, unknowns, lanes = z.shape
    if (unknowns, lanes) != (len(problem.names), problem.lanes):
        expected = f"(..., {len(problem.names)} unknowns, {problem.lanes} lanes)"
        raise ValueError(f"draws have shape {z.shape}; the problem expects {expected}")
    names = [str(lane) for lane in range(lanes)] if people is None else list(people)
    if len(names) != lanes:
        raise ValueError(f"{lanes} lanes need as many names of people, got {len(names)}")
    values = np.asarray(jax.vmap(problem.values)(z.reshape(chains * draws, unknowns, lanes)))
    values = values.reshape(chains, draws, unknowns, lanes)
    groups = {"posterior": {name: values[:, :, i] for i, name in enumerate(problem.names)}}
    dims = {name: ["person"] for name in problem.names}
    if checks:
        groups["posterior_predictive"] = {c.name: np.asarray(c.replicated)[None] for c in checks}
        groups["observed_data"] = {c.name: np.where(c.seen | c.below, c.observed, np.nan) for c in checks}
        dims |= {c.name: [f"{c.name}_reading", "person"] for c in checks}
    tree = arviz.from_dict(groups, coords={"person": names}, dims=dims, attrs={"posterior": {"method": method}})
    for name in problem.names if isinstance(problem, Problem) else ():
        tree["posterior"][name].attrs["units"] = problem.info(name).unit
    return tree


def _arviz():
    try:
        import arviz
    except ImportError as missing:
        raise ImportError("export to ArviZ needs arviz 1.0 or newer, part of the extra `bayes`: pip install 'somagrad[bayes]'") from missing
    return arviz
