"""Members told from non-members without the release: not by chance, not by meeting a person twice."""

from dataclasses import replace

import numpy as np

from audit_core.bench import Setting, lay_out
from audit_core.blind_baseline import blind_baseline
from audit_core.cache import Cache
from audit_core.case import Case
from audit_core.isolation import Limits
from audit_core.language.made_up_models import made_up_model
from audit_core.measurement import Measurement
from audit_core.registry import Registry
from audit_core.tables import Table, read_only
from audit_core.testing import made_up_case


def measured(case: Case) -> Measurement:
    setting = Setting(seed=0, content="test", limits=Limits(), confidence=0.95)
    (found,) = blind_baseline(lay_out(case, setting, Registry(), [], Cache()))
    return found


def test_two_samples_of_one_population_cannot_be_told_apart() -> None:
    found = measured(made_up_case("innocent", rows=800))
    # The classifier's AUC on people it was not fitted to has standard error sqrt(1/12 (1/800 + 1/800)) = 0.0144 at
    # 0.5; beyond 4.4 of them lies less than 1e-5.
    assert abs(found.value - 0.5) < 4.4 * 0.0144
    assert found.evidence.bounds(0.95).low <= 0.55


def test_a_leaky_release_is_not_looked_at() -> None:
    innocent, leaky = (measured(made_up_case(leak, rows=400)) for leak in ("innocent", "leaky"))  # type: ignore[arg-type]
    assert innocent == leaky


def test_arms_that_differ_are_told_apart() -> None:
    case = made_up_case("innocent", rows=800)
    assert case.non_members is not None
    old = case.non_members.numbers("age") > 45
    shifted = replace(case, non_members=case.non_members.take(old))
    assert measured(shifted).evidence.bounds(0.95).low > 0.6


def test_rows_of_one_person_in_several_folds_would_give_the_person_away() -> None:
    """Each person has one value of their own, so a classifier that has met them knows them; by persons it does not."""
    rng = np.random.default_rng(1)
    case = made_up_case("innocent", rows=600)
    people = np.repeat(np.arange(100), 6)

    def own(table: Table) -> Table:
        codes = table.codes.copy()
        for position in (0, 1):
            codes[:, position] = rng.integers(0, len(table.columns[position].values), 100)[people]
        return Table(columns=table.columns, codes=read_only(codes))

    assert case.non_members is not None
    case = replace(case, members=own(case.members), non_members=own(case.non_members))
    by_row = measured(case)
    by_person = measured(
        replace(case, member_subjects=people, non_member_subjects=people + 100, unit="person", name="by person")
    )
    assert by_row.evidence.bounds(0.95).low > 0.55
    assert by_person.evidence.bounds(0.95).low <= 0.55


def test_a_running_number_tells_people_apart_and_not_the_arms() -> None:
    case = made_up_case("innocent", rows=300)
    assert case.non_members is not None

    def numbered(table: Table, start: int) -> Table:
        codes = table.codes.copy()
        codes[:, 1] = np.arange(start, start + len(table))
        return Table(columns=columns, codes=read_only(codes))

    income = replace(case.members.columns[1], kind="integer", values=np.arange(600.0))
    columns = (case.members.columns[0], income, *case.members.columns[2:])
    case = replace(case, members=numbered(case.members, 0), non_members=numbered(case.non_members, 300))
    assert case.singular == (income.name,)
    assert measured(case).evidence.bounds(0.95).low <= 0.55


def test_too_few_people_settle_nothing() -> None:
    setting = Setting(seed=0, content="test", limits=Limits(), confidence=0.95)
    few = made_up_case("innocent", rows=9)
    assert not blind_baseline(lay_out(few, setting, Registry(), [], Cache()))
    alone = replace(made_up_case("innocent", rows=50), non_members=None)
    assert not blind_baseline(lay_out(alone, setting, Registry(), [], Cache()))


def test_texts_of_two_kinds_are_told_apart_by_words_and_those_of_one_kind_are_not() -> None:
    for leak, apart in (("innocent", False), ("leaky", True)):
        made = made_up_model(leak, texts=300, length=40)
        setting = Setting(seed=0, content=leak, limits=Limits(), confidence=0.95)
        found = blind_baseline(lay_out(made.case, setting, Registry(), [], Cache(), scores=made.scores))
        assert {one.of for one in found} == {"words", "surface"}
        # Members' words follow from each other in the leaky case, so pairs of words tell.
        words = next(one for one in found if one.of == "words")
        assert (words.evidence.bounds(0.95).low > 0.55) == apart
