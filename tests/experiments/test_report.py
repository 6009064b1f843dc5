import re
from html.parser import HTMLParser

import pytest

from calibration.errors import InputError
from experiments import report
from experiments.report import wording
from experiments.scenario import Scenario
from experiments.store import DamagedResults, Store
from experiments.study import Shard

pytestmark = pytest.mark.usefixtures("no_window_system")
BAD_NAME = '9<script>alert("$x_1$")</script>'
LEVEL = {"level": 0.9, "method": "a made-up method"}


def item(study, patient, arm, quantity, unit, value, lo=None, hi=None, **more):
    row = {"study": study, "patient": patient, "arm": arm, "quantity": quantity, "unit": unit, "value": value}
    row |= {"lo": lo, "hi": hi, "status": "ok", "synthetic": False, "method": "not quantified"}
    return row | (LEVEL if lo is not None else {}) | more


def fit(study, patient, parameter, unit, estimate, **more):
    row = {"study": study, "patient": patient, "parameter": parameter, "unit": unit, "estimate": estimate}
    row |= {"lo": 0.8 * estimate, "hi": 1.3 * estimate, "prior_sd": 1.0, "posterior_sd": 0.25}
    return row | {"identifiable": True, "status": "ok", "synthetic": False} | LEVEL | more


def series(study, patient, arm, variable, unit, time_unit, t, value, band=True, synthetic=False):
    row = {"study": study, "patient": patient, "arm": arm, "variable": variable, "unit": unit, "t": t}
    row |= {"time_unit": time_unit, "value": value, "synthetic": synthetic, "level": 0.9 if band else None}
    return row | {
        "lo": [v - 1 for v in value] if band else None,
        "hi": [v + 1 for v in value] if band else None,
    }


def theophylline(people=("1", BAD_NAME)):
    study, tables = "theophylline", {"items": [], "fits": [], "series": [], "observations": []}
    for name in people:
        times = [0.05 * k for k in range(501)]
        tables["series"].append(series(study, name, "fit", "concentration", "mg/L", "h", times, [5.0] * 501))
        tables["series"].append(
            series(study, name, "200 mg every 6 h", "concentration", "mg/L", "h", times, [12.0] * 501)
        )
        tables["fits"].append(fit(study, name, "clearance", "L/h", 2.7531))
        for time, value, held, inside in (
            (1.0, 5.2, False, None),
            (9.0, 4.9, True, True),
            (24.0, 9.9, True, False),
        ):
            row = {
                "study": study,
                "patient": name,
                "quantity": "concentration",
                "unit": "mg/L",
                "time_unit": "h",
            }
            row |= {"time": time, "value": value, "held_out": held, "inside": inside, "synthetic": False}
            tables["observations"].append(row | {"predicted": 5.0, "lo": 4.0, "hi": 6.0, "level": 0.9})
    quantity = "time in 10-20 mg/L"
    tables["items"] = [
        item(study, "1", "200 mg every 6 h", quantity, "%", 61.25, 50.0, 70.0),
        item(
            study,
            BAD_NAME,
            "200 mg every 6 h",
            quantity,
            "%",
            None,
            status="failed",
            reason="the made-up solver gave up",
        ),
        item(study, "all", "held-out", "samples inside their interval", "1", 2.0),
    ]
    return tables


def fsigt():
    study, times = "fsigt", [0.0, 8.0, 60.0, 180.0]
    tables = {"items": [], "series": [], "observations": [], "starts": []}
    for variable, unit in (("glucose", "mg/dL"), ("insulin", "uU/mL"), ("remote insulin action", "1/min")):
        values = [90.0, 80.0, 70.0, 60.0]
        tables["series"].append(
            series(study, "1", "fit", variable, unit, "min", times, values, variable != "insulin")
        )
    for time in times:
        row = {
            "study": study,
            "patient": "1",
            "quantity": "glucose",
            "unit": "mg/dL",
            "time": time,
            "time_unit": "min",
        }
        tables["observations"].append(row | {"value": 88.0, "held_out": time < 8, "synthetic": False})
    for arm in ("basal known (92 mg/dL, 11 uU/mL)", "basal unknown"):
        tables["items"].append(item(study, "1", arm, "SI", "mL/uU/min", 8.07e-4, 7e-4, 9.1e-4))
        tables["items"].append(item(study, "1", arm, "SG", "1/min", 0.0189, 0.0166, 0.0211))
    for start, cost in enumerate((131.0, 131.00001, None, 5000.0)):
        status = "converged" if start < 2 else "stalled"
        tables["starts"].append(
            {"study": study, "patient": "1", "start": start, "cost": cost, "status": status}
        )
    return tables


