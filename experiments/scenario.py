"""A scenario: which studies to run, on what data, with which seed.

``load`` reads a TOML file in three steps, each of which may raise ``InputError``: keys and types (no JAX
needed), then rules between fields, then quantities (``physio.units``). The result holds plain numbers in
stated units and is what decides every result; two files that resolve to the same ``Scenario`` are the same
experiment.
"""

import hashlib
import itertools
import math
from pathlib import Path

import msgspec

from experiments.scenario_check import check_keys, decode, expected, unit
from experiments.scenario_schema import RegimenTable, ScenarioTable, TheophyllineTable, VirtualCohortTable
from experiments.toml_text import TomlText

MOST_DOSES = 10_000


class Regimen(msgspec.Struct, frozen=True):
    """Doses ``doses_mg`` [mg] given at ``times_h`` [h], rising, all before the horizon."""

    name: str
    times_h: tuple[float, ...]
    doses_mg: tuple[float, ...]


class Theophylline(msgspec.Struct, frozen=True):
    """``window_mg_per_l`` [mg/L] is (low, high); ``horizon_h`` [h]; ``level`` of all intervals, between 0 and
    1.
    """

    data: str
    hold_out_last: int
    level: float
    draws: int
    starts: int
    window_mg_per_l: tuple[float, float]
    horizon_h: float
    regimens: tuple[Regimen, ...]


class Fsigt(msgspec.Struct, frozen=True):
    """Samples from ``start_min`` [min] on are fitted."""

    data: str
    start_min: float
    level: float
    starts: int


class Effect(msgspec.Struct, frozen=True):
    """The parameter at address ``parameter`` is multiplied by ``times``, which varies between people by
    ``cv``.
    """

    parameter: str
    times: float
    cv: float
    source: str


class Arm(msgspec.Struct, frozen=True):
    name: str
    effects: tuple[Effect, ...]


class VirtualCohort(msgspec.Struct, frozen=True):
    """``people`` of the fitted model, ``people_of_other_model`` of another, in shards of ``shard`` people."""

    people: int
    people_of_other_model: int
    level: float
    shard: int
    arms: tuple[Arm, ...]


