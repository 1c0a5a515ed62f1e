"""Makes the table of `patient-visits.yaml`: first visits to a made-up hospital in Yokohama, one row a patient.

    python examples/make_patient_visits.py examples

Nobody in it exists. Names are drawn from common surnames and given names, addresses from municipalities with a block
number; ages, departments, diagnoses and costs go together as they roughly do in an outpatient clinic, by rates written
down here and taken from no data. The same seed gives the same bytes.
"""

import argparse
import csv
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

ROWS = 6_000
SEED = 20_260_401
FILE = "patient-visits.csv"
HEADER = (
    *("patient_id", "full_name", "address", "birth_date", "sex"),
    *("department", "icd10_code", "visit_date", "age", "cost"),
)
FIRST_DAY, DAYS = date(2026, 1, 5), 84

SURNAMES = (
    *("佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤"),
    *("吉田", "山田", "佐々木", "山口", "松本", "井上", "木村", "林", "斎藤", "清水"),
    *("山崎", "森", "池田", "橋本", "阿部", "石川", "山下", "中島", "石井", "小川"),
    *("前田", "岡田", "長谷川", "藤田", "後藤", "近藤", "村上", "遠藤", "青木", "坂本"),
)
GIVEN_NAMES = {
    "女": (
        *("陽子", "恵子", "由美子", "久美子", "裕子", "明美", "真由美", "智子", "幸子", "美咲"),
        *("愛", "彩", "葵", "結衣", "さくら", "凛", "千代子", "和子", "節子", "文子"),
    ),
    "男": (
        *("誠", "健一", "隆", "浩", "茂", "修", "豊", "学", "大輔", "翔太"),
        *("拓也", "健太", "蓮", "陽翔", "湊", "清", "勇", "正", "進", "博"),
    ),
}
MUNICIPALITIES = {
    "神奈川県": ("横浜市西区", "横浜市鶴見区", "横浜市港北区", "川崎市幸区", "川崎市中原区", "藤沢市", "鎌倉市"),
    "東京都": ("大田区", "品川区", "世田谷区", "町田市", "目黒区"),
    "埼玉県": ("さいたま市浦和区", "川口市"),
    "千葉県": ("船橋市", "市川市"),
    "静岡県": ("熱海市", "沼津市"),
    "山梨県": ("甲府市",),
    "大阪府": ("吹田市",),
    "北海道": ("札幌市中央区",),
    "沖縄県": ("那覇市",),
}
SHARES = (0.68, 0.19, 0.04, 0.035, 0.03, 0.015, 0.006, 0.003, 0.001)
"""Of the prefectures, in their order: most patients live near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """A code of ICD-10 and who comes with it.

    Attributes:
        weight: Relative to the other codes.
        age: Mean and standard deviation, in years.
        women: Share.
        cost: Median, in yen.
    """

    code: str
    department: str
    weight: float
    age: tuple[float, float]
    women: float
    cost: float


DIAGNOSES = tuple(
    Diagnosis(code=code, department=department, weight=weight, age=(mean, spread), women=women, cost=cost)
    for code, department, weight, mean, spread, women, cost in (
        ("I10", "内科", 14, 66, 12, 0.50, 9_000),
        ("E11", "内科", 9, 64, 12, 0.42, 14_000),
        ("E78", "内科", 8, 60, 12, 0.55, 9_500),
        ("J06", "内科", 10, 34, 22, 0.52, 5_500),
        ("J45", "内科", 6, 38, 22, 0.54, 11_000),
        ("K29", "内科", 6, 52, 17, 0.53, 16_000),
        ("F32", "精神科", 6, 43, 15, 0.61, 7_500),
        ("F41", "精神科", 4, 39, 14, 0.63, 7_000),
        ("M54", "整形外科", 9, 55, 17, 0.51, 8_000),
        ("M17", "整形外科", 6, 70, 9, 0.71, 12_000),
        ("S52", "整形外科", 3, 40, 27, 0.52, 38_000),
        ("H25", "眼科", 6, 73, 8, 0.57, 21_000),
        ("H10", "眼科", 4, 31, 21, 0.53, 4_500),
        ("L20", "皮膚科", 5, 24, 17, 0.52, 6_000),
        ("B35", "皮膚科", 2, 53, 17, 0.41, 5_000),
        ("N30", "泌尿器科", 2, 50, 19, 0.84, 7_000),
        ("C50", "乳腺外科", 1.2, 60, 12, 0.99, 95_000),
        ("B20", "感染症科", 0.4, 43, 11, 0.08, 120_000),
    )
)


def visits(rows: int, seed: int) -> list[tuple[str, ...]]:
    """The rows, in the order of their visits."""
    rng = np.random.default_rng(seed)
    weights = np.array([each.weight for each in DIAGNOSES])
    kinds = rng.choice(len(DIAGNOSES), rows, p=weights / weights.sum())
    days = np.sort(rng.integers(DAYS, size=rows))
    numbers = rng.choice(np.arange(100_000, 1_000_000), rows, replace=False)
    return [
        _visit(DIAGNOSES[kind], FIRST_DAY + timedelta(days=int(day)), int(number), rng)
        for kind, day, number in zip(kinds, days, numbers, strict=True)
    ]


def _visit(diagnosis: Diagnosis, day: date, number: int, rng: np.random.Generator) -> tuple[str, ...]:
    sex = "女" if rng.random() < diagnosis.women else "男"
    years = float(np.clip(rng.normal(*diagnosis.age), 0.1, 99.0))
    born = day - timedelta(days=round(365.25 * years))
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    cost = 10 * round(diagnosis.cost * float(rng.lognormal(0, 0.35)) / 10)
    name = f"{rng.choice(SURNAMES)} {rng.choice(GIVEN_NAMES[sex])}"
    return (
        *(f"P{number}", name, _address(rng), born.isoformat(), sex),
        *(diagnosis.department, diagnosis.code, day.isoformat(), str(age), str(min(cost, 500_000))),
    )


def _address(rng: np.random.Generator) -> str:
    prefecture = str(rng.choice(list(MUNICIPALITIES), p=SHARES))
    municipality = rng.choice(MUNICIPALITIES[prefecture])
    return f"{prefecture}{municipality}{rng.integers(1, 6)}丁目{rng.integers(1, 31)}番{rng.integers(1, 21)}号"


def main() -> None:
    """Writes the table into the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    with (asked.folder / FILE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(visits(asked.rows, asked.seed))


if __name__ == "__main__":
    main()
