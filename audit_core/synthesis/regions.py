"""Addresses made coarse: each by the region it lies in, out of a public list.

An address is made coarse before a generator is fitted, so that the share of each region is learnt like that of any
category, under whatever guarantee the generator gives; the list itself is public and tells of nobody.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.errors import Problem, raise_all
from audit_core.reading.files import TextColumn, TextTable
from audit_core.reading.places import place
from audit_core.tables import MISSING, normal_form


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A level of a hierarchy of places.

    Attributes:
        locale: Of the addresses that it can be read from.
        names: All its regions, a public list. An address starts with one, after a postal code if it likes.
    """

    locale: str
    names: tuple[str, ...]


LEVELS: Mapping[str, Level] = {
    "prefecture": Level(
        locale="ja_JP",
        names=(
            *("北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県", "茨城県", "栃木県", "群馬県"),
            *("埼玉県", "千葉県", "東京都", "神奈川県", "新潟県", "富山県", "石川県", "福井県", "山梨県", "長野県"),
            *("岐阜県", "静岡県", "愛知県", "三重県", "滋賀県", "京都府", "大阪府", "兵庫県", "奈良県", "和歌山県"),
            *("鳥取県", "島根県", "岡山県", "広島県", "山口県", "徳島県", "香川県", "愛媛県", "高知県", "福岡県"),
            *("佐賀県", "長崎県", "熊本県", "大分県", "宮崎県", "鹿児島県", "沖縄県"),
        ),
    ),
}

_POSTAL_CODE = re.compile(r"〒?\s*[0-9]{3}-?[0-9]{4}\s*")


def region(address: str, level: Level) -> str | None:
    """The region an address starts with; None where it starts with none."""
    text = _POSTAL_CODE.sub("", normal_form(address), count=1).lstrip("〒 ")
    return next((name for name in level.names if text.startswith(name)), None)


def coarsened(file: TextTable, levels: Mapping[str, str]) -> TextTable:
    """The file with the regions of addresses instead of the addresses.

    Args:
        levels: By column, the name of a level; a column the file lacks is nothing to this.

    Raises:
        InputError: An address starts with no region; every column where that is so is named.
    """
    problems = []
    columns = dict(file.columns)
    for name, level in levels.items():
        if name not in columns:
            continue
        regions = [region(text, LEVELS[level]) for text in columns[name].texts.to_pylist()]
        unread = np.array([each is None for each in regions], dtype=bool)
        if unread.any():
            row, count = columns[name].first_row(unread)
            what = f"{count:,} of {file.n_rows:,} addresses do not start with a {level}; this row is the first"
            fix = f"Write the {level} before the rest, or leave the cell empty"
            where = place(file.label, name, row)
            problems.append(Problem(code="address-without-region", what=what, where=where, fix=fix))
            continue
        columns[name] = _recoded(columns[name], [each or "" for each in regions])
    raise_all(problems)
    return replace(file, columns=columns)


def _recoded(column: TextColumn, regions: list[str]) -> TextColumn:
    """The column with another text for each of its texts."""
    import pyarrow as pa

    distinct, position = np.unique(np.array(regions, dtype=object).astype(str), return_inverse=True)
    codes: NDArray[np.int32] = np.append(position.reshape(-1), MISSING).astype(np.int32)[column.codes]
    texts: Any = pa.array(distinct.tolist(), pa.string())
    return TextColumn(name=column.name, texts=texts, codes=codes)
