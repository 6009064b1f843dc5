"""What every part must satisfy, whatever its organ. `test_parts_contract.py` runs it for each class.

    described     docstring; unit, prior and source on every parameter
    unit_checked  the equations of all its methods add up
    finite        values and derivatives at the ends of each prior's 1-99 % range and at joint draws from it
    gradient      forward derivative against Richardson-extrapolated central differences
    mapped        vmap equals a loop
    conserving    a store's filled state changes by exactly what flows in
    precise       float32 against float64; the drift is returned, so that it can be stated

Each is a function of a class that raises AssertionError (or UnitError); points are those of `part_case.Case`.
"""

import functools
import importlib
import inspect
import pkgutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from part_case import HIGH, LOW, Case, example

import physio
from physio.component import AbstractPart, fields_of
from physio.part_check import check_part
from physio.priors import AbstractPrior
from physio.units import unit

NOT_ORGANS = {"solve", "bodies"}
GRADIENT_BOUND = 1e-5
FLOAT32_BOUND = 1e-4


def exported_parts() -> list[type]:
    """Every concrete part of every organ: the folders of physio that hold neither solvers nor wiring."""
    found = []
    for folder in Path(physio.__file__).parent.iterdir():
        if (folder / "__init__.py").is_file() and folder.name not in NOT_ORGANS:
            package = f"physio.{folder.name}"
            for entry in pkgutil.iter_modules([str(folder)]):
                module = importlib.import_module(f"{package}.{entry.name}")
                found += [
                    cls
                    for _, cls in inspect.getmembers(module, inspect.isclass)
                    if issubclass(cls, AbstractPart)
                    and cls.__module__ == module.__name__
                    and not inspect.isabstract(cls)
                ]
    return sorted(found, key=lambda cls: (cls.__module__, cls.__name__))


@functools.lru_cache(maxsize=None)
def case_of(cls: type) -> Case:
    """The case of a class, compiled once."""
    return Case(cls)


def described(cls: type) -> None:
    """Docstrings of class and module; unit, prior and source on each parameter; a unit on all else."""
    text = cls.__doc__ or ""
    # a dataclass without a docstring is given its own signature as one
    assert text.strip() and not text.startswith(f"{cls.__name__}("), f"{cls.__name__} has no docstring"
    assert (inspect.getmodule(cls).__doc__ or "").strip(), f"the module of {cls.__name__} has no docstring"
    for field in fields_of(cls):
        place, data = f"{cls.__name__}.{field.name}", field.metadata
        assert data.get("kind") in ("parameter", "measured"), f"{place} is neither parameter() nor measured()"
        unit(data["unit"])
        if data["kind"] == "parameter":
            assert isinstance(data["prior"], AbstractPrior), f"{place} has no prior"
            assert str(data["source"]).strip(), f"{place} has no source"
            assert data["prior"].quantile(LOW) < data["prior"].quantile(HIGH), (
                f"{place}: its prior has no spread"
            )
    for ports in (cls.State, cls.Sensed, cls.Flows, cls.Outputs):
        for field in fields_of(ports):
            unit(field.metadata["unit"])


def unit_checked(cls: type) -> None:
    """UnitError where an equation does not add up."""
    check_part(example(cls), cls.__name__)


def finite(cls: type) -> None:
    """Values and derivatives over the prior's 1-99 % range."""
    case = case_of(cls)
    x = jnp.asarray(case.points())
    values, slopes = case.mapped(x), case.slopes(x)
    for row, (value, slope) in enumerate(zip(np.asarray(values), np.asarray(slopes), strict=True)):
        at = dict(zip(case.names, np.asarray(x[row]).tolist(), strict=True))
        for i, outcome in enumerate(case.outcomes):
            assert np.isfinite(value[i]), f"{cls.__name__}: {outcome} is {value[i]} at {at}"
            bad = [n for n, s in zip(case.names, slope[i], strict=True) if not np.isfinite(s)]
            assert not bad, f"{cls.__name__}: d {outcome} / d {bad} is not finite at {at}"


