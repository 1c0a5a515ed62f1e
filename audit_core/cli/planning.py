"""`plan`: what an audit would do and could show, before anything runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from audit_core.cli.options import language_option, plugin_options, recipe_options
from audit_core.words import Words, say

if TYPE_CHECKING:
    from audit_core.measurement import Reason
    from audit_core.outlook import Outlook
    from audit_core.plan import Plan
    from audit_core.recipe import Recipe

_HEADINGS: tuple[Words, ...] = (
    {"en": "rule", "ja": "基準"},
    {"en": "limit", "ja": "基準値"},
    {"en": "tries", "ja": "試行"},
    {"en": "P(pass | no leak)", "ja": "P(合格 | 漏洩なし)"},
    {"en": "80 % found from", "ja": "80 % で発見"},
    {"en": "rows for 80 %", "ja": "80 % に必要な件数"},
)
_STATES: dict[str, Words] = {
    "exact": {"en": "exact", "ja": "厳密な値"},
    "unknown": {"en": "unknown", "ja": "不明"},
    "not-assessed": {"en": "not assessed", "ja": "未評価"},
    "blocked": {"en": "not measured", "ja": "測定なし"},
    "optional": {"en": "not required", "ja": "任意"},
    "never": {"en": "none", "ja": "なし"},
    "runs": {"en": "would run", "ja": "実行予定"},
    "lacks": {"en": "would not run", "ja": "実行不可"},
    "refused": {"en": "refused", "ja": "使用不可"},
}
_SIZES: Words = {
    "en": "{members:,} members, {non_members:,} non-members, {released:,} released rows; unit of privacy: {unit}",
    "ja": "メンバー {members:,} 行、非メンバー {non_members:,} 行、リリース {released:,} 行。保護の単位：{unit}",
}
_SIZES_OF_TEXTS: Words = {
    "en": "{members:,} members' texts, {non_members:,} others; unit of privacy: {unit}",
    "ja": "メンバーのテキスト {members:,} 件、非メンバーのテキスト {non_members:,} 件。保護の単位：{unit}",
}
_ROW: Words = {"en": "row", "ja": "行"}
_COLON: Words = {"en": ": ", "ja": "："}


@click.command()
@recipe_options
@click.option("--json", "as_json", is_flag=True, help="The plan as JSON.")
@plugin_options
@language_option
def plan(asked: "Recipe", files: tuple[Path, ...], block: tuple[str, ...], as_json: bool, lang: str) -> int:
    """Say what an audit of RECIPE would do and could show, without running it.

    For each rule: whether it would be judged, the probability that a release without a leak passes, and the smallest
    leak that fails with a probability of 80 %. Exit code 3 if no release could pass, or hardly any.
    """
    from audit_core.plan import plan as planned
    from audit_core.policy import load_policy
    from audit_core.registry import discover
    from audit_core.terminal import warn
    from audit_core.written.contradictions import warnings

    warn(warnings(asked.columns), lang)
    its = planned(asked, load_policy(asked.policy), discover(files, block, asked.requires_plugins))
    if as_json:
        click.echo(its.to_json())
    else:
        for line in _lines(its, lang):
            click.echo(line)
    return its.exit_code


def _lines(its: "Plan", language: str) -> list[str]:
    from audit_core.codes import sentence
    from audit_core.redact import display
    from audit_core.terminal import in_columns

    def called(state: str) -> str:
        return say(_STATES[state], language)

    colon = say(_COLON, language)
    unit = say(_ROW, language) if its.unit == "row" else display(its.unit)
    sizes = say(_SIZES_OF_TEXTS if its.facts.get("model") else _SIZES, language).format(**its.facts, unit=unit)
    plugins = [
        f"{called('runs')}  {one.name}"
        if one.lacks is None
        else f"{called('lacks')}  {one.name}{colon}{sentence(one.lacks, language)}"
        for one in its.attempts
    ]
    plugins += [
        f"{called('refused')}  {display(one.origin)}{colon}{sentence(one.reason, language)}" for one in its.refusals
    ]
    headings = tuple(say(words, language) for words in _HEADINGS)
    blocks = [
        [f"{display(its.name)}{colon}{its.policy} v{its.version}", sizes],
        plugins,
        in_columns([headings, *(_row(one, language) for one in its.rules)]),
        [sentence(reason, language) for reason in _notes(its)],
        _conclusion(its, language),
    ]
    return [line for block in blocks if block for line in ("", *block)][1:]


def _row(one: "Outlook", language: str) -> tuple[str, ...]:
    """A rule's cells, in the order of the headings; where no probability is given, the reason instead."""
    from audit_core.codes import sentence
    from audit_core.grounds import rounded_up, shown
    from audit_core.outlook import likely

    rule = one.named + (f" ×{one.tests}" if one.tests > 1 else "")
    if not one.required:
        rule += f" ({say(_STATES['optional'], language)})"
    limit = f"≥ {one.at_least}" if one.at_least else one.at_most + (f" + {one.margin}" if one.margin != "0" else "")
    if one.state != "judged":
        why = "" if one.reason is None else say(_COLON, language) + sentence(one.reason, language)
        return rule, limit, say(_STATES[one.state], language) + why
    passes = "–"
    if one.pass_low is not None and one.pass_high is not None:
        passes = " – ".join(dict.fromkeys((likely(one.pass_low), likely(one.pass_high))))
    return (
        rule,
        limit,
        f"{one.n1:,} + {one.n0:,}" if one.n0 else f"{one.n1:,}",
        passes,
        say(_STATES["never"], language) if one.found_from is None else shown(one.found_from),
        "" if one.needed is None else rounded_up(one.needed),
    )


def _notes(its: "Plan") -> list["Reason"]:
    """What the numbers rest on."""
    from audit_core.codes import sentence
    from audit_core.grounds import reason
    from audit_core.outlook import likely

    notes = []
    if any(one.found_from is not None for one in its.rules):
        notes.append(reason("tests-planned" if its.counted else "tests-planned-at-least", tests=its.tests))
    for one in its.rules:
        if one.kind == "excess" and one.chance is not None and one.chance_high is not None:
            low, high = likely(one.chance), likely(one.chance_high)
            code = "chance-assumed" if low == high else "chance-between"
            notes.append(reason(code, measurement=one.rule, low=low, high=high))
    notes = list({sentence(note, "en"): note for note in notes}.values())  # several rules may share one
    if its.certifying:
        notes.append(reason("certifying-planned"))
    if its.smoke:
        notes.append(reason("smoke-planned"))
    return notes


def _conclusion(its: "Plan", language: str) -> list[str]:
    """What stands in the way of a pass, and once for each kind of obstacle what to do about it."""
    from audit_core.codes import CODES, sentence

    reasons = its.obstacles or (its.prospect,)
    lines = []
    for code in dict.fromkeys(reason.code for reason in reasons):
        lines += [sentence(reason, language) for reason in reasons if reason.code == code]
        lines.append(f"    {say(CODES[code].more, language)}")
    return lines
