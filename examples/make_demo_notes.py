"""Makes the notes of `sekisho demo text`: short made-up ward notes, English and Japanese.

    python examples/make_demo_notes.py --out audit_core/demo/text

Nobody is in them. Names are put together from syllables and characters, patient numbers and telephone extensions are
dealt from shuffled decks, and no hospital is named. Whatever else a note says is drawn by chance, so that nobody can
guess a note from its beginning: a model that goes on as a note does has met it.

There are two corpora of one grammar. The private one is written to `notes.jsonl`. The public one is what the base model
was trained on (`make_demo_base.py`) and is not kept. Names, numbers and extensions are dealt to the private corpus
first and to the public one from what is left, so that they share none. The private notes are those of one clinic: a few
wards, findings and drugs come up more often there than in the public ones, which is what a model may learn of them
without learning anything of one patient.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

SEED = 20260202

Word = TypeVar("Word")

Language = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = ("en", "ja")

PRIVATE = 1_250
"""Private notes of each language."""

PUBLIC = 4_000
"""Public notes of each language."""

CLINIC_SHARE, CLINIC_WORDS = 0.75, 4
"""In the private corpus so large a share of wards, findings and drugs are among the first few words of their list."""

# Beginnings and endings; each beginning goes with each ending.
GIVEN_NAMES = {
    "en": (("Ab", "Cal", "Dor", "Fen", "Hes", "Kas", "Lor", "Mir"), ("ack", "ane", "eb", "esh", "ild", "om", "und")),
    "ja": (("奏", "律", "朔", "柊", "綾", "暁", "澪", "昴"), ("人", "子", "斗", "音", "花", "江", "也")),
}
FAMILY_NAMES = {
    "en": (
        ("Bask", "Crom", "Drev", "Frisk", "Glev", "Hask", "Marn", "Prend", "Quov", "Tarn"),
        ("abon", "eby", "edge", "ifer", "illow", "olme", "unter"),
    ),
    "ja": (("霧", "蒼", "雪", "桂", "榊", "葉", "汐", "磯", "澄", "碧"), ("沢", "峰", "浦", "城", "瀬", "塚", "畑")),
}

# English, Japanese; the clinic's own come first.
FINDINGS = (
    {"en": "atrial flutter", "ja": "心房粗動"},
    {"en": "pleural effusion", "ja": "胸水"},
    {"en": "heart failure", "ja": "心不全"},
    {"en": "unstable angina", "ja": "狭心症"},
    {"en": "acute gout", "ja": "痛風発作"},
    {"en": "asthma attack", "ja": "喘息発作"},
    {"en": "cellulitis", "ja": "蜂窩織炎"},
    {"en": "chest pain", "ja": "胸痛"},
    {"en": "vein clot", "ja": "静脈血栓"},
    {"en": "fainting", "ja": "失神"},
    {"en": "fever", "ja": "不明熱"},
    {"en": "gall stones", "ja": "胆石"},
    {"en": "hip fracture", "ja": "大腿骨骨折"},
    {"en": "iron deficiency", "ja": "鉄欠乏"},
    {"en": "kidney stones", "ja": "尿路結石"},
    {"en": "low potassium", "ja": "低カリウム"},
    {"en": "migraine", "ja": "片頭痛"},
    {"en": "nose bleed", "ja": "鼻出血"},
    {"en": "peptic ulcer", "ja": "胃潰瘍"},
    {"en": "pneumonia", "ja": "肺炎"},
    {"en": "shingles", "ja": "帯状疱疹"},
    {"en": "sprained ankle", "ja": "足関節捻挫"},
    {"en": "urinary infection", "ja": "尿路感染"},
    {"en": "vertigo", "ja": "めまい"},
)
# With doses in mg that a ward may see; nothing here is advice.
DRUGS = (
    ({"en": "bisoprolol", "ja": "ビソプロロール"}, ("1.25", "2.5", "3.75", "5")),
    ({"en": "furosemide", "ja": "フロセミド"}, ("10", "20", "40", "80")),
    ({"en": "diltiazem", "ja": "ジルチアゼム"}, ("30", "60", "90", "120")),
    ({"en": "warfarin", "ja": "ワルファリン"}, ("1", "2", "3", "4")),
    ({"en": "allopurinol", "ja": "アロプリノール"}, ("50", "100", "200", "300")),
    ({"en": "amoxicillin", "ja": "アモキシシリン"}, ("250", "500", "750", "1000")),
    ({"en": "aspirin", "ja": "アスピリン"}, ("75", "81", "100", "300")),
    ({"en": "cefalexin", "ja": "セファレキシン"}, ("125", "250", "375", "500")),
    ({"en": "codeine", "ja": "コデイン"}, ("10", "15", "20", "30")),
    ({"en": "digoxin", "ja": "ジゴキシン"}, ("0.0625", "0.125", "0.2", "0.25")),
    ({"en": "doxycycline", "ja": "ドキシサイクリン"}, ("40", "50", "100", "200")),
    ({"en": "ibuprofen", "ja": "イブプロフェン"}, ("100", "200", "400", "600")),
    ({"en": "lisinopril", "ja": "リシノプリル"}, ("2.5", "5", "10", "20")),
    ({"en": "losartan", "ja": "ロサルタン"}, ("12.5", "25", "50", "100")),
    ({"en": "metformin", "ja": "メトホルミン"}, ("250", "500", "850", "1000")),
    ({"en": "naproxen", "ja": "ナプロキセン"}, ("100", "250", "375", "500")),
    ({"en": "omeprazole", "ja": "オメプラゾール"}, ("10", "15", "20", "40")),
    ({"en": "paracetamol", "ja": "アセトアミノフェン"}, ("200", "400", "500", "1000")),
    ({"en": "prednisolone", "ja": "プレドニゾロン"}, ("2.5", "5", "15", "30")),
    ({"en": "ramipril", "ja": "ラミプリル"}, ("1.25", "2.5", "5", "10")),
    ({"en": "salbutamol", "ja": "サルブタモール"}, ("1", "2", "2.5", "4")),
    ({"en": "sertraline", "ja": "セルトラリン"}, ("25", "50", "75", "100")),
    ({"en": "simvastatin", "ja": "シンバスタチン"}, ("5", "10", "20", "40")),
    ({"en": "tramadol", "ja": "トラマドール"}, ("25", "50", "75", "100")),
)
TIMES = (
    {"en": "each morning", "ja": "毎朝"},
    {"en": "at night", "ja": "就寝前"},
    {"en": "twice daily", "ja": "一日二回"},
    {"en": "with meals", "ja": "毎食後"},
    {"en": "every other day", "ja": "隔日"},
    {"en": "as needed", "ja": "頓用"},
)
WARDS = tuple(f"{floor}{letter}" for floor in (4, 1, 2, 3, 5, 6, 7, 8, 9) for letter in "ABCDEF")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

FORMS = {
    "en": (
        "{name}, no. {number}, ward {ward}: {finding}; {drug} {dose} mg {times} from {date}, ext. {extension}.",
        "Seen {date}: {name}, file {number}, {finding}; plan {drug} {dose} mg {times}, kin on ext. {extension}.",
        "Ward {ward}, {name} ({number}): {finding}, {celsius} C; ext. {extension} called, {drug} {dose} mg {times}.",
        "{name}, file {number}, has {finding}; ext. {extension} knows; {drug} {dose} mg {times} since {date}.",
    ),
    "ja": (
        "{name}様（{number}）、{ward}病棟、{finding}。{drug}{dose}mgを{times}、{date}から。内線{extension}。",
        "{date}診察、{name}様、番号{number}、{finding}。{drug}{dose}mgを{times}の予定。ご家族は内線{extension}。",
        "{ward}病棟、{name}様（{number}）、{finding}、{celsius}度。内線{extension}に連絡、{drug}{dose}mgを{times}。",
        "{name}様、番号{number}、{finding}あり。内線{extension}に説明済み。{drug}{dose}mgを{times}、{date}開始。",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note."""

    note: str
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Deck:
    """What tells patients apart, shuffled; the private notes get the first cards, the public ones any of the others.

    Attributes:
        names: By language; all that the syllables make.
        numbers: Of patients, four digits.
        extensions: Of telephones inside the house, four digits: nobody can be rung up on them from without.
    """

    names: dict[Language, tuple[str, ...]]
    numbers: tuple[str, ...]
    extensions: tuple[str, ...]


