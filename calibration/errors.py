"""The one error a user's mistake raises: a single line naming file, row, field and what is expected."""


class InputError(ValueError):
    """Bad input. ``str(error)`` is ``file:row: field: problem; expected ...`` on one line.

    file      where the value was written: a path, or ``--set key``
    row       1-based line of that file, when known
    field     the column, or the full dotted key
    problem   what is wrong, with the value found
    expected  what belongs there, with its unit
    """

    def __init__(
        self,
        file: object,
        row: int | None = None,
        field: str | None = None,
        problem: str = "",
        expected: str | None = None,
    ):
        self.file, self.row, self.field, self.problem, self.expected = (
            str(file),
            row,
            field,
            problem,
            expected,
        )
        place = self.file if row is None else f"{self.file}:{row}"
        parts = [place, *([field] if field else []), problem]
        text = ": ".join(parts) + (f"; expected {expected}" if expected else "")
        super().__init__(" ".join(text.split()))
