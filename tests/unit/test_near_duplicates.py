"""Near-duplicates: planted ones at several similarities are found, none among unrelated texts, none made up."""

import time

import numpy as np
import pytest

from audit_core.language.near_duplicates import GRAM, NearDuplicates, near_duplicates
from audit_core.tables import normal_form


def words(rng: np.random.Generator, n: int = 3000) -> list[str]:
    letters = list("abcdefghijklmnopqrstuvwxyz")
    return ["".join(rng.choice(letters, length)) for length in rng.integers(2, 10, n)]


def notes(rng: np.random.Generator, n: int, length: int = 36) -> list[str]:
    vocabulary = words(rng)
    return [" ".join(rng.choice(vocabulary, length)) for _ in range(n)]


def grams(text: str) -> set[str]:
    plain = " ".join(normal_form(text).split())
    return {plain[at : at + GRAM] for at in range(max(1, len(plain) - GRAM + 1))}


def jaccard(one: str, other: str) -> float:
    return len(grams(one) & grams(other)) / len(grams(one) | grams(other))


def changed(text: str, times: int, rng: np.random.Generator) -> str:
    """The text with so many of its words, in a row and so close together, replaced."""
    its = text.split()
    at = int(rng.integers(len(its) - times))
    its[at : at + times] = words(rng, times)
    return " ".join(its)


def partition(found: NearDuplicates, left: list[int], right: list[int]) -> set[frozenset[int]]:
    """The clusters as sets of the texts' numbers."""
    ids = np.concatenate([found.left_cluster, found.right_cluster])
    numbers = np.array(left + right)
    return {frozenset(numbers[ids == each].tolist()) for each in np.unique(ids)}


def test_unrelated_texts_are_no_near_duplicates() -> None:
    rng = np.random.default_rng(1)
    found = near_duplicates(notes(rng, 400), notes(rng, 300))
    assert not found.left.any()
    assert not found.right.any()
    assert len(np.unique(np.concatenate([found.left_cluster, found.right_cluster]))) == 700


@pytest.mark.parametrize("similar", [0.5, 0.65, 0.8, 0.9])
def test_planted_texts_are_found_from_the_similarity_on_that_is_asked_for(similar: float) -> None:
    rng = np.random.default_rng(2)
    left = notes(rng, 200)
    right = [changed(text, 1 + number % 12, rng) for number, text in enumerate(left)]
    found = near_duplicates(left, right, similar=similar)
    wanted = np.array([jaccard(*pair) >= similar for pair in zip(left, right, strict=True)])
    assert 0 < wanted.sum() < 200
    assert np.array_equal(found.left, wanted)
    assert np.array_equal(found.right, wanted)
    assert np.array_equal(found.left_cluster[wanted], found.right_cluster[wanted])


def test_equal_texts_in_normal_form_belong_together_however_short() -> None:
    left = ["ＡＢＣ  def", "x", "", "日本語の　短い文です。", "another note about nobody at all"]
    right = ["abc def\n", "y", "  ", "日本語の 短い文です。", "no", "X"]
    found = near_duplicates(left, right)
    assert found.left.tolist() == [True, True, True, True, False]
    assert found.right.tolist() == [True, False, True, True, False, True]
    assert len(np.unique(np.concatenate([found.left_cluster, found.right_cluster]))) == 7


def test_japanese_texts_with_one_word_changed_are_near() -> None:
    text = (
        "患者は六十八歳の男性で、三日前から続く発熱と咳を主訴に当院の内科外来を受診し、胸部レントゲン検査で肺炎と"
        "診断された。入院のうえ抗菌薬の点滴を開始し、経過は良好で、七日目に退院した。"
    )
    other = text.replace("発熱", "頭痛")
    unlike = (
        "公園の桜が満開になり、近所の子どもたちが朝から集まって遊んでいる様子を、祖母は窓から楽しそうに眺めていた。"
    )
    assert jaccard(text, other) < 0.8, "in two sentences two characters are more than a fifth of the grams"
    found = near_duplicates([text], [other, unlike], similar=0.5)
    assert found.right.tolist() == [True, False]


def test_a_chain_is_one_cluster_for_folds_and_both_lists_count() -> None:
    rng = np.random.default_rng(3)
    (first,) = notes(rng, 1, 60)
    second = changed(first, 2, rng)
    third = changed(second, 2, rng)
    similar = min(jaccard(first, second), jaccard(second, third)) - 0.001
    assert jaccard(first, third) < similar
    (alone,) = notes(rng, 1)
    found = near_duplicates([first, second, alone], [third], similar=similar)
    assert found.left.tolist() == [True, True, False], "the first by way of the second"
    assert len(set(found.left_cluster[:2]) | set(found.right_cluster)) == 1
    within = near_duplicates([first, second, alone], ["something else entirely"], similar=similar)
    assert not within.left.any(), "near-duplicates within a list do not overlap with the other"
    assert within.left_cluster[0] == within.left_cluster[1] != within.left_cluster[2]


def test_neither_order_nor_side_changes_who_belongs_together() -> None:
    rng = np.random.default_rng(4)
    texts = notes(rng, 60)
    texts += [changed(text, 1 + number % 4, rng) for number, text in enumerate(texts)]
    texts += [changed(text, 1, rng) for text in texts[60:90]]
    left, right = list(range(0, 150, 2)), list(range(1, 150, 2))

    def clusters(left: list[int], right: list[int]) -> set[frozenset[int]]:
        found = near_duplicates([texts[at] for at in left], [texts[at] for at in right])
        return partition(found, left, right)

    wanted = clusters(left, right)
    assert max(map(len, wanted)) > 2
    assert clusters(right, left) == wanted
    assert clusters(rng.permutation(left).tolist(), rng.permutation(right).tolist()) == wanted
    assert clusters([], left + right) == wanted


def test_no_texts_and_wrong_similarities() -> None:
    found = near_duplicates([], [])
    assert len(found.left) == len(found.right_cluster) == 0
    for similar in (0.3, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between"):
            near_duplicates(["a"], ["b"], similar=similar)


def test_many_copies_and_many_look_alikes_take_seconds() -> None:
    rng = np.random.default_rng(5)
    (text,) = notes(rng, 1)
    copies = [changed(text, 1, rng) for _ in range(1000)]
    form = "Admitted to ward {} with {} and {}; treated with {}, {} and {}, and sent home {} days later in good health."
    vocabulary = words(rng)
    forms = [form.format(rng.integers(99), *rng.choice(vocabulary, 5), rng.integers(30)) for _ in range(1000)]
    start = time.process_time()
    found = near_duplicates(copies, forms)
    assert time.process_time() - start < 10  # half a second on a quiet machine
    assert not found.left.any()
    assert len(np.unique(found.left_cluster)) < 10
