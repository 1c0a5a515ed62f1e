from pathlib import Path

import numpy as np
import pytest

from audit_core.cache import Cache, key, write_atomically
from audit_core.seeds import stream


def test_a_stream_depends_on_seed_and_name_only() -> None:
    first = stream(0, "attack", "membership", "0").integers(2**32, size=4)
    assert (first == stream(0, "attack", "membership", "0").integers(2**32, size=4)).all()
    for other in (stream(1, "attack", "membership", "0"), stream(0, "attack", "membership", "1"), stream(0, "attack")):
        assert (first != other.integers(2**32, size=4)).any()


def test_keys_differ_where_anything_differs() -> None:
    assert key("a", 1, {"b": 2, "c": 3}) == key("a", 1, {"c": 3, "b": 2})
    assert len({key("a", 1), key("a", 2), key("b", 1), key("a", "1"), key("a1")}) == 5


def test_a_damaged_entry_is_none(tmp_path: Path) -> None:
    Cache(tmp_path).keep_arrays("x", {"a": np.arange(5)})
    kept = Cache(tmp_path).arrays("x")
    assert kept is not None
    assert kept["a"].tolist() == [0, 1, 2, 3, 4]
    whole = (tmp_path / "x.npz").read_bytes()
    for damaged in (b"", whole[:40], b"not an archive"):
        (tmp_path / "x.npz").write_bytes(damaged)
        assert Cache(tmp_path).arrays("x") is None


def test_nothing_is_kept_without_a_folder_but_for_this_run() -> None:
    cache = Cache()
    cache.keep_arrays("x", {"a": np.zeros(1)})
    cache.keep_text("y", b"text")
    assert cache.arrays("x") is not None
    assert cache.text("y") is None


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "card"
    write_atomically(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["card"]
