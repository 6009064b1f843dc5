"""Which layout a folder has, and its people's diaries."""

from pathlib import Path

from calibration.errors import InputError
from calibration.records import dexcom, insilico, libre, nightscout, uom
from calibration.records.assemble import assembled
from calibration.records.cells import read_text
from calibration.records.diary import Diary
from calibration.records.raw import Record

EXPECTED = (
    f"`<id>{uom.MARK}.gz` files (T1D-UOM), `{insilico.TRAIN}` and `{insilico.SUBJECTS}` (virtual people), "
    "`entries.json` (Nightscout), CSV exports of Dexcom Clarity or of LibreView, or a folder of one of these for each person"
)


def read_folder(path: Path | str) -> list[Diary]:
    """The diary of every person in a folder, or in the folders below it where each person has one."""
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(folder, problem="no such folder", expected=f"a folder with {EXPECTED}")
    found = _records(folder)
    if not found:
        for below in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
            found += _records(below)
    if not found:
        names = ", ".join(sorted(entry.name for entry in folder.iterdir())[:5]) or "nothing"
        raise InputError(folder, problem=f"no record is recognised, it holds {names}", expected=EXPECTED)
    names = [record.person for record in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(folder, problem=f"{twice!r} stands in two of its folders", expected="each person in one folder")
    return assembled(found)


def _records(folder: Path) -> list[Record]:
    """The people of one folder's layout; none where it has no layout that is known."""
    exports = {mark: [] for mark in (dexcom.MARK, libre.MARK)}
    for file in sorted(folder.glob("*.csv")):
        if uom.MARK not in file.name and file.name not in (insilico.TRAIN, insilico.SUBJECTS, insilico.INPUTS):
            for mark, files in exports.items():
                if any(mark.lower() in line.lower() for line in read_text(file).splitlines()[:5]):
                    files.append(file)
    layouts = {
        "T1D-UOM": lambda: uom.records(folder) if uom.people_of(folder) else [],
        "virtual people": lambda: insilico.records(folder) if (folder / insilico.TRAIN).is_file() else [],
        "Nightscout": lambda: nightscout.records(folder) if (folder / "entries.json").is_file() else [],
        "Dexcom Clarity": lambda: dexcom.records(folder, exports[dexcom.MARK]) if exports[dexcom.MARK] else [],
        "LibreView": lambda: libre.records(folder, exports[libre.MARK]) if exports[libre.MARK] else [],
    }
    found = {name: records for name, read in layouts.items() if (records := read())}
    if len(found) > 1:
        raise InputError(folder, problem=f"files of {' and '.join(found)}", expected="one layout in a folder, each person once")
    return next(iter(found.values()), [])