def virtual_cohort(people=6, name="virtual-cohort"):
    tables = {"items": [], "fits": [], "series": []}
    made = {"synthetic": True}
    for n in range(people):
        for patient in (f"s{n:03d}", f"o{n:03d}"):
            truth = 1.0 + 0.1 * n if patient[0] == "s" else None
            tables["fits"].append(
                fit(name, patient, "resistance", "mmHg*s/mL", 1.0 + 0.12 * n, truth=truth, **made)
            )
            for arm, factor in (("baseline", 1.0), ("vasodilator", 1.1)):
                value = factor * (5.0 + 0.1 * n)
                whose = (name, patient, arm, "cardiac output", "L/min")
                tables["items"].append(item(*whose, value, 0.9 * value, 1.1 * value, **made))
                tables["items"].append(item(*whose, 1.02 * value, **(made | {"method": "truth"})))
    tables["fits"].append(
        fit(name, "s900", "resistance", "mmHg*s/mL", 1.0, **made) | {"status": "solve failed"}
    )
    tables["fits"][-1] |= {"estimate": None, "lo": None, "hi": None, "reason": "no periodic beat"}
    for arm in ("baseline", "vasodilator", "truth"):
        for variable, unit, values in (
            ("lv volume", "mL", [120.0, 120.0, 50.0, 50.0]),
            ("lv pressure", "mmHg", [8.0, 90.0, 80.0, 5.0]),
        ):
            phase = [0.0, 0.1, 0.4, 0.5]
            tables["series"].append(
                series(name, "s000", arm, variable, unit, "1", phase, values, arm != "truth", True)
            )
    band = {"method": "nominal +- 3 SE, people as clusters", **made}
    for group, value in (("all-same", 0.91), ("all-other", 0.62)):
        tables["items"].append(item(name, group, "coverage", "pooled", "1", value, 0.85, 0.95) | band)
        tables["items"].append(item(name, group, "coverage", "share not identified", "1", 0.375, **made))
    return tables


@pytest.fixture
def make_run(tmp_path):
    def make(lost=(), **studies):
        shards = [Shard(name, 0, f"key of {name}", f"all of {name}") for name in (*studies, *lost)]
        store = Store.create(tmp_path, Scenario(name="made up", seed=7), "folder/of/made-up.toml", shards)
        for shard in shards:
            if shard.study in studies:
                store.write_shard(shard, studies[shard.study], 1, 0.1)
            else:
                store.write_failure(shard, "RuntimeError: the model diverged", 1, 0.1)
        store.note(versions={"python": "3.11.2", "jax": "0.10.2"}, backend="cpu", device="cpu", x64=True)
        return store.folder

    return make


@pytest.fixture
def page(make_run):
    """The report of a run with all three studies and a lost shard."""
    folder = make_run(
        theophylline=theophylline(), fsigt=fsigt(), virtual_cohort=virtual_cohort(), lost=("other",)
    )
    path = report.write(folder)
    assert path == folder / "report.html" and path.stat().st_size < 3_000_000
    return path.read_text(encoding="utf-8")


class Elements(HTMLParser):
    """(tag, attributes) of all elements, and whether every element that was opened was closed."""

    VOID = ("meta", "br", "hr", "img", "link")

    def __init__(self, text):
        super().__init__()
        self.found, self.stack = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


def words(text):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text.replace("\N{NO-BREAK SPACE}", " ")))


def test_the_page_needs_nothing_from_elsewhere(page):
    elements = Elements(page)
    assert elements.stack == []
    for tag, attributes in elements.found:
        assert tag not in ("link", "iframe", "object", "embed", "img", "image")
        assert "src" not in attributes and not [name for name in attributes if name.startswith("on")]
        assert attributes.get("href", "#").startswith(("#", "data:text/csv"))
    assert not re.search(r"https?:|url\((?!#)|@import|file:", page)
    assert "default-src 'none'" in page


