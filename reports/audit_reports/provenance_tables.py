"""Section I: what this scorecard was made of."""

import hashlib
import re
from dataclasses import dataclass, fields

from audit_core.pack import Document
from audit_core.redact import display
from audit_core.scorecard import TextCounts
from audit_core.study import Study
from audit_reports.numbers_as_text import count, significant
from audit_reports.wording import TEXT_LIMIT, Wording

MOST_COLUMNS = 64
MOST_ENTRIES = 40

_ON_A_TWIN = re.compile(r"(?P<attack>.+) \((?P<twin>innocent-twin|leaky-twin)\)")

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A file that went in."""

    part: str
    name: str
    rows: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Everything that the section on provenance lists; pairs are a name and what it is.

    Attributes:
        texts: Of a model, what is to be known of the texts: what, of the members', and of the non-members'.
        steps: What was done to the rows of a release besides sampling them, in sentences.
    """

    digest: str
    files: tuple[FileRow, ...]
    columns: Pairs
    columns_left_out: int
    texts: tuple[tuple[str, str, str], ...]
    facts: Pairs
    versions: Pairs
    plugins: Pairs
    refusals: Pairs
    run: Pairs
    steps: tuple[str, ...]
    costs: tuple[tuple[str, str, str], ...]


def card_digest(document: Document) -> str:
    """SHA-256 of the document's file, in hex."""
    return hashlib.sha256(document.to_json()).hexdigest()


def provenance(document: Document, wording: Wording) -> Provenance:
    made, volatile = document.provenance, document.volatile
    columns = [] if isinstance(document, Study) else sorted(document.inputs.columns.items())
    facts = {} if isinstance(document, Study) else document.facts
    measured = sorted({*volatile.seconds, *volatile.peak_mib}, key=lambda name: (name == "total", name))
    return Provenance(
        digest=card_digest(document),
        files=_files(document, wording),
        columns=tuple((display(name), wording.column(what)) for name, what in columns[:MOST_COLUMNS]),
        columns_left_out=max(0, len(columns) - MOST_COLUMNS),
        texts=_texts(document, wording),
        facts=tuple((wording.fact(name), count(number)) for name, number in sorted(facts.items())[:MOST_ENTRIES]),
        versions=(("sekisho", display(made.sekisho)), ("Python", display(made.python)), *_pairs(made.distributions)),
        plugins=_pairs(made.plugins),
        refusals=tuple(
            (display(refusal.origin), wording.reason(refusal.reason)) for refusal in made.refusals[:MOST_ENTRIES]
        ),
        run=(
            (wording.say("run.started"), display(volatile.started)),
            (wording.say("run.seed"), str(made.seed)),
            *_making(document, wording),
            (wording.say("run.platform"), display(volatile.platform)),
            (wording.say("run.cores"), count(volatile.cores)),
        ),
        steps=tuple(wording.reason(step) for step in (made.generator.steps if made.generator else ())[:MOST_ENTRIES]),
        costs=tuple(
            (
                _task(name, wording),
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


def _task(name: str, wording: Wording) -> str:
    """What time and memory went into: an attack, an attack on a twin, or the audit itself."""
    twin = _ON_A_TWIN.fullmatch(name)
    if twin is not None:
        return wording.say(f"cost.{twin['twin']}", attack=wording.title(twin["attack"]))
    return wording.say(f"cost.{name}") if name in ("total", "core", "token-scores") else wording.title(name)


def _making(document: Document, wording: Wording) -> Pairs:
    """How the audit itself made the release and the non-members; empty where it was given both."""
    made = document.provenance
    rows = []
    if made.generator is not None:
        params = ", ".join(f"{name} = {value}" for name, value in sorted(made.generator.params.items()))
        words = f"{made.generator.name} ({params})" if params else made.generator.name
        rows.append((wording.say("run.generator"), display(words, TEXT_LIMIT)))
    if made.split is not None:
        rows.append((wording.say("run.split"), significant(made.split)))
    return tuple(rows)


def _files(document: Document, wording: Wording) -> tuple[FileRow, ...]:
    if isinstance(document, Study):  # its packs name theirs
        return ()
    release, inputs = document.release, document.inputs
    rows = [("model" if release.kind == "model" else "release", release.name, release.rows, release.digest)]
    rows += [
        (part, facts.name, facts.rows, facts.digest)
        for part, facts in (("members", inputs.members), ("non-members", inputs.non_members))
        if facts is not None
    ]
    return tuple(
        FileRow(
            part=wording.say(f"file.{part}"),
            name=display(name),
            rows="–" if part == "model" else count(number),
            digest=display(digest, 100),
        )
        for part, name, number, digest in rows
    )


def _texts(document: Document, wording: Wording) -> tuple[tuple[str, str, str], ...]:
    """A row for each count, shown where it is not 0 on both sides."""
    if isinstance(document, Study) or document.inputs.texts is None:
        return ()
    sides = [document.inputs.texts.get(side) for side in ("members", "non_members")]
    rows = []
    for name in (field.name for field in fields(TextCounts)):
        numbers = [None if side is None else getattr(side, name) for side in sides]
        if name == "records" or any(numbers):
            shown = ["–" if number is None else count(number) for number in numbers]
            rows.append((wording.say(f"texts.{name}"), shown[0], shown[1]))
    return tuple(rows)


def _pairs(entries: dict[str, str]) -> Pairs:
    return tuple((display(name), display(text)) for name, text in sorted(entries.items())[:MOST_ENTRIES])
