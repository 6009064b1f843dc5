import json
import random

import pytest

from calibration.errors import InputError
from experiments import records, schemas
from experiments.store import DamagedResults, Store


@pytest.fixture
def finished(runner):
    status, folder = runner.start()
    assert status == 0
    return folder


def test_layout(finished):
    name, stamp, digest = finished.name.rsplit("-", 2)
    assert name == "fake" and len(stamp) == 16 and stamp.endswith("Z") and len(digest) == 8
    record = Store(finished).provenance()
    assert record["config_sha256"].startswith(digest)
    assert record["exit"] == 0 and record["start"] < record["end"]
    assert record["seed"] == 7 and record["backend"] and record["device"] and record["versions"]["jax"]
    assert record["x64"] in (True, False) and len(record["code"]) == 64 and "dirty" in record
    assert [plan["label"] for plan in record["shards"]] == ["part 0", "part 1", "part 2"]
    assert Store(finished).scenario().seed == 7
    events = [event["event"] for event in records.read_journal(finished / "events.jsonl")[0]]
    assert events[0] == "start" and events[-1] == "end" and events.count("shard done") == 3
    assert sorted(file.name for file in (finished / "tables").iterdir()) == [
        f"fake-{index}-{table}.parquet" for index in range(3) for table in ("items", "series")
    ]


def test_read_concatenates_in_planned_order(finished):
    items = Store(finished).read("items")
    assert items.schema == schemas.SCHEMAS["items"]
    assert items["patient"].to_pylist() == ["0-0", "0-1", "1-0", "1-1", "2-0", "2-1"]
    assert items["lo"].null_count == 6
    assert Store(finished).read("fits").num_rows == 0
    assert Store(finished).read("series")["value"].to_pylist()[0] == [0.0, 7.0]


def test_sound_results_verify(finished):
    assert Store(finished).verify() == []


def test_every_flipped_bit_and_truncation_is_found(finished):
    """200 flips and 50 truncations over all recorded files; each is named, and nothing else is."""
    chance = random.Random(5)
    recorded = ["run.json", "config.json", "manifest.jsonl", "report.html"]
    files = [finished / name for name in recorded] + sorted((finished / "tables").iterdir())
    for trial in range(250):
        file = chance.choice(files)
        sound = file.read_bytes()
        if trial < 200:
            place = chance.randrange(len(sound))
            damaged = bytearray(sound)
            damaged[place] ^= 1 << chance.randrange(8)
        else:
            damaged = sound[: chance.randrange(len(sound))]
        file.write_bytes(damaged)
        named = {damage.file for damage in Store(finished).verify()}
        assert file.relative_to(finished).as_posix() in named, (trial, file.name)
        if file.name not in recorded:
            assert named == {file.relative_to(finished).as_posix()}
        file.write_bytes(sound)
    assert Store(finished).verify() == []


@pytest.mark.parametrize(
    "name", ["tables/fake-1-items.parquet", "report.html", "config.json", "run.json", "manifest.jsonl"]
)
def test_a_deleted_file_is_named(finished, name):
    (finished / name).unlink()
    found = Store(finished).verify()
    assert name in [damage.file for damage in found]
    assert all("missing" in damage.problem or "lines instead of" in damage.problem for damage in found)


def test_reading_damage_says_what_to_do(finished):
    file = finished / "tables" / "fake-1-items.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(
        DamagedResults, match=r"fake-1-items.parquet: \d+ bytes instead of \d+; `somagrad resume"
    ):
        Store(finished).read("items")


def test_a_line_cut_by_a_crash_is_no_damage_and_spoils_nothing(tmp_path):
    journal = tmp_path / "j.jsonl"
    records.append(journal, {"a": 1}, durable=True)
    with open(journal, "ab") as stream:
        stream.write(b'{"a": 2, "che')
    assert records.read_journal(journal) == ([{"a": 1}], [])
    records.append(journal, {"a": 3}, durable=True)
    found, problems = records.read_journal(journal)
    assert found == [{"a": 1}, {"a": 3}] and problems == ["j.jsonl line 2: not a record"]
    records.drop_damaged_lines(journal)
    assert records.read_journal(journal) == ([{"a": 1}, {"a": 3}], [])


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "f"
    records.write_bytes(file, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        records.write_bytes(file, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["f"] and file.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "items row 1: unknown column 'colour'"),
        ({"status": None}, "items row 1: column 'status' is missing"),
        ({"value": "high"}, "items: Could not convert 'high'"),
    ],
)
def test_rows_must_fit_their_table(change, message):
    row = {
        "study": "s",
        "patient": "p",
        "quantity": "q",
        "unit": "mL",
        "value": 1.0,
        "status": "ok",
        "synthetic": False,
    }
    with pytest.raises(ValueError, match=message):
        schemas.to_arrow("items", [row, row | change])
    with pytest.raises(ValueError, match="no result table is called 'item'"):
        schemas.to_arrow("item", [row])


def test_one_writer_at_a_time(finished):
    with Store(finished).sole_writer():
        with pytest.raises(InputError, match="another process is computing in this run folder"):
            with Store(finished).sole_writer():
                pass


def test_config_json_is_readable_by_people(finished):
    config = json.loads((finished / "config.json").read_text())
    assert config["scenario"]["fsigt"] == {"data": "fsigt", "start_min": 8.0, "level": 0.9, "starts": 64}
