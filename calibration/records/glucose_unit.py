"""mg/dL or mmol/L: by the header, else by the range; a contradiction is an error, never a conversion.

A sensor shows 2 to 28 mmol/L (40 to 500 mg/dL): a number up to 35 cannot be a sensor's mg/dL, and one above cannot be mmol/L.
"""

from pathlib import Path

from calibration.errors import InputError
from calibration.records.diary import ABOVE, BELOW, Remark

MG_DL_PER_MMOL_L = 18.016  # molar mass of glucose 180.16 g/mol
MMOL_END, MG_END = 35.0, 700.0
_BELOW = {"low", "lo", "niedrig", "bas", "baja", "bajo", "laag", "basso", "<40"}
_ABOVE = {"high", "hi", "hoch", "haut", "alta", "alto", "hoog", "élevé", ">400"}


def side(text: str) -> str:
    """``below`` or ``above`` for a cell that says so instead of a number, empty otherwise."""
    word = text.lower()
    return BELOW if word in _BELOW else ABOVE if word in _ABOVE else ""


def unit_in(name: str) -> str | None:
    """The unit that a column's name states."""
    lower = name.lower().replace("_", "/")
    return "mmol/L" if "mmol" in lower else "mg/dL" if "mg/dl" in lower else None


def to_mg_dl(file: Path, field: str, values: list[tuple[int, float]], unit: str | None, remarks: list[Remark]) -> list[float]:
    """Values [mg/dL] of (row, value) pairs; a remark when only their range tells the unit."""
    small = [(row, value) for row, value in values if value <= MMOL_END]
    large = [(row, value) for row, value in values if value > MMOL_END]
    given = unit or ("mmol/L" if len(small) >= len(large) else "mg/dL")
    strange = large if given == "mmol/L" else small + [(row, value) for row, value in large if value > MG_END]
    if strange:
        row, value = min(strange)
        said = f"the header says {unit}" if unit else f"the header names no unit and most values are {given}"
        held = f"1 to {MMOL_END:g}" if given == "mmol/L" else f"{MMOL_END + 1:g} to {MG_END:g}"
        problem = f"{value:g} is not {given}, but {said} ({len(strange)} such of {len(values)})"
        raise InputError(file, row, field, problem, f"glucose in {given}, {held}, in the whole column")
    if values and unit is None:
        low, high = min(value for _, value in values), max(value for _, value in values)
        remarks.append(
            Remark(file.name, None, f"`{field}` names no unit, its values are {low:g} to {high:g}", f"read as {given}")
        )
    factor = MG_DL_PER_MMOL_L if given == "mmol/L" else 1.0
    if values and min(values, key=lambda pair: pair[1])[1] == 0.0:
        row = next(row for row, value in values if value == 0.0)
        raise InputError(file, row, field, "glucose of 0", f"glucose in {given}, or an empty cell")
    return [value * factor for _, value in values]