def test_references_inside_the_page_resolve_and_are_unique(page):
    ids = [attributes["id"] for _, attributes in Elements(page).found if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = re.findall(r"url\(#([\w.-]+)\)|href=\"#([\w.-]+)\"|aria-labelledby=\"([\w.-]+)\"", page)
    assert used and {name for names in used for name in names if name} <= set(ids)


def test_every_drawing_is_described_and_follows_the_theme(page):
    drawings = [attributes for tag, attributes in Elements(page).found if tag == "svg"]
    assert len(drawings) == page.count("<svg") >= 15
    assert all(drawing["role"] == "img" and len(drawing["aria-label"]) > 30 for drawing in drawings)
    inside = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.S))
    assert not re.search(r"#[0-9a-f]{6}\b|<style|<text[^>]*font-family", inside)
    variables = set(re.findall(r"var\(--([a-z]+)\)", inside))
    assert {"ink", "blue", "orange", "grid"} <= variables
    for name in variables:
        assert page.count(f"--{name}: #") == 3, "light, dark by the system's choice, dark by the button"
    assert "prefers-color-scheme: dark" in page


def test_every_axis_has_a_unit(page):
    for drawing in re.findall(r"<svg.*?</svg>", page, flags=re.S):
        labels = re.findall(r"<text[^>]*font-size: 9px[^>]*>([^<]*)", drawing)
        assert labels and all(re.search(r"\(.+\)$", label) for label in labels), labels


def test_every_figure_has_one_sentence_and_its_data(page):
    captions = re.findall(r"<figcaption>(.*?)<span class=\"download\">(.*?)</figcaption>", page, flags=re.S)
    assert len(captions) == page.count("<figure") == 11
    for sentence, data in captions:
        assert re.search(r"\bknow|\bprove|\btell|\bchecked|says nothing|nor are", sentence)
        assert len(re.findall(r"\.(?=\s|$)", sentence.strip())) == 1
        assert "data:text/csv" in data
    assert "uU/mL" in page and "theophylline (mg/L)" in page and "volume (mL)" in page


def test_disclaimer_at_top_and_bottom(page):
    places = [found.start() for found in re.finditer("Research software, not a medical device", page)]
    assert len(places) == 2 and places[0] < page.index("<main>") and places[1] > page.index("</main>")


def test_synthetic_people_are_marked_and_real_ones_are_not(page):
    badge = '<span class="badge">synthetic</span>'
    parts = re.split(r'<section class="study" id="([\w-]+)"', page)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert list(sections) == ["theophylline", "fsigt", "virtual-cohort"]
    assert badge not in sections["theophylline"] + sections["fsigt"]
    cohort = sections["virtual-cohort"].split("</section>")[0]
    for heading in re.findall(r"<h[234].*?</h[234]>|<summary>.*?</summary>", cohort, flags=re.S):
        assert badge in heading
    assert f"s900 {badge}" in page


def test_numbers_come_with_interval_level_and_method_or_the_words(page):
    text = words(page)
    assert "61.2 %; 50 to 70 (90 %, a made-up method)" in text
    assert "2.75 L/h; 2.20 to 3.58 (90 %, a made-up method)" in text
    assert "8.07×10⁻⁴ mL/uU/min; 7.00×10⁻⁴ to 9.10×10⁻⁴ (90 %, a made-up method)" in text
    assert "samples inside their interval 2; not quantified" in text
    assert "insulin (interval not quantified)" in text
    assert "0.910, inside the band 0.850 to 0.950 around the nominal 90 % (nominal ± 3 SE" in text
    assert "0.620, outside the band" in text


def test_summary_counts_people_and_samples(page):
    text = words(page.split("<main>")[0])
    assert "2 real people, one dose of theophylline each: 1 ok, 1 with a failure" in text
    assert "2 of 4 samples that were held out lie inside their 90 % prediction intervals" in text
    assert "1 real glucose tolerance test: ok" in text
    assert "13 synthetic people: 7 made by the same circulation (6 ok, 1 with a failure)" in text
    assert "3 failures" in text


def test_failures_are_listed(page):
    text = words(page[page.index('<section id="failures"') :])
    assert "everybody in all of other shard failed RuntimeError: the model diverged" in text
    assert "failed the made-up solver gave up time in 10-20 mg/L (200 mg every 6 h)" in text
    assert "solve failed no periodic beat resistance" in text


def test_names_are_shown_as_they_are_and_never_run(page):
    assert "<script>alert" not in page
    assert "person 9&lt;script&gt;alert(&#34;$x_1$&#34;)&lt;/script&gt;" in page
    assert re.search(r"<text[^>]*>person 9&lt;script&gt;alert\(\"\$x_1\$\"\)", page)


