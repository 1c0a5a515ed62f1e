"""Sections G, H and I: usefulness, controls, and what this scorecard was made of."""

import hashlib
from dataclasses import dataclass

from audit_core.redact import display
from audit_core.scorecard import Scorecard
from audit_reports.attack_sections import MeasurementRow
from audit_reports.measured_text import measurement_text, trials_text
from audit_reports.numbers_as_text import count, significant
from audit_reports.wording import TEXT_LIMIT, Wording

MOST_COLUMNS = 80
MOST_ENTRIES = 40

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRow:
    """Whether the audit itself can be believed."""

    name: str
    verdict: str
    verdict_word: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A file that went in."""

    part: str
    name: str
    rows: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Everything that section I lists; pairs are a name and what it is."""

    digest: str
    files: tuple[FileRow, ...]
    columns: Pairs
    columns_left_out: int
    facts: Pairs
    versions: Pairs
    plugins: Pairs
    refusals: Pairs
    run: Pairs
    costs: tuple[tuple[str, str, str], ...]


def card_digest(scorecard: Scorecard) -> str:
    """SHA-256 of scorecard.json, in hex."""
    return hashlib.sha256(scorecard.to_json()).hexdigest()


def control_rows(scorecard: Scorecard, wording: Wording) -> tuple[ControlRow, ...]:
    return tuple(
        ControlRow(
            name=wording.known(f"control.{control.name}", control.name),
            verdict=control.verdict.value,
            verdict_word=wording.verdict(control.verdict),
            reason=wording.reason(control.reason),
        )
        for control in scorecard.controls[:MOST_ENTRIES]
    )


def usefulness_rows(scorecard: Scorecard, wording: Wording) -> tuple[MeasurementRow, ...]:
    return tuple(
        MeasurementRow(
            what=wording.measurement(each.name),
            of=wording.of(each.name, each.of),
            measured=measurement_text(each, wording),
            n=trials_text(each),
        )
        for each in scorecard.usefulness[:MOST_ENTRIES]
    )


def provenance(scorecard: Scorecard, wording: Wording) -> Provenance:
    made, volatile = scorecard.provenance, scorecard.volatile
    columns = sorted(scorecard.inputs.columns.items())
    measured = sorted({*volatile.seconds, *volatile.peak_mib}, key=lambda name: (name == "total", name))
    return Provenance(
        digest=card_digest(scorecard),
        files=_files(scorecard, wording),
        columns=tuple((display(name), display(kind)) for name, kind in columns[:MOST_COLUMNS]),
        columns_left_out=max(0, len(columns) - MOST_COLUMNS),
        facts=tuple(
            (wording.fact(name), count(number)) for name, number in sorted(scorecard.facts.items())[:MOST_ENTRIES]
        ),
        versions=(("sekisho", display(made.sekisho)), ("Python", display(made.python)), *_pairs(made.distributions)),
        plugins=_pairs(made.plugins),
        refusals=tuple(
            (display(refusal.origin), wording.reason(refusal.reason)) for refusal in made.refusals[:MOST_ENTRIES]
        ),
        run=(
            (wording.say("run.started"), display(volatile.started)),
            (wording.say("run.seed"), str(made.seed)),
            *_making(scorecard, wording),
            (wording.say("run.platform"), display(volatile.platform)),
            (wording.say("run.cores"), count(volatile.cores)),
        ),
        costs=tuple(
            (
                display(wording.known(f"cost.{name}", name)),
                wording.say("cost.seconds", seconds=significant(volatile.seconds[name]))
                if name in volatile.seconds
                else "",
                wording.say("cost.mebibytes", mebibytes=significant(volatile.peak_mib[name]))
                if name in volatile.peak_mib
                else "",
            )
            for name in measured[:MOST_ENTRIES]
        ),
    )


def _making(scorecard: Scorecard, wording: Wording) -> Pairs:
    """How the audit itself made the release and the non-members; empty where it was given both."""
    made = scorecard.provenance
    rows = []
    if made.generator is not None:
        params = ", ".join(f"{name} = {value}" for name, value in sorted(made.generator.params.items()))
        words = f"{made.generator.name} ({params})" if params else made.generator.name
        rows.append((wording.say("run.generator"), display(words, TEXT_LIMIT)))
    if made.split is not None:
        rows.append((wording.say("run.split"), significant(made.split)))
    return tuple(rows)


def _files(scorecard: Scorecard, wording: Wording) -> tuple[FileRow, ...]:
    release, inputs = scorecard.release, scorecard.inputs
    rows = [("release", release.name, release.rows, release.digest)]
    rows += [
        (part, facts.name, facts.rows, facts.digest)
        for part, facts in (("members", inputs.members), ("non-members", inputs.non_members))
        if facts is not None
    ]
    return tuple(
        FileRow(part=wording.say(f"file.{part}"), name=display(name), rows=count(number), digest=display(digest, 100))
        for part, name, number, digest in rows
    )


def _pairs(entries: dict[str, str]) -> Pairs:
    return tuple((display(name), display(text)) for name, text in sorted(entries.items())[:MOST_ENTRIES])
