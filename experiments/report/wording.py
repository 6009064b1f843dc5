"""Numbers, units and intervals as readers see them.

Every number of the tables goes through ``stated``: it comes out with its interval, level and method, or with
the words "not quantified".
"""

import math

NOT_QUANTIFIED = "not quantified"
WARNING = "Research software, not a medical device. It explains data and never advises."
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, digits: int = 3, raised: bool = False) -> str:
    """A few significant digits, and powers of ten where plain digits would be long or when ``raised``."""
    if value is None or not math.isfinite(value):
        return "none"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5 and not raised:
        places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:.{places}f}"
        text = text.rstrip("0").rstrip(".") if value == round(value) and "." in text else text
    else:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        text = f"{mantissa}×10{str(int(power)).translate(_RAISED)}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def tick(value: float) -> str:
    """A number beside an axis: no more digits than it needs."""
    mantissa, _, power = f"{value:.5e}".partition("e")
    if value == 0 or -5 < int(power) < 5:
        return f"{value:.6g}".replace("-", "−")
    return f"{float(mantissa):.4g}×10{str(int(power)).translate(_RAISED)}".replace("-", "−")


def unit(text: str) -> str:
    """A unit after a number; nothing for the dimensionless."""
    return "" if text in ("1", "") else f" {text}"


def axis(name: str, text: str) -> str:
    """An axis label; every axis names its unit."""
    return f"{name} ({'dimensionless' if text in ('1', '') else text})"


def percent(level: float | None) -> str:
    """The level of an interval, such as "90 %"."""
    return "stated" if level is None else f"{number(100 * level)}\N{NO-BREAK SPACE}%"


def rule(row: dict) -> str:
    """The method behind an interval."""
    return (row["method"] or "method not stated").replace("+-", "±")


def interval(row: dict) -> str:
    """A row's interval with level and method, or "not quantified"."""
    if row["lo"] is None or row["hi"] is None:
        return NOT_QUANTIFIED
    method = f", {rule(row)}" if row.get("method") else ""
    level = f"{percent(row['level'])}{method}" if row["level"] is not None else method.removeprefix(", ")
    ends = [number(row[end], raised=_small(row)) for end in ("lo", "hi")]
    return " to ".join(ends) + (f" ({level})" if level else "")


def _small(row: dict) -> bool:
    """Whether an interval reads better in powers of ten: it lies near zero, and a part of it needs them."""
    size = [abs(row[end]) for end in ("lo", "hi") if row[end] is not None]
    return bool(size) and 0 < min(size) < 1e-3 and max(size) < 1e-2


def stated(row: dict, value: str = "value") -> str:
    """A row's number with unit and interval."""
    if row[value] is None:
        return f"no number ({row['status']}: {row['reason'] or 'no reason given'})"
    return f"{number(row[value], raised=_small(row))}{unit(row['unit'])}; {interval(row)}"


def count(many: int, one: str, more: str | None = None) -> str:
    """ "1 person", "12 people"."""
    return f"{many} {one if many == 1 else more or one + 's'}"


def people(many: int) -> str:
    return count(many, "person", "people")


def outcome(total: int, failed: int) -> str:
    """How many are ok and how many are not."""
    if not failed:
        return "ok" if total == 1 else "all ok"
    return f"{total - failed} ok, {failed} with a failure"


def listed(names: list[str]) -> str:
    """ "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def common_level(rows: list[dict]) -> str:
    """The level that rows of one study share."""
    return percent(next((row["level"] for row in rows if row["level"] is not None), None))


def drawn_of(drawn: int, total: int) -> str:
    """Says so when not everybody is drawn."""
    return "" if drawn == total else f" ({drawn} of {total}, evenly spaced, are drawn)"