def test_provenance_without_the_machine_s_paths(page, tmp_path):
    text = words(page)
    assert "made up (made-up.toml)" in text and "python 3.11.2, jax 0.10.2" in text and "seed 7" in text
    assert "3 of 4 shards done" in text and "float64" in text
    assert str(tmp_path) not in page and "folder/of" not in page


def test_a_missing_study_has_no_section(make_run):
    page = report.write(make_run(fsigt=fsigt())).read_text()
    assert re.findall(r'class="study" id="([\w-]+)"', page) == ["fsigt"]
    assert "Nothing failed." in page and "badge" not in page.split("<body>")[1]
    empty = report.write(make_run(lost=("fsigt",))).read_text()
    assert 'class="study"' not in empty and "No study has results" in empty and "the model diverged" in empty


@pytest.mark.parametrize("missing", ["items", "fits", "series", "observations", "starts"])
def test_a_missing_table_costs_only_its_figures(make_run, missing):
    studies = {"theophylline": theophylline(), "fsigt": fsigt(), "virtual_cohort": virtual_cohort()}
    for tables in studies.values():
        tables.pop(missing, None)
    page = report.write(make_run(**studies)).read_text()
    assert page.count("<figure") >= 4 and page.count('class="study"') == 3


def test_a_study_may_be_named_like_its_scenario_key(make_run):
    page = report.write(make_run(virtual_cohort=virtual_cohort(name="virtual_cohort"))).read_text()
    assert 'id="virtual-cohort"' in page


def test_changes_are_preferred_where_the_tables_hold_them(make_run):
    tables = virtual_cohort()
    whose = ("virtual-cohort", "s001", "vasodilator", "change in cardiac output", "L/min")
    tables["items"].append(item(*whose, 0.5, 0.2, 0.8, synthetic=True))
    page = report.write(make_run(virtual_cohort=tables)).read_text()
    assert "vasodilator: change in cardiac output" in page and "vasodilator: cardiac output" not in page


def test_large_runs_stay_small(make_run):
    """Many people: fewer are drawn, and the page says so."""
    many = theophylline([str(n) for n in range(60)])
    path = report.write(make_run(theophylline=many, virtual_cohort=virtual_cohort(1200)))
    text = words(path.read_text())
    assert path.stat().st_size < 3_000_000
    assert "24 of 60, evenly spaced, are drawn" in text and "evenly spaced 256 of 1200 people" in text


def test_downloads_too_long_for_the_page_name_their_tables(make_run, monkeypatch):
    monkeypatch.setattr(report.page, "MOST_DOWNLOADS", 10_000)
    page = report.write(make_run(theophylline=theophylline())).read_text()
    assert page.count("data:text/csv") == 1
    assert "tables/*-series.parquet, rows of study theophylline, in the run" in page


def test_same_results_same_drawings(make_run):
    folder = make_run(fsigt=fsigt())
    first, second = (re.sub(r"f\d+-", "", report.write(folder).read_text()) for _ in range(2))
    assert first == second


def test_damaged_results_stop_the_report(make_run):
    folder = make_run(fsigt=fsigt())
    before = report.write(folder).read_bytes()
    damaged = next((folder / "tables").glob("*items*"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(DamagedResults, match="items"):
        report.write(folder)
    assert (folder / "report.html").read_bytes() == before
    with pytest.raises(InputError, match="not a run folder"):
        report.write(folder.parent)


@pytest.mark.parametrize(
    "value, text",
    [
        (0.0, "0"),
        (12.0, "12"),
        (100.0, "100"),
        (1230.0, "1230"),
        (0.05, "0.0500"),
        (-3.14159, "−3.14"),
        (123456.0, "1.23×10⁵"),
        (8.0706e-4, "8.07×10⁻⁴"),
        (1234.5, "1234"),
        (None, "none"),
        (float("nan"), "none"),
    ],
)
def test_numbers_in_words(value, text):
    assert wording.number(value) == text


def test_an_interval_near_zero_is_written_in_one_way():
    row = item("fsigt", "1", "fit", "SI", "mL/uU/min", 7.55e-4, 5.55e-4, 1.03e-3)
    assert wording.stated(row).startswith("7.55×10⁻⁴ mL/uU/min; 5.55×10⁻⁴ to 1.03×10⁻³ (90")


@pytest.mark.parametrize(
    "value, text", [(0.015, "0.015"), (-2e-7, "−2×10⁻⁷"), (0.0008, "0.0008"), (3e6, "3×10⁶")]
)
def test_numbers_beside_axes_keep_their_digits(value, text):
    assert wording.tick(value) == text