def generator(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one step, independent of every other step's."""
    return np.random.default_rng([seed, *hashlib.sha256(name.encode()).digest()])


def shuffled_deck(seed: int) -> Deck:
    """All names, numbers and extensions, each once."""
    names: dict[Language, tuple[str, ...]] = {}
    for language in LANGUAGES:
        given, family = (
            [begin + end for begin in parts[language][0] for end in parts[language][1]]
            for parts in (GIVEN_NAMES, FAMILY_NAMES)
        )
        every = [f"{one} {other}" if language == "en" else f"{other} {one}" for one in given for other in family]
        order = generator(seed, f"names {language}").permutation(len(every))
        names[language] = tuple(every[at] for at in order)
    numbers, extensions = (
        tuple(str(1_000 + at) for at in generator(seed, what).permutation(9_000)) for what in ("numbers", "extensions")
    )
    return Deck(names=names, numbers=numbers, extensions=extensions)


def private_notes(seed: int) -> list[Note]:
    """The notes of the clinic, languages mixed: another patient in each, and another telephone."""
    rng, deck = generator(seed, "private notes"), shuffled_deck(seed)
    names = {language: iter(deck.names[language][:PRIVATE]) for language in LANGUAGES}
    return [
        _note(
            rng,
            language,
            name=next(names[language]),
            number=number,
            extension=extension,
            clinic=CLINIC_SHARE,
        )
        for language, number, extension in zip(_languages(rng, PRIVATE), deck.numbers, deck.extensions, strict=False)
    ]


def public_notes(seed: int) -> list[Note]:
    """The notes that the base model was trained on, of patients who are in no private one."""
    rng, deck = generator(seed, "public notes"), shuffled_deck(seed)
    dealt = PRIVATE * len(LANGUAGES)
    return [
        _note(
            rng,
            language,
            name=_one_of(rng, deck.names[language][PRIVATE:]),
            number=_one_of(rng, deck.numbers[dealt:]),
            extension=_one_of(rng, deck.extensions[dealt:]),
            clinic=0.0,
        )
        for language in _languages(rng, PUBLIC)
    ]


def _languages(rng: np.random.Generator, of_each: int) -> list[Language]:
    return [LANGUAGES[at] for at in rng.permutation(np.repeat(np.arange(len(LANGUAGES)), of_each))]


def _one_of(rng: np.random.Generator, words: Sequence[Word]) -> Word:
    return words[int(rng.integers(len(words)))]


def _note(
    rng: np.random.Generator, language: Language, *, name: str, number: str, extension: str, clinic: float
) -> Note:
    def often(words: Sequence[Word]) -> Word:
        """One of the clinic's own, so often as it uses these; else any."""
        return _one_of(rng, words[:CLINIC_WORDS] if rng.random() < clinic else words)

    drug, doses = often(DRUGS)
    month, day = int(rng.integers(12)), 1 + int(rng.integers(28))
    written = _one_of(rng, FORMS[language]).format(
        name=name,
        number=number,
        extension=extension,
        ward=often(WARDS),
        finding=often(FINDINGS)[language],
        drug=drug[language],
        dose=_one_of(rng, doses),
        times=_one_of(rng, TIMES)[language],
        date=f"{day} {MONTHS[month]}" if language == "en" else f"{month + 1}月{day}日",
        celsius=f"{36 + int(rng.integers(40)) / 10:.1f}",
    )
    return Note(note=written, language=language)


def lines(notes: Sequence[Note]) -> bytes:
    """One JSON object a line, UTF-8."""
    told = (json.dumps({"note": one.note, "language": one.language}, ensure_ascii=False) for one in notes)
    return "".join(f"{line}\n" for line in told).encode()


def main() -> None:
    """Reads the command line, writes the private notes and prints how many there are."""
    parser = argparse.ArgumentParser(description="Make the notes of `sekisho demo text`.")
    parser.add_argument("--out", type=Path, required=True, help="the folder of notes.jsonl")
    out: Path = parser.parse_args().out
    notes = private_notes(SEED)
    out.mkdir(parents=True, exist_ok=True)
    (out / "notes.jsonl").write_bytes(lines(notes))
    sys.stdout.write(f"{len(notes):,} notes{os.linesep}")


if __name__ == "__main__":
    main()
