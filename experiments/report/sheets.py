"""Tables of results: every number with its interval, level and method."""

from experiments.report.parts import Sheet
from experiments.report.results import known
from experiments.report.wording import interval, number, stated, unit

MOST_ROWS = 150


def fits_sheet(title: str, rows: list[dict]) -> Sheet | None:
    """Estimates, and how much narrower than the prior each became."""
    header = [
        "person",
        "parameter",
        "estimate and interval",
        "spread left of the prior's",
        "identified",
        "status",
    ]
    return _sheet(title, header, rows, _fit, "fits")


def _fit(row: dict) -> list[str]:
    left = "not stated"
    if known(row, "prior_sd", "posterior_sd") and row["prior_sd"] > 0:
        left = f"{number(100 * row['posterior_sd'] / row['prior_sd'], 2)} %"
    identified = {True: "yes", False: "no", None: "not stated"}[row["identifiable"]]
    return [row["patient"], row["parameter"], stated(row, "estimate"), left, identified, status(row)]


def items_sheet(title: str, rows: list[dict]) -> Sheet | None:
    """Derived quantities, arm by arm."""
    return _sheet(title, ["person", "arm", "quantity", "value and interval", "status"], rows, _item, "items")


def _item(row: dict) -> list[str]:
    return [row["patient"], row["arm"] or "", row["quantity"], stated(row), status(row)]


def coverage_sheet(title: str, rows: list[dict]) -> Sheet | None:
    """Shares of a group; the interval column of such a row is the band around the nominal level."""
    header = ["group", "quantity", "value", "asked: band around the nominal level", "status"]
    return _sheet(title, header, rows, _coverage, "items")


def _coverage(row: dict) -> list[str]:
    value = "no number" if row["value"] is None else number(row["value"]) + unit(row["unit"])
    return [row["patient"], row["quantity"], value, interval(row), status(row)]


def status(row: dict) -> str:
    return (
        row["status"] if row["status"] == "ok" else f"{row['status']}: {row['reason'] or 'no reason given'}"
    )


def _sheet(title: str, header: list[str], rows: list[dict], cells: object, table: str) -> Sheet | None:
    if not rows:
        return None
    more = len(rows) - MOST_ROWS
    note = (
        f"The first {MOST_ROWS} of {len(rows)} rows; all are in tables/*-{table}.parquet." if more > 0 else ""
    )
    return Sheet(
        title, header, [cells(row) for row in rows[:MOST_ROWS]], note, any(r["synthetic"] for r in rows)
    )
