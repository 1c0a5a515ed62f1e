"""Ends of texts: cut where the recipe says, asked without the ends, and marked against the texts nobody trained on."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from audit_core.answers import Continuations
from audit_core.bench import Bench, Setting, lay_out
from audit_core.cache import Cache
from audit_core.evidence import Excess, Mean
from audit_core.inquiry import Inquiry, Marked
from audit_core.inquiry.continuation import inquiry
from audit_core.isolation import Limits
from audit_core.language.made_up_models import Reciter, made_up_model
from audit_core.questions import Continuation
from audit_core.registry import discover

PLUGIN = discover().attacks["prefix-extraction"]


def bench(leak: Any = "leaky", texts: int = 200, length: int = 24) -> Bench:
    made = made_up_model(leak, texts=texts, length=length)
    setting = Setting(seed=0, content=leak, limits=Limits(), confidence=0.95)
    return lay_out(made.case, setting, discover(), [PLUGIN], Cache(), scores=made.scores)


def asked(laid: Bench, **params: object) -> tuple[Inquiry, Continuation]:
    its = inquiry(PLUGIN, {"prefix": 0.5, "suffix": 50, "targets": 1000, **params}, laid)
    question = its.puts[0].question()
    assert isinstance(question, Continuation)
    return its, question


def marked(its: Inquiry, tokens: NDArray[np.int32]) -> Marked:
    return its.mark([(Continuations(of="greedy", tokens=tokens),)])


def value(marked: Marked, name: str, of: str = "greedy") -> float:
    return next(one.value for one in marked.measurements if (one.name, one.of) == (name, of))


def lengths_of(laid: Bench) -> NDArray[np.int64]:
    """Of the members and the non-members."""
    assert laid.scores is not None
    return laid.scores.model.lengths[: len(laid.case.members) + len(laid.case.non_members or ())]


def test_a_share_of_each_text_or_so_many_tokens_are_known() -> None:
    laid = bench()
    its, question = asked(laid)
    lengths = lengths_of(laid)
    ends = its.puts[0].key
    assert len(question.prefixes) == (lengths >= 2).sum()
    assert sorted(len(prefix) for prefix in question.prefixes) == sorted(np.maximum(1, lengths[lengths >= 2] // 2))
    assert (ends.known + ends.asked == ends.scores.lengths).all()
    its, question = asked(laid, prefix=5, suffix=3)
    assert {len(prefix) for prefix in question.prefixes} == {5}
    assert question.length == 3
    assert len(question.prefixes) == (lengths > 5).sum()


def test_texts_too_short_to_be_cut_are_counted() -> None:
    laid = bench()
    its, _ = asked(laid)
    short = int((lengths_of(laid) < 2).sum())
    assert short
    assert [(one.code, one.args) for one in its.caveats] == [("texts-too-short", {"count": short})]


def test_the_question_holds_no_end_of_a_text() -> None:
    its, question = asked(bench())
    ends = its.puts[0].key
    begin = ends.scores.starts[:-1]
    for prefix, start, known in zip(question.prefixes, begin, ends.known, strict=True):
        assert list(prefix) == ends.scores.token[start : start + known].tolist()


def test_who_recites_members_is_found_and_who_says_the_same_of_everybody_is_not() -> None:
    for leak in ("leaky", "innocent"):
        its, question = asked(bench(leak))
        told = marked(its, Reciter(leak).complete(question.prefixes, question.length))
        evidence = {one.name: one.evidence for one in told.measurements if one.of == "greedy"}
        excess = evidence["extraction_excess"]
        assert isinstance(excess, Excess)
        assert (excess.bounds(0.999).low > 0) == (leak == "leaky")
        if leak == "leaky":
            assert excess.k1 == excess.n1
            assert excess.k0 < 0.2 * excess.n0
            assert value(told, "ngram_share_excess") > 0.7


def test_the_truth_of_everybody_is_no_leak() -> None:
    """An attacker who tells every end, of members and of others, shows that ends can be guessed and no more."""
    its, _ = asked(bench("leaky"))
    told = marked(its, its.puts[0].key.truth)
    assert value(told, "extraction_excess") == 0.0
    assert value(told, "near_extraction_excess") == 0.0
    names = {one.name for one in told.measurements}
    assert not names & {"rouge_l_excess", "bleu_excess"}  # all alike: nothing varies


def test_the_first_tokens_count_where_less_is_asked_for_than_is_left() -> None:
    its, question = asked(bench("leaky"), suffix=2)
    told = Reciter("leaky").complete(question.prefixes, 2)
    assert value(marked(its, told), "extraction_excess") > 0.8
    told[:, 1] += 1
    assert value(marked(its, told), "extraction_excess") < 0.1


def test_reproduction_goes_with_perplexity_where_it_does() -> None:
    its, _question = asked(bench("leaky", texts=400))
    ends = its.puts[0].key
    guess = ends.truth.copy()
    # Whoever is more predictable is reproduced: half of the members by perplexity under the model.
    likelihood = ends.scores.totals(ends.scores.log_prob) / ends.scores.lengths
    guess[likelihood < np.median(likelihood[ends.pool.member])] = -1
    told = marked(its, guess)
    assert value(told, "reproduction_by_perplexity", "model") > 0.7
    assert abs(value(told, "reproduction_by_perplexity", "base")) < value(told, "reproduction_by_perplexity", "model")
    groups = next(one for one in told.details if one.of == "reproduction-model")
    assert len(groups.means) == 5
    assert groups.means[0] > 0.9
    assert groups.means[-1] < 0.1
    assert groups.n > 10  # type: ignore[union-attr]


def test_few_members_give_no_groups() -> None:
    its, _ = asked(bench("leaky", texts=40))
    assert marked(its, its.puts[0].key.truth).details == ()


def test_what_a_hundred_samples_show_follows_from_the_log_probabilities() -> None:
    its, _ = asked(bench("leaky"))
    ends = its.puts[0].key
    log_p = ends.log_prob("log_prob")
    begin = ends.scores.starts[:-1] + ends.known
    expected = [
        ends.scores.log_prob[start : start + size].astype(float).sum()
        for start, size in zip(begin, ends.asked, strict=True)
    ]
    assert log_p == pytest.approx(expected, rel=1e-6)
    found = 1 - (1 - np.exp(log_p)) ** 100 >= 0.5
    member = ends.pool.member
    told = marked(its, ends.truth)
    assert value(told, "discoverable_excess", "temperature-1") == pytest.approx(
        found[member].mean() - found[~member].mean()
    )


def test_a_mean_is_given_with_its_error() -> None:
    its, question = asked(bench("leaky"))
    told = marked(its, Reciter("leaky").complete(question.prefixes, question.length))
    evidence = next(one.evidence for one in told.measurements if one.name == "rouge_l_excess")
    assert isinstance(evidence, Mean)
    assert evidence.se > 0
    assert evidence.df > 100
