"""Truth against estimate: of the parameters that were fitted, and of what follows from them."""

from experiments.report import cohort
from experiments.report.parts import Key, Panel, Picture, download
from experiments.report.results import Study
from experiments.report.wording import common_level

KEYS = [
    Key("●", "blue", "truth inside the interval"),
    Key("●", "orange", "truth outside the interval"),
    Key("●", "muted", "not identified, or no interval"),
    Key("┅", "ink", "estimate = truth"),
]


def parameters(study: Study) -> Picture | None:
    """One panel a parameter, for people of the same circulation."""
    panels, cells = [], []
    for name in dict.fromkeys(row["parameter"] for row in study.tables["fits"]):
        pairs = cohort.parameter_pairs(study, name)
        if not pairs:
            continue
        rows = study.rows("fits", parameter=name)
        same = [row for row in rows if cohort.group(row["patient"]) == cohort.SAME]
        identified = sum(row["identifiable"] is True for row in same)
        svg = cohort.scatter(pairs, name, rows[0]["unit"], cohort.GROUP_NAMES[cohort.SAME])
        panels.append(Panel(f"{name} · identified in {identified} of {len(same)}", svg, True))
        cells += [[name, rows[0]["unit"], *_cells(pair)] for pair in pairs]
    if not panels:
        return None
    level = common_level(study.tables["fits"])
    return Picture(
        title="Do the fits find the parameters that made the data?",
        panels=panels,
        sentence="Each dot is one synthetic person of the same circulation, true parameter against "
        f"estimate with its {level} interval, fitted to made-up noisy readings{_thinned(study)}; grey "
        "people are those whose readings did not halve the prior's spread, and agreement here says nothing "
        "about real people.",
        download=download(
            "virtual-cohort-parameters",
            ["parameter", "unit", "patient", "truth", "estimate", "lo", "hi", "identified"],
            cells,
            study.name,
            "fits",
        ),
        keys=KEYS,
        synthetic=True,
        width=235,
    )


def quantities(study: Study) -> Picture | None:
    """One panel a derived quantity and circulation that made the people."""
    found = cohort.quantity_pairs(study, cohort.BASELINE)
    order = list(dict.fromkeys(quantity for quantity, _ in found))
    panels, cells = [], []
    for quantity in order:
        rows = study.rows("items", quantity=quantity)
        for group, who in cohort.GROUP_NAMES.items():
            pairs = found.get((quantity, group))
            if pairs:
                panels.append(
                    Panel(f"{quantity} · {who}", cohort.scatter(pairs, quantity, rows[0]["unit"], who), True)
                )
                cells += [[quantity, rows[0]["unit"], group, *_cells(pair)] for pair in pairs]
    if not panels:
        return None
    level = common_level(study.rows("items", arm=cohort.BASELINE))
    return Picture(
        title="What follows from the fit, for people of either circulation",
        panels=panels,
        sentence="Each dot is one synthetic person before treatment, the true value against the estimate "
        f"with its {level} interval, for people made by the circulation that fits them and for people made "
        f"by the other one{_thinned(study)}; it does not know in which way a real heart differs from both.",
        download=download(
            "virtual-cohort-quantities",
            ["quantity", "unit", "group", "patient", "truth", "estimate", "lo", "hi", "identified"],
            cells,
            study.name,
            "items",
        ),
        keys=KEYS,
        synthetic=True,
        width=235,
    )


def _thinned(study: Study) -> str:
    groups = [cohort.group(patient) for patient in study.people()]
    many, most = max(map(groups.count, cohort.GROUP_NAMES)), cohort.MOST_PEOPLE
    return f" (evenly spaced {most} of {many} people are drawn)" if many > most else ""


def _cells(pair: cohort.Pair) -> list:
    return [pair.patient, pair.truth, pair.value, pair.lo, pair.hi, pair.identified]