def gradient(cls: type) -> float:
    """Largest |a - b| / (|b| + 1e-3 scale) of a derivative; scale is the largest |b| over the points."""
    case = case_of(cls)
    x = case.points()
    a = np.asarray(case.slopes(jnp.asarray(x)))
    b, rounding = _differences(case.mapped, x)
    scale = np.abs(b).max(axis=0)
    error = np.maximum(np.abs(a - b) - rounding, 0.0) / (np.abs(b) + 1e-3 * scale + 1e-300)
    row, i, j = np.unravel_index(np.nanargmax(error), error.shape)
    assert np.isfinite(error).all() and error[row, i, j] <= GRADIENT_BOUND, (
        f"{cls.__name__}: d {case.outcomes[i]} / d {case.names[j]} is {a[row, i, j]}, "
        f"differences say {b[row, i, j]}"
    )
    return float(error[row, i, j])


def mapped(cls: type) -> None:
    """One person at a time and all at once give the same."""
    case = case_of(cls)
    x = jnp.asarray(case.points())
    together = np.asarray(case.mapped(x))
    apart = np.stack([np.asarray(case.function(row)) for row in x])
    np.testing.assert_allclose(together, apart, rtol=1e-13, atol=1e-13 * np.abs(apart).max(initial=0.0))


def conserving(cls: type) -> None:
    """d(rate of a filled state) / d(its net flow) is exactly 1, and nothing else moves that state."""
    case = case_of(cls)
    x = case.points()
    values, slopes = np.asarray(case.mapped(jnp.asarray(x))), np.asarray(case.slopes(jnp.asarray(x)))
    for port in fields_of(cls.Flows):
        row = case.outcomes.index(f"rates.{port.metadata['fills']}")
        column = case.names.index(f"net.{port.name}")
        place = f"{cls.__name__}: the state '{port.metadata['fills']}'"
        assert (slopes[:, row, column] == 1.0).all(), f"{place} does not take what flows into '{port.name}'"
        others = np.delete(slopes[:, row], column, axis=-1)
        assert (others == 0.0).all() and (values[:, row] == x[:, column]).all(), (
            f"{place} changes by more than its flows"
        )


def precise(cls: type) -> float:
    """Largest difference of float32 from float64, relative to the largest value of that quantity."""
    case = case_of(cls)
    x = jnp.asarray(case.points(), jnp.float32)
    single = case.mapped(x)
    moving = [i for i, outcome in enumerate(case.outcomes) if not outcome.startswith("rest.")]
    kinds = {o: v.dtype for o, v in jax.eval_shape(case._values, x[0]).items() if not o.startswith("rest.")}
    wide = [outcome for outcome, dtype in kinds.items() if dtype != jnp.float32]
    assert not wide, f"{cls.__name__}: {wide} are computed in float64 from float32 numbers"
    double = np.asarray(case.mapped(x.astype(jnp.float64)))
    scale = np.abs(double).max(axis=0) + 1e-300
    drift = float((np.abs(np.asarray(single) - double) / scale)[:, moving].max(initial=0.0))
    assert drift < FLOAT32_BOUND, f"{cls.__name__}: float32 differs from float64 by {drift:.1e}"
    return drift


def _differences(function, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(points, outcomes, entries) by central differences, the pair of steps with the steadiest extrapolation.

    Second result: what rounding can make of it. A small term of a large sum, such as one current among twelve,
    has a derivative that differences of the sum cannot see.

    Steps shrink by 4 from 1 % of the entry; two neighbours extrapolate to order 4, and of these the one that
    changes least from the last is taken, entry by entry: smooth functions and steep ones each find their
    step.
    """
    size = np.maximum(np.abs(x), 1e-3)
    resolution = 4.0 * np.finfo(float).eps * np.abs(np.asarray(function(x)))[:, :, None]
    found, rounding = [], []
    for power in range(9):
        h = 1e-2 * size * 4.0**-power
        columns = []
        for j in range(x.shape[1]):
            up, down = x.copy(), x.copy()
            up[:, j] += h[:, j]
            down[:, j] -= h[:, j]
            width = (up[:, j] - down[:, j])[:, None]
            columns.append((np.asarray(function(up)) - np.asarray(function(down))) / width)
        found.append(np.stack(columns, axis=-1))
        rounding.append(resolution / h[:, None, :])
    better = np.stack([(16.0 * b - a) / 15.0 for a, b in zip(found, found[1:], strict=False)])
    change = np.abs(np.diff(better, axis=0))
    best = np.argmin(change, axis=0)[None]
    pick = lambda steps: np.take_along_axis(steps, best, axis=0)[0]
    return pick(better[1:]), pick(np.stack(rounding[2:]))
