"""What a person at a terminal reads: progress while it runs, then the verdict and where the card is."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from audit_core.calibration import Calibration
from audit_core.codes import PLANTS, sentence
from audit_core.detection import percent
from audit_core.measurement import Reason
from audit_core.progress import NO_NUMBERS, Progress
from audit_core.redact import display
from audit_core.scorecard import Control, Judgement, Scorecard, Verdict
from audit_core.study import Study
from audit_core.words import Words, say

Numbers = Mapping[str, float]

COLOURS = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.ERROR: "magenta",
    Verdict.NOT_ASSESSED: "dim",
    Verdict.NO_FINDING: "dim",
}


@contextmanager
def progress(as_events: bool) -> Iterator[Progress]:
    """A function to tell of each step: JSON lines, a moving line on a terminal, or plain lines."""
    console = Console(stderr=True, highlight=False)

    def as_line(event: str, about: str, numbers: Numbers) -> str:
        told = ", ".join(f"{name.replace('_', ' ')} {value:,g}" for name, value in numbers.items())
        return f"{event} {display(about)}" + (f": {told}" if told else "")

    def say_event(event: str, about: str, numbers: Numbers = NO_NUMBERS, /) -> None:
        print(json.dumps({"event": event, "about": about, **numbers}), file=sys.stderr, flush=True)

    def say_line(event: str, about: str, numbers: Numbers = NO_NUMBERS, /) -> None:
        print(f"sekisho: {as_line(event, about, numbers)}", file=sys.stderr, flush=True)

    if as_events:
        yield say_event
    elif console.is_terminal:
        with console.status("") as status:
            yield lambda event, about, numbers=NO_NUMBERS, /: status.update(Text(as_line(event, about, numbers)))
    else:
        yield say_line


def warn(reasons: Sequence[Reason], language: str) -> None:
    """What was accepted and had better be known, on standard error."""
    for reason in reasons:
        print(f"sekisho: warning: {display(sentence(reason, language), 400)}", file=sys.stderr, flush=True)


def summary(scorecard: Scorecard, out: Path | None, language: str) -> None:
    """The verdict, its reasons, the rules and controls that did not pass, and the card's place; on standard error."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    colour = COLOURS[scorecard.verdict]
    console.print(Text(f"{scorecard.verdict.upper()}  {display(scorecard.name)}", style=f"bold {colour}"))
    for reason in scorecard.reasons:
        console.print(Text(f"  {sentence(reason, language)}"))
    for judgement in scorecard.judgements:
        if judgement.verdict in (Verdict.FAIL, Verdict.ERROR) or (
            judgement.verdict is Verdict.INCONCLUSIVE and judgement.required
        ):
            console.print(_line(judgement, language))
    for control in scorecard.controls:
        if control.verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR):
            console.print(_control_line(control, language))
    if out is not None:
        console.print(Text(f"  {out / f'scorecard.{language}.html'}"))


_HEADINGS: tuple[Words, ...] = (
    {"en": "attack", "ja": "攻撃"},
    {"en": "planted rows", "ja": "仕込んだ行"},
    {"en": "found from", "ja": "発見"},
    {"en": "failed from", "ja": "不合格"},
    {"en": "wanted", "ja": "要求"},
    {"en": "false alarms", "ja": "誤警報"},
)


def calibration_summary(calibration: Calibration, out: Path, language: str) -> None:
    """Whether the attacks are awake and silent, why not, and the page's place; on standard error."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    colour = COLOURS[calibration.verdict]
    console.print(Text(f"{calibration.verdict.upper()}  {display(calibration.name)}", style=f"bold {colour}"))
    for reason in calibration.reasons:
        console.print(Text(f"  {sentence(reason, language)}"))
    console.print(Text(f"  {out / f'calibration.{language}.html'}"))


def calibration_table(calibration: Calibration, language: str) -> list[str]:
    """For each attack and kind of plant the smallest dose found, and the smallest that the policy would fail."""
    rows = [tuple(say(words, language) for words in _HEADINGS)]
    for power in calibration.powers:
        for position, its in enumerate(power.detections):
            first = position == 0
            rows.append(
                (
                    power.attack if first else "",
                    say(PLANTS[its.plant], language),
                    _dose(its.found_from),
                    _dose(its.fails_from),
                    _dose(power.dose) if first and power.required else "",
                    f"{power.innocent_flagged}/{power.innocent}" if first else "",
                )
            )
    return in_columns(rows)


_STUDY_HEADINGS: tuple[Words, ...] = (
    {"en": "setting", "ja": "設定"},
    {"en": "verdicts", "ja": "判定"},
    {"en": "epsilon spent", "ja": "消費した ε"},
)


def study_summary(study: Study, out: Path, language: str) -> None:
    """How many audits there were, and the page's place; on standard error."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text(display(study.name), style="bold"))
    console.print(Text(f"  {out / f'study.{language}.html'}"))


def study_table(study: Study, language: str) -> list[str]:
    """For each setting the verdicts of its runs and what they spent."""
    rows = [tuple(say(words, language) for words in _STUDY_HEADINGS)]
    for variant in study.variants:
        setting = ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in variant.params.items())
        counts = Counter(run.verdict for run in variant.runs)
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        spent = [run.epsilon for run in variant.runs if run.epsilon is not None]
        rows.append((display(setting), verdicts, f"{max(spent):.3g}" if spent else "–"))
    return in_columns(rows)


def in_columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The rows in columns; the last cell of a row may be as long as it likes."""
    longest = max(len(row) for row in rows)
    widths = [max((cell_len(row[at]) for row in rows if at < len(row) - 1), default=0) for at in range(longest)]
    return [
        "  ".join(text + " " * (widths[at] - cell_len(text)) for at, text in enumerate(row)).rstrip() for row in rows
    ]


def _dose(dose: float | None) -> str:
    """A dose, or a dash where there is none."""
    return "–" if dose is None else percent(dose)


def _line(judgement: Judgement, language: str) -> Text:
    text = Text("  ")
    text.append(f"{judgement.verdict} ", style=COLOURS[judgement.verdict])
    of = "" if judgement.of in ("*", "all") else f" ({display(judgement.of)})"
    text.append(f"{judgement.rule}{of}: {sentence(judgement.reason, language)}")
    return text


def _control_line(control: Control, language: str) -> Text:
    text = Text("  ")
    text.append(f"{control.verdict} ", style=COLOURS[control.verdict])
    about = f" ({display(control.attack)})" if control.attack else ""
    text.append(f"{control.name}{about}: {sentence(control.reason, language)}")
    return text


def comparison(cards: Mapping[str, Scorecard], out: Path, language: str) -> None:
    """The demo's verdicts one under the other, each with its reason and its card; on standard output."""
    console = Console(highlight=False)
    for name, card in cards.items():
        console.print(
            Text(f"{card.verdict.upper()}  ", style=f"bold {COLOURS[card.verdict]}").append(
                card.release.name if card.release.kind == "table" else card.name, "default"
            )
        )
        console.print(Padding(Text(_why(card, language)), (0, 0, 0, 6)))
        console.print(Padding(Text(str(out / name / f"scorecard.{language}.html")), (0, 0, 1, 6)), soft_wrap=True)


def _why(card: Scorecard, language: str) -> str:
    """The first failed limit with its rationale, or the reason of the whole."""
    failed = next((one for one in card.judgements if one.verdict is Verdict.FAIL), None)
    if failed is None:
        return sentence(card.reasons[0], language) if card.reasons else ""
    return f"{failed.rule}: {sentence(failed.reason, language)}. {say(failed.rationale, language)}"
