"""The scorecard's things in the words of one language; every name from outside passes through here.

Whatever this module returns is one line without control characters and of bounded length, and still has to be escaped
by the view.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from audit_core import codes, ledger_words
from audit_core.codes import sentence, separated
from audit_core.measurement import Reason
from audit_core.redact import display
from audit_core.scorecard import Scorecard, Verdict
from audit_core.words import say
from audit_reports.catalogue import phrase, phrases
from audit_reports.numbers_as_text import NO_BREAK_SPACE, count
from audit_reports.quantities import Quantity

MOST_RULES = 3
"""Rules named in one sentence."""

VALUES = ("value", "low", "high", "limit", "margin")
"""Arguments of a sentence that are in the unit of the measurement it is about."""

_UNIT = re.compile(r"(?<=\d) %")

NAMED = ("of", "score")
"""Arguments of a sentence that say what the measurement is of."""

LISTED = ("left", "right", "columns", "facts", "steps", "fields")
"""Arguments of a sentence that are lists of names."""

LIST_LIMIT = 160
"""Characters of such a list."""

TEXT_LIMIT = 400
"""Characters of a sentence that a policy or a plugin brings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Words for one scorecard in one language.

    Attributes:
        texts: The scorecard's plugin texts, by language and key.
        rules: What each rule that was judged measures, by the rule's name.
        model: Whether a language model goes out.
    """

    language: str
    texts: Mapping[str, Mapping[str, str]]
    rules: Mapping[str, str]
    model: bool = False

    def say(self, key: str, **values: object) -> str:
        """A phrase of the catalogue, counts in it with their thousands separated."""
        named = {name: count(value) if isinstance(value, int) else value for name, value in values.items()}
        return phrase(self.language, key, **named)

    def known(self, key: str, name: str) -> str:
        """A phrase of the catalogue or, for what the catalogue does not know, the name itself."""
        found = phrases(self.language).get(key)
        return display(name) if found is None else found

    def verdict(self, verdict: Verdict) -> str:
        return self.say(f"verdict.{verdict.value}")

    def title(self, plugin: str) -> str:
        """A plugin's title, or its name where it brought none."""
        return display(self._brought(f"{plugin}.title") or plugin)

    def assumption(self, plugin: str) -> str:
        """Who could do this; empty where the plugin does not say."""
        text = self._brought(f"{plugin}.assumption")
        return display(text, TEXT_LIMIT) if text else ""

    def _brought(self, key: str) -> str:
        return self.texts.get(self.language, {}).get(key) or self.texts.get("en", {}).get(key, "")

    def measurement(self, name: str) -> str:
        return self.known(f"measurement.{name}", name)

    def of(self, measurement: str, of: str) -> str:
        """What the measurement is about; empty where it is about the whole."""
        about = "score" if measurement.startswith(("auc", "tpr_", "fpr_")) else measurement
        about = "model" if measurement.startswith(("tstr", "trtr", "indistinguishability")) else about
        if of in ("*", "all"):
            return ""
        # A rule on several measurements together names all of them, joined like this.
        return display(" + ".join(self.known(f"of.{about}.{each}", each) for each in of.split(" + ")))

    def fact(self, fact: str) -> str:
        """What a fact about the case is called in the sentences that name it."""
        return display(say(codes.FACTS[fact], self.language) if fact in codes.FACTS else fact)

    def of_ledger(self, text: str) -> str:
        """A text of a ledger: a code in words, any other as it is written."""
        return display(ledger_words.said(text, self.language), TEXT_LIMIT)

    def question(self, field: str) -> str:
        """What a field of a claim answers, as a heading."""
        text = say(ledger_words.QUESTIONS[field], self.language)
        return text[:1].upper() + text[1:]

    def goal(self, goal: str) -> str:
        return self.known(f"goal.{goal}", goal)

    def column(self, what: str) -> str:
        """A column's kind and role, as the scorecard names them: "integer, quasi-identifier"."""
        return self.say("list.comma").join(self.known(f"column.{word}", word) for word in what.split(", ") if word)

    def method(self, method: str) -> str:
        """The name of the method that an interval was made by."""
        return self.known(f"method.{method}", method)

    def sees(self, assets: Iterable[str]) -> str:
        """What the attacker holds besides the targets."""
        held = sorted(assets)
        if not held:
            return self.say("sees.nothing")
        return self.say("list.and").join(self.known(f"sees.{asset}", asset) for asset in held)

    def param(self, value: object) -> str:
        """A parameter's value."""
        if value is None:
            return self.say("param.none")
        if isinstance(value, list | tuple):
            return display(", ".join(str(each) for each in value), LIST_LIMIT) if value else self.say("param.none")
        return display(str(value))

    def basis(self, basis: str) -> str:
        return self.known(f"basis.{basis}", basis)

    def text(self, words: Mapping[str, str], limit: int = TEXT_LIMIT) -> str:
        """A policy's own words, in English where the language is missing; empty where there are none."""
        text = words.get(self.language) or words.get("en", "")
        return display(text, limit) if text else ""

    def reason(self, reason: Reason, quantity: Quantity | None = None, about: str = "") -> str:
        """A coded sentence without its full stop, its arguments made fit to be shown.

        Args:
            quantity: What the sentence's values and limits are in, where it is about one measurement.
            about: The measurement, where the sentence names a score, column or group.
        """
        args = {display(key): self._argument(key, value) for key, value in reason.args.items()}
        if about:
            named = {key: str(reason.args[key]) for key in NAMED if key in reason.args}
            args |= {key: self.of(about, name) or self.say("bullet.whole") for key, name in named.items()}
        if quantity is not None:
            args |= {key: display(quantity.as_given(args[key])) for key in VALUES if key in args}
        code = display(reason.code)
        try:
            text = sentence(Reason(code=code, args=args), self.language)
        except (LookupError, ValueError, TypeError):
            # A card written by another version may lack an argument of this version's sentence.
            text = self.say("list.comma").join([code, *(f"{key} {_number(args[key])}" for key in sorted(args))])
        return _UNIT.sub(NO_BREAK_SPACE + "%", display(text, TEXT_LIMIT).rstrip(".。"))

    def _argument(self, key: str, value: str | int | float) -> str | int | float:
        """Names of rules, attacks and measurements in words; any other text made fit to be shown."""
        if not isinstance(value, str):
            return value
        if key == "rules":
            named = dict.fromkeys(self._rule(rule) for rule in value.split(", "))
            shown = list(named)[:MOST_RULES]
            if len(named) > len(shown):
                shown.append(self.say("headline.more", count=len(named) - len(shown)))
            return self.say("list.semicolon").join(shown)
        if key in LISTED:
            return display(value, LIST_LIMIT)
        words = {"attack": self.title, "measurement": self.measurement}.get(key, display)
        return words(value)

    def _rule(self, rule: str) -> str:
        """What a rule measures; the group in brackets after its name is left to the table of limits."""
        measurement = self.rules.get(rule.split(" (")[0])
        return display(rule) if measurement is None else self.measurement(measurement)


def _number(value: str | int | float) -> str:
    return value if isinstance(value, str) else separated(value)


def wording_of(scorecard: Scorecard, language: str) -> Wording:
    """The words for a scorecard.

    Raises:
        ValueError: There is no catalogue for the language.
    """
    phrases(language)
    rules = {judgement.rule: judgement.measurement for judgement in scorecard.judgements}
    return Wording(language=language, texts=scorecard.texts, rules=rules, model=scorecard.release.kind == "model")
