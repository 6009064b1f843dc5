"""What a page is made of. Sections build these; the template prints them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass
class Panel:
    """One drawing: ``svg`` is safe markup made by ``canvas.markup``, which also put the alt text in it."""

    title: str
    svg: str
    synthetic: bool = False


@dataclass
class Key:
    """One entry of a figure's legend: a sign in one of the page's colours."""

    sign: str
    colour: str
    text: str


@dataclass
class Download:
    """The drawn numbers as a data: address, or where they lie when they are too many for the page."""

    name: str
    address: str | None
    place: str


@dataclass
class Picture:
    """Panels that belong together, with a legend, one plain sentence and the numbers behind them.

    ``sentence`` says what is shown, what data it used and what it does not know. ``width`` is the least width
    of a panel in CSS pixels; a ``folded`` picture shows its panels on demand.
    """

    title: str
    panels: list[Panel]
    sentence: str
    download: Download
    keys: list[Key] = field(default_factory=list)
    synthetic: bool = False
    width: int = 270
    folded: bool = False


@dataclass
class Sheet:
    """A table of texts; ``note`` is printed above it."""

    title: str
    header: list[str]
    rows: list[list[str]]
    note: str = ""
    synthetic: bool = False


@dataclass
class Section:
    """One study on the page; ``summary`` is its line at the top of the page."""

    name: str
    title: str
    lead: str
    summary: str
    findings: list[tuple[str, str]] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    synthetic: bool = False


def download(name: str, header: list[str], rows: list[list], study: str, tables: str) -> Download:
    """CSV of the numbers in a picture; ``tables`` says which result tables hold them in full."""
    address = "data:text/csv;charset=utf-8," + quote(csv_text(header, rows), safe=",()*/.:;=+ ")
    return Download(f"{name}.csv", address, f"tables/*-{tables}.parquet, rows of study {study}")


def csv_text(header: Sequence[str], rows: Sequence[Sequence]) -> str:
    """Rows below their header; numbers with six digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def _cell(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


def present(*parts: object) -> list:
    """Those that are there: a picture or sheet without rows is None."""
    return [part for part in parts if part is not None]
