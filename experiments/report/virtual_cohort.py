"""Virtual people with known truth: what the fits recover, what intervals are worth, what treatments do."""

from experiments.report import arms, cohort, coverage, loops, recovery
from experiments.report.parts import Section, present
from experiments.report.results import Study
from experiments.report.sheets import coverage_sheet, fits_sheet, items_sheet
from experiments.report.wording import outcome


def section(study: Study) -> Section:
    failed = study.failed()
    groups = {
        key: [name for name in study.people() if cohort.group(name) == key] for key in cohort.GROUP_NAMES
    }
    counts = [
        f"{len(names)} made by the {cohort.GROUP_NAMES[key]} "
        f"({outcome(len(names), len(failed.intersection(names)))})"
        for key, names in groups.items()
        if names
    ]
    lead = f"{len(study.people())} synthetic people: {' and '.join(counts)}."
    findings = coverage.findings(study)
    pooled = [f"{name[0].lower()}{name[1:]}: {text}" for name, text in findings if name.startswith("Pooled")]
    summary = f"{lead} {_sentence(pooled)}".strip()
    return Section(
        name=study.name,
        title="Virtual people: is the uncertainty honest?",
        lead=f"{lead} Each one's noisy cuff, echo and catheter readings were made up from a known truth, "
        "fitted without it, and compared with it.",
        summary=summary,
        findings=findings,
        pictures=present(
            loops.picture(study),
            recovery.parameters(study),
            recovery.quantities(study),
            coverage.picture(study),
            arms.picture(study),
        ),
        sheets=present(
            coverage_sheet("Coverage", study.rows("items", arm=coverage.ARM)),
            fits_sheet("Fitted parameters", study.tables["fits"]),
            items_sheet(
                "Derived quantities in every arm",
                [r for r in study.tables["items"] if r["arm"] != coverage.ARM],
            ),
        ),
        synthetic=True,
    )


def _sentence(parts: list[str]) -> str:
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""