class Scenario(msgspec.Struct, frozen=True):
    """A resolved scenario: every quantity is a float in the unit its field names."""

    name: str
    seed: int
    theophylline: Theophylline | None = None
    fsigt: Fsigt | None = None
    virtual_cohort: VirtualCohort | None = None

    def digest(self) -> str:
        """sha256 (hex) of the resolved values."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


def load(path: Path | str, overrides: tuple[str, ...] = ()) -> Scenario:
    """Read, check and resolve a scenario file; ``overrides`` are ``key.path=value`` texts."""
    document = TomlText(path, overrides)
    check_keys(document)
    table = decode(document)
    if table.theophylline is None and table.fsigt is None and table.virtual_cohort is None:
        raise document.error((), "no study", "at least one of [theophylline], [fsigt], [virtual_cohort]")
    return _resolve(document, table)


def from_json(text: bytes) -> Scenario:
    """A resolved scenario back from JSON."""
    return msgspec.json.decode(text, type=Scenario)


def _resolve(document: TomlText, table: ScenarioTable) -> Scenario:
    theophylline, fsigt, cohort = table.theophylline, table.fsigt, table.virtual_cohort
    if theophylline is not None:
        _check_regimens(document, theophylline)
    if cohort is not None:
        _unique(document, ("virtual_cohort", "arm"), [arm.name for arm in cohort.arm])
        for index, arm in enumerate(cohort.arm):
            path = ("virtual_cohort", "arm", index, "effect")
            _unique(document, path, [effect.parameter for effect in arm.effect], "parameter")
    return Scenario(
        name=table.name,
        seed=table.seed,
        theophylline=None if theophylline is None else _theophylline(document, theophylline),
        fsigt=None
        if fsigt is None
        else Fsigt(
            fsigt.data, _quantity(document, ("fsigt", "start"), fsigt.start), fsigt.level, fsigt.starts
        ),
        virtual_cohort=None if cohort is None else _virtual_cohort(cohort),
    )


def _unique(document: TomlText, path: tuple, names: list[str], field: str = "name") -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise document.error((*path, index, field), f"{name!r} stands twice", f"each {field} once")


def _check_regimens(document: TomlText, table: TheophyllineTable) -> None:
    _unique(document, ("theophylline", "regimen"), [regimen.name for regimen in table.regimen])
    for index, regimen in enumerate(table.regimen):
        path = ("theophylline", "regimen", index)
        repeated = (regimen.dose is not None, regimen.every is not None)
        listed = (regimen.times is not None, regimen.doses is not None)
        if (
            any(repeated) == any(listed)
            or (any(repeated) and not all(repeated))
            or (any(listed) and not all(listed))
        ):
            given = [key for key in ("dose", "every", "times", "doses") if getattr(regimen, key) is not None]
            found = f"{regimen.name!r} gives {' and '.join(given) or 'no dose'}"
            raise document.error(path, found, "either dose and every, or times and doses")
        if regimen.times is not None and len(regimen.times) != len(regimen.doses):
            found = f"{len(regimen.times)} times and {len(regimen.doses)} doses"
            raise document.error((*path, "doses"), found, "one dose for each time")


def _quantity(document: TomlText, path: tuple, text: str, positive: bool = False) -> float:
    """The number behind ``text`` in the unit of ``path``; finite, and not negative (or above zero)."""
    from physio.units import (
        UnitError,
        quantity_from_text,
    )  # physio loads JAX: only once keys and types are right

    try:
        value = float(quantity_from_text(text, expected=unit(path)))
    except UnitError as problem:
        raise document.error(path, str(problem).partition("; expected")[0], expected(path)) from None
    if not math.isfinite(value) or value < 0 or (positive and value == 0):
        what = "negative" if value < 0 else "zero" if value == 0 else "not finite"
        raise document.error(path, f"{text!r} is {what}", expected(path))
    return value


def _theophylline(document: TomlText, table: TheophyllineTable) -> Theophylline:
    base = ("theophylline",)
    low, high = (_quantity(document, (*base, "window", i), text) for i, text in enumerate(table.window))
    if not low < high:
        raise document.error(
            (*base, "window"), f"{low:g} mg/L is not below {high:g} mg/L", expected((*base, "window"))
        )
    horizon = _quantity(document, (*base, "horizon"), table.horizon, positive=True)
    regimens = tuple(
        _regimen(document, (*base, "regimen", i), r, horizon) for i, r in enumerate(table.regimen)
    )
    return Theophylline(
        data=table.data,
        hold_out_last=table.hold_out_last,
        level=table.level,
        draws=table.draws,
        starts=table.starts,
        window_mg_per_l=(low, high),
        horizon_h=horizon,
        regimens=regimens,
    )


def _regimen(document: TomlText, path: tuple, table: RegimenTable, horizon: float) -> Regimen:
    if table.times is None:
        dose = _quantity(document, (*path, "dose"), table.dose, positive=True)
        every = _quantity(document, (*path, "every"), table.every, positive=True)
        count = math.ceil(horizon / every - 1e-9)  # a dose at the horizon itself acts on nothing
        if count > MOST_DOSES:
            raise document.error(
                (*path, "every"), f"{count} doses before the horizon", f"at most {MOST_DOSES} doses"
            )
        return Regimen(table.name, tuple(index * every for index in range(count)), (dose,) * count)
    times = tuple(_quantity(document, (*path, "times", i), text) for i, text in enumerate(table.times))
    doses = tuple(
        _quantity(document, (*path, "doses", i), text, positive=True) for i, text in enumerate(table.doses)
    )
    for index, (before, after) in enumerate(itertools.pairwise(times), start=1):
        if not before < after:
            how = "repeats" if before == after else "comes before"
            found = f"{table.times[index]!r} {how} {table.times[index - 1]!r}"
            raise document.error((*path, "times", index), found, "rising times, each once")
    if times[-1] >= horizon:
        raise document.error(
            (*path, "times", len(times) - 1),
            f"{table.times[-1]!r} is not before the horizon",
            f"a time below {horizon:g} h",
        )
    return Regimen(table.name, times, doses)


def _virtual_cohort(table: VirtualCohortTable) -> VirtualCohort:
    arms = tuple(
        Arm(arm.name, tuple(Effect(e.parameter, e.times, e.cv, e.source) for e in arm.effect))
        for arm in table.arm
    )
    return VirtualCohort(
        table.people, table.people_of_other_model, table.level, table.shard, arms
    )
