"""Bytes in rows: base64 in JSON, there and back."""

from __future__ import annotations

import pyarrow as pa
import pytest

from data_juicer.testing.rows import batch_of


def test_bytes_are_read_and_written_as_base64() -> None:
    batch = batch_of([{"text": "a", "b": "AP8="}, {"text": "b", "b": None}, {"text": "c"}])
    assert batch.binary("b").to_pylist() == [b"\x00\xff", None, None]
    after = batch.with_binary("b", pa.array([b"x", b"", None], pa.large_binary()))
    assert after.column("b") == ["eA==", "", None]
    assert after.binary("b").to_pylist() == [b"x", b"", None]


@pytest.mark.parametrize("value", [3, "not base64!", ["AP8="]])
def test_what_is_no_base64_is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of the row, whatever it says
        batch_of([{"text": "a", "b": value}]).binary("b")
