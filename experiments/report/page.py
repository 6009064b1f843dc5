"""Print the sections on the page."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from experiments.report.parts import Section
from experiments.report.results import Results
from experiments.report.wording import count

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
MOST_FAILURES = 200
MOST_TOUCHED = 4
MOST_DOWNLOADS = 1_200_000


def render(results: Results, sections: list[Section]) -> str:
    """The whole page; everything from the tables is escaped, the drawings are not."""
    _keep_small(sections)
    failures = results.failures()
    return _template("report.html").render(
        name=results.provenance.get("name", "run"),
        sections=sections,
        failures=[{**row, "touched": _touched(row["touches"])} for row in failures[:MOST_FAILURES]],
        more_failures=max(0, len(failures) - MOST_FAILURES),
        provenance=_provenance(results),
        versions=results.provenance.get("versions", {}),
    )


def record_page(name: str, topic: str, sections: list[Section]) -> str:
    """The page of one record, such as a person's or a folder's."""
    return _template("twin.html").render(name=name, topic=topic, sections=sections)


def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _keep_small(sections: list[Section]) -> None:
    """Keep the smallest downloads that fit the page together; the others name their tables instead."""
    downloads = [picture.download for section in sections for picture in section.pictures]
    total = 0
    for download in sorted(downloads, key=lambda download: len(download.address)):
        total += len(download.address)
        if total > MOST_DOWNLOADS:
            download.address = None


def _touched(names: list[str]) -> str:
    more = len(names) - MOST_TOUCHED
    return (
        ", ".join(names[:MOST_TOUCHED]) + (f" and {more} more" if more > 0 else "") or "everything of theirs"
    )


def _provenance(results: Results) -> list[tuple[str, str]]:
    """What ``run.json`` says, without the paths of the machine it ran on."""
    record = results.provenance
    done = sum(shard["state"] == "done" for shard in results.shards)
    commit, dirty = record.get("commit"), record.get("dirty")
    code = "no git checkout" if commit is None else commit + (", with changes not committed" if dirty else "")
    return [
        ("scenario", f"{record.get('name', 'unknown')} ({Path(record.get('scenario', 'unknown')).name})"),
        ("configuration, sha256", str(record.get("config_sha256", "unknown"))),
        ("seed", str(record.get("seed", "unknown"))),
        ("shards", f"{done} of {count(len(results.shards), 'shard')} done"),
        ("started", str(record.get("start") or "unknown")),
        ("ended", str(record.get("end") or "not when this report was written")),
        ("code, sha256 of the computing modules", str(record.get("code", "unknown"))),
        ("commit", code),
        ("computed on", f"{record.get('backend', 'unknown')}, {record.get('device', 'unknown')}"),
        ("machine", str(record.get("machine", "unknown"))),
        ("precision", "float64" if record.get("x64") else "float32" if "x64" in record else "unknown"),
        ("XLA flags", str(record.get("xla_flags") or "none")),
    ]
