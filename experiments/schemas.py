"""The columns of every result table, the same for all studies.

A row is a dict. Columns in ``REQUIRED`` must be there and not None; the others may be left out (null). ``lo``
and ``hi`` are null together with method "not quantified"; a failed person's row has status other than "ok"
and a reason. Times and values carry their units in the ``unit`` and ``time_unit`` columns of the same row.
"""

import pyarrow as pa

_TEXT, _NUMBER, _FLAG, _COUNT, _LIST = (
    pa.string(),
    pa.float64(),
    pa.bool_(),
    pa.int64(),
    pa.list_(pa.float64()),
)

_COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "items": {
        "study": _TEXT,
        "patient": _TEXT,
        "arm": _TEXT,
        "quantity": _TEXT,
        "unit": _TEXT,
        "value": _NUMBER,
        "lo": _NUMBER,
        "hi": _NUMBER,
        "level": _NUMBER,
        "method": _TEXT,
        "status": _TEXT,
        "reason": _TEXT,
        "synthetic": _FLAG,
    },
    "fits": {
        "study": _TEXT,
        "patient": _TEXT,
        "parameter": _TEXT,
        "unit": _TEXT,
        "estimate": _NUMBER,
        "lo": _NUMBER,
        "hi": _NUMBER,
        "level": _NUMBER,
        "method": _TEXT,
        "truth": _NUMBER,
        "prior_sd": _NUMBER,
        "posterior_sd": _NUMBER,
        "identifiable": _FLAG,
        "status": _TEXT,
        "reason": _TEXT,
        "synthetic": _FLAG,
    },
    "series": {
        "study": _TEXT,
        "patient": _TEXT,
        "arm": _TEXT,
        "variable": _TEXT,
        "unit": _TEXT,
        "time_unit": _TEXT,
        "t": _LIST,
        "value": _LIST,
        "lo": _LIST,
        "hi": _LIST,
        "level": _NUMBER,
        "synthetic": _FLAG,
    },
    "observations": {
        "study": _TEXT,
        "patient": _TEXT,
        "quantity": _TEXT,
        "unit": _TEXT,
        "time": _NUMBER,
        "time_unit": _TEXT,
        "value": _NUMBER,
        "held_out": _FLAG,
        "predicted": _NUMBER,
        "lo": _NUMBER,
        "hi": _NUMBER,
        "level": _NUMBER,
        "inside": _FLAG,
        "synthetic": _FLAG,
    },
    "starts": {
        "study": _TEXT,
        "patient": _TEXT,
        "start": _COUNT,
        "cost": _NUMBER,
        "iterations": _COUNT,
        "status": _TEXT,
        "reason": _TEXT,
    },
}

SCHEMAS = {table: pa.schema(list(columns.items())) for table, columns in _COLUMNS.items()}

REQUIRED = {
    "items": ("study", "patient", "quantity", "unit", "status", "synthetic"),
    "fits": ("study", "patient", "parameter", "unit", "status", "synthetic"),
    "series": ("study", "patient", "variable", "unit", "time_unit", "t", "value", "synthetic"),
    "observations": ("study", "patient", "quantity", "unit", "held_out", "synthetic"),
    "starts": ("study", "patient", "start", "status"),
}


def to_arrow(table: str, rows: list[dict]) -> pa.Table:
    """Rows as an Arrow table with the stated schema; ValueError names the table, row and column that do not
    fit.
    """
    if table not in SCHEMAS:
        raise ValueError(f"no result table is called {table!r}; there are {', '.join(SCHEMAS)}")
    schema = SCHEMAS[table]
    for number, row in enumerate(rows):
        if unknown := [name for name in row if name not in schema.names]:
            raise ValueError(f"{table} row {number}: unknown column {unknown[0]!r}")
        if missing := [name for name in REQUIRED[table] if row.get(name) is None]:
            raise ValueError(f"{table} row {number}: column {missing[0]!r} is missing")
    try:
        return pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as problem:
        raise ValueError(f"{table}: {problem}") from None
