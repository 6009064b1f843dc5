"""What may stand in a scenario file, as msgspec Structs; unknown keys are refused.

Each field's description is both its entry in the JSON Schema and the "expected ..." of its error message.
Quantities stay text here ("48 h"); ``experiments.scenario`` turns them into numbers.
"""

from typing import Annotated

from msgspec import Meta, Struct


def _quantity(what: str, unit: str, example: str) -> Meta:
    return Meta(
        description=f'{what} with a unit, such as "{example}"', examples=[example], extra={"unit": unit}
    )


Name = Annotated[
    str,
    Meta(
        description="a plain name of 1 to 60 letters, digits, spaces and . _ + -",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,59}$",
    ),
]
Seed = Annotated[int, Meta(description="a whole number from 0 to 4294967295", ge=0, le=4294967295)]
Data = Annotated[
    str, Meta(description="a packaged table's name, or a CSV path relative to this file", min_length=1)
]
Level = Annotated[
    float, Meta(description="the level of the intervals between 0 and 1, such as 0.9 for 90 %", gt=0, lt=1)
]
Count = Annotated[int, Meta(description="a whole number from 1 to 1000000", ge=1, le=1_000_000)]
CountOrNone = Annotated[int, Meta(description="a whole number from 0 to 1000000", ge=0, le=1_000_000)]
Hours = Annotated[str, _quantity("a time", "h", "6 h")]
Minutes = Annotated[str, _quantity("a time", "min", "8 min")]
Mass = Annotated[str, _quantity("an amount of drug", "mg", "200 mg")]
Concentration = Annotated[str, _quantity("a concentration", "mg/L", "10 mg/L")]
Times = Annotated[
    list[Hours], Meta(description='a list of rising times with units, such as ["0 h", "6 h"]', min_length=1)
]
Masses = Annotated[
    list[Mass], Meta(description='a list of amounts with units, such as ["200 mg", "200 mg"]', min_length=1)
]
Window = Annotated[
    tuple[Concentration, Concentration],
    Meta(description='two rising concentrations with units, such as ["10 mg/L", "20 mg/L"]'),
]


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table in which unknown keys are an error."""


class RegimenTable(Table):
    """A dosing regimen: either ``dose`` and ``every``, or ``times`` and ``doses``."""

    name: Name
    dose: Mass | None = None
    every: Hours | None = None
    times: Times | None = None
    doses: Masses | None = None


class TheophyllineTable(Table):
    """Fit each person, predict the held-out samples, compare dosing regimens."""

    regimen: Annotated[
        list[RegimenTable], Meta(description="at least one [[theophylline.regimen]]", min_length=1)
    ]
    data: Data = "theophylline"
    hold_out_last: CountOrNone = 3
    level: Level = 0.9
    draws: Count = 400
    starts: Count = 8
    window: Window = ("10 mg/L", "20 mg/L")
    horizon: Hours = "48 h"


class FsigtTable(Table):
    """Fit one glucose tolerance test."""

    data: Data = "fsigt"
    start: Minutes = "8 min"
    level: Level = 0.9
    starts: Count = 64


class EffectTable(Table):
    """A multiplicative effect on one parameter, with its spread between people."""

    parameter: Annotated[
        str,
        Meta(
            description="the address of a parameter, such as systemic_bed.resistance",
            pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$",
        ),
    ]
    times: Annotated[float, Meta(description="a factor above 0 and at most 100", gt=0, le=100)]
    cv: Annotated[float, Meta(description="the factor's spread as a fraction from 0 to 10", ge=0, le=10)]
    source: Annotated[str, Meta(description="where the factor and its spread come from", min_length=1)]


class ArmTable(Table):
    """A what-if arm: one or more effects at once."""

    name: Name
    effect: Annotated[
        list[EffectTable], Meta(description="at least one [[virtual_cohort.arm.effect]]", min_length=1)
    ]


class VirtualCohortTable(Table):
    """Virtual people with known truth, fitted in shards, then treated."""

    people: Count = 256
    people_of_other_model: CountOrNone = 64
    level: Level = 0.9
    shard: Count = 64
    arm: Annotated[list[ArmTable], Meta(description="a list of [[virtual_cohort.arm]]")] = []


class ScenarioTable(Table):
    """A scenario: a name, a seed and at least one study."""

    name: Name
    seed: Seed
    theophylline: TheophyllineTable | None = None
    fsigt: FsigtTable | None = None
    virtual_cohort: VirtualCohortTable | None = None


def json_schema() -> dict:
    """The JSON Schema of a scenario file."""
    import msgspec

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "somagrad scenario",
        **msgspec.json.schema(ScenarioTable),
    }
