"""The case of a language model: whose texts count, which are left out and counted, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from audit_core import exchange
from audit_core.case import most_rows, private_rows
from audit_core.errors import InputError
from audit_core.language.model_pass import texts_of_case
from audit_core.language.text_case import prepare_texts
from audit_core.recipe import Recipe, load_recipe, recipe_yaml
from audit_core.sources import read_sources

WORDS = np.random.default_rng(5).permutation(
    [f"{a}{b}{c}" for a in "bdgklmnprst" for b in "aeiou" for c in "dgklmnprst"]
)


def sentence(number: int) -> str:
    return " ".join(np.random.default_rng(number).choice(WORDS, 12))


def recipe(
    tmp_path: Path, members: list[dict[str, object]], others: list[dict[str, object]] | None, more: str = ""
) -> Recipe:
    (tmp_path / "base").mkdir(exist_ok=True)
    for name, rows in (("members", members), ("others", others)):
        if rows is not None:
            (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    other = "non_members: {split: 0.5}" if others is None else "non_members: others.jsonl"
    text = (
        "audit: a\nrelease: {model: {base: ./base, train: lora, params: {rank: 2}}}\n"
        f"members: members.jsonl\n{other}\ntext: note\n{more}\n"
    )
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    return load_recipe(tmp_path / "recipe.yaml")


def notes(*numbers: int, **more: object) -> list[dict[str, object]]:
    return [{"note": sentence(number), **more} for number in numbers]


def test_texts_become_a_table_of_targets_and_a_list_to_train_on(tmp_path: Path) -> None:
    its = prepare_texts(asked := recipe(tmp_path, notes(*range(6)), notes(*range(10, 14))), read_sources(asked))
    assert its.case.members.names == ("text",)
    assert sorted(one.text for one in its.trained) == sorted(sentence(number) for number in range(6))
    assert [one.text for one in texts_of_case(its.case)][:6] == list(its.case.members.texts("text"))
    assert (len(its.case.members), len(its.case.non_members or ()), len(its.case.release)) == (6, 4, 0)
    assert its.case.unit == "row"


def test_a_prompt_stands_before_its_text_and_is_no_part_of_it(tmp_path: Path) -> None:
    rows = notes(*range(4), label="asthma")
    its = prepare_texts(
        asked := recipe(tmp_path, rows, notes(7, 8, label="fever"), "prompt: label"), read_sources(asked)
    )
    assert {one.prompt for one in its.trained} == {"asthma"}
    assert {one.prompt for one in texts_of_case(its.case)} == {"asthma", "fever"}


def test_nothing_is_left_out_without_being_counted(tmp_path: Path) -> None:
    twice, alike = sentence(1), sentence(2)
    members = [
        *(
            {"note": text}
            for text in (twice, twice, alike, sentence(3), "", "   ", "A\u030angstro\u0308m " + sentence(4))
        ),
        {"other": "no text at all"},
    ]
    others = [{"note": text} for text in (alike + "!", sentence(20), sentence(21).upper(), sentence(21))]
    its = prepare_texts(asked := recipe(tmp_path, members, others), read_sources(asked))
    inside, outside = its.case.texts["members"], its.case.texts["non_members"]
    assert (inside.records, inside.empty, inside.duplicated) == (8, 3, 1)
    assert (inside.near_other_side, outside.near_other_side) == (1, 1)
    assert (inside.other_normal_form, outside.equal_but_for_form) == (1, 2)
    # Both sides lose alike; the model still learns what is no target.
    assert alike not in its.case.members.texts("text")
    assert alike + "!" not in its.case.non_members.texts("text")
    assert alike in {one.text for one in its.trained}
    assert "" not in {one.text for one in its.trained}


def test_members_rows_are_those_of_the_file(tmp_path: Path) -> None:
    rows = [{"note": ""}, *notes(*range(40))]
    asked = recipe(tmp_path, rows, None)
    its = prepare_texts(asked, read_sources(asked))
    written = [row["note"] for row in rows]
    assert [written[row - 1] for row in its.case.member_rows] == list(its.case.members.texts("text"))
    assert its.case.p_in == 0.5
    assert len(its.case.members) + len(its.case.non_members or ()) == 40


def test_a_promise_is_held_against_all_texts_of_a_person_not_only_those_attacked(tmp_path: Path) -> None:
    members = [*notes(1, 2, 3, who="a"), *notes(4, 5, who="b"), {"note": " ", "who": "b"}]
    others = notes(1, 2, who="c")
    its = prepare_texts(asked := recipe(tmp_path, members, others, "subject: who"), read_sources(asked))
    assert len(its.case.members) == 3
    exchange.write_case(tmp_path, its.case)
    for case in (its.case, exchange.read_case(tmp_path)):
        assert (private_rows(case), most_rows(case)) == (5, 3) == (len(its.trained), 3)


def test_the_texts_of_a_person_share_a_coin_and_no_person_is_on_both_sides(tmp_path: Path) -> None:
    rows = [{"note": sentence(number), "who": f"p{number // 3}"} for number in range(60)]
    its = prepare_texts(asked := recipe(tmp_path, rows, None, "subject: who"), read_sources(asked))
    case = its.case
    assert case.member_subjects is not None
    assert case.non_member_subjects is not None
    assert not set(case.member_subjects) & set(case.non_member_subjects)
    shared = [{"note": sentence(1), "who": "x"}], [{"note": sentence(2), "who": "x"}]
    with pytest.raises(InputError) as caught:
        prepare_texts(asked := recipe(tmp_path, *shared, "subject: who"), read_sources(asked))
    assert [problem.code for problem in caught.value.problems] == ["subjects-shared"]


@pytest.mark.parametrize(
    ("members", "code"), [([{"note": ""}, {"note": " "}], "texts-empty"), ([{"text": "a"}], "unknown-column")]
)
def test_files_without_texts_are_refused(tmp_path: Path, members: list[dict[str, object]], code: str) -> None:
    asked = recipe(tmp_path, members, notes(1, 2))
    with pytest.raises(InputError) as caught:
        prepare_texts(asked, read_sources(asked))
    assert code in {problem.code for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("more", "where", "says"),
    [
        ("columns: {note: {role: sensitive}}", "(columns)", "release of a table"),
        ("k_anonymity_min: 3", "(k_anonymity_min)", "release of a table"),
        ("prompt: note", "(text)", "one column"),
    ],
)
def test_what_is_said_of_tables_has_no_place_beside_a_model(tmp_path: Path, more: str, where: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        recipe(tmp_path, notes(1), notes(2), more)
    assert any(where in problem.where and says in problem.what for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("{train: lora}", "no base"),
        ("{base: ./base}", "neither or both"),
        ("{base: ./base, train: lora, load: ./m}", "neither or both"),
        ("{load: ./m, params: {rank: 1}}", "trained already"),
        ("{base: ./base, train: lora, ledger: l.json}", "yet to be trained"),
    ],
)
def test_a_model_is_trained_or_loaded(tmp_path: Path, model: str, says: str) -> None:
    (tmp_path / "r.yaml").write_text(f"audit: a\nrelease: {{model: {model}}}\nmembers: m.jsonl\ntext: t\n")
    with pytest.raises(InputError) as caught:
        load_recipe(tmp_path / "r.yaml")
    assert any(says in problem.what + problem.fix for problem in caught.value.problems)


def test_a_loaded_model_needs_non_members_that_were_set_aside_before(tmp_path: Path) -> None:
    text = "audit: a\nrelease: {model: {load: ./m}}\nmembers: m.jsonl\nnon_members: {split: 0.5}\ntext: t\n"
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_recipe(tmp_path / "r.yaml")
    assert "before these coins fall" in caught.value.problems[0].what


def test_the_resolved_recipe_says_all_of_a_model_and_no_path_of_the_machine(tmp_path: Path) -> None:
    said = recipe_yaml(recipe(tmp_path, notes(1), notes(2))).decode()
    assert "llm-finetune" in said
    assert 'base: "base"' in said
    assert str(tmp_path) not in said
