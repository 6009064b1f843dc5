"""Small JSON records that survive crashes and show damage.

Every record carries ``check``, the sha256 (hex) of its other fields, so that a flipped bit is seen. Documents
are replaced whole (temporary name, fsync, rename); journals grow by one flushed line a record.
"""

import hashlib
import json
import os
from pathlib import Path


class DamagedRecord(ValueError):
    """A record that cannot be read or whose check does not fit; the message names the file."""


def _check(record: dict) -> str:
    text = json.dumps({key: value for key, value in record.items() if key != "check"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _text(record: dict, indent: int | None = None) -> str:
    return json.dumps({**record, "check": _check(record)}, indent=indent, ensure_ascii=True)


def _parse(text: bytes, where: str) -> dict:
    try:
        record = json.loads(text)
        fits = record.get("check") == _check(record)
    except (ValueError, AttributeError, RecursionError):
        raise DamagedRecord(f"{where}: not a record") from None
    if not fits:
        raise DamagedRecord(f"{where}: its check does not fit")
    del record["check"]
    return record


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` durable, where the system lets folders be synced."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file whole: temporary name, fsync, rename. Nothing is left behind when the disk is full."""
    temporary = path.with_name(path.name + ".part")
    try:
        with open(temporary, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_texts(folder: Path, texts: dict[str, str]) -> None:
    """Files of these names, each replaced whole; their paths are printed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_bytes(folder / name, text.encode())
        print(folder / name)


def write_document(path: Path, record: dict) -> None:
    write_bytes(path, (_text(record, indent=2) + "\n").encode())


def read_document(path: Path) -> dict:
    """The record in a document; DamagedRecord when it is gone or does not fit its check."""
    try:
        return _parse(path.read_bytes(), path.name)
    except FileNotFoundError:
        raise DamagedRecord(f"{path.name}: missing") from None


def append(path: Path, record: dict, durable: bool) -> None:
    """One more line in a journal; with ``durable`` it is on the disk when this returns.

    A line cut short by a crash is closed first, so that it spoils only itself.
    """
    with open(path, "ab+") as stream:
        if stream.seek(0, os.SEEK_END):
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":
                stream.write(b"\n")
        stream.write((_text(record) + "\n").encode())
        stream.flush()
        if durable:
            os.fsync(stream.fileno())


def read_journal(path: Path) -> tuple[list[dict], list[str]]:
    """(records, problems) of a journal; a damaged line is a problem, and its record is left out.

    A last line without its end is what a crash leaves: it was never recorded, so it is no damage.
    """
    if not path.is_file():
        return [], []
    content = path.read_bytes()
    lines = content.split(b"\n")
    records, problems = [], []
    for number, line in enumerate(lines[:-1], start=1):
        if not line.strip():
            continue
        try:
            records.append(_parse(line, f"{path.name} line {number}"))
        except DamagedRecord as problem:
            problems.append(str(problem))
    return records, problems


def drop_damaged_lines(path: Path) -> None:
    """Rewrite a journal without the lines that cannot be read, when there are any."""
    kept, problems = read_journal(path)
    if problems:
        write_bytes(path, "".join(_text(record) + "\n" for record in kept).encode())
