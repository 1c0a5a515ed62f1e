"""The study as one HTML page in the look of the scorecard."""

from audit_core.redact import display
from audit_core.study import Study
from audit_reports.catalogue import phrases
from audit_reports.numbers_as_text import count
from audit_reports.page import page
from audit_reports.provenance_tables import provenance
from audit_reports.study_sections import confidence_text, setting_rows, sides
from audit_reports.wording import Wording

CHAPTERS = (
    ("A", "settings", "study.heading-settings"),
    ("B", "not-said", "limitsof.heading"),
    ("C", "sides", "study.heading-sides"),
    ("D", "provenance", "provenance.heading"),
)


def render(study: Study, language: str) -> bytes:
    """The page in one language.

    Raises:
        ValueError: There is no catalogue for the language.
    """
    phrases(language)
    wording = Wording(language=language, texts=study.texts, rules={})
    made, name = provenance(study, wording), display(study.name)
    shown, left_out = sides(study, wording)
    runs = sum(len(variant.runs) for variant in study.variants)
    policy = wording.say("result.policy-version", name=display(study.policy.name), version=study.policy.version)
    return page(
        "study.html.j2",
        wording,
        title=wording.say("study.title", name=name),
        kind=wording.say("study.kind"),
        name=name,
        source="study.json",
        digest=made.digest,
        version=display(study.provenance.sekisho),
        sheets=("scorecard.css", "study.css"),
        chapters=CHAPTERS,
        facts=(
            (wording.say("study.generator"), display(study.generator), "name"),
            *(((wording.say("result.rows"), count(study.rows), "plain"),) if study.rows else ()),
            (wording.say("study.settings"), count(len(study.variants)), "plain"),
            (wording.say("study.runs"), count(runs), "plain"),
            (wording.say("result.policy"), policy, "plain"),
            (wording.say("result.date"), display(study.volatile.started)[:10], "plain"),
            (wording.say("result.policy-digest"), display(study.policy.digest, 100), "digest wide"),
        ),
        settings=setting_rows(study, wording),
        runs=runs,
        sides=shown,
        left_out=left_out,
        confidence=confidence_text(study),
        provenance=made,
        overlap="",
        has_non_members=True,
    )
