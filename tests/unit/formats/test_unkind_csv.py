"""CSV as strangers write it: what is refused, and what a row costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_juicer.errors import InputError
from data_juicer.formats.recognise import HEAD_BYTES
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs


def rows_of(folder: Path, text: str) -> list[dict[str, str]]:
    (folder / "in.csv").write_text(text, newline="")
    settings = {"fault_tolerance.max_dead_letter_ratio": 1}
    jobs.run_inline(jobs.recipe(str(folder / "work"), [str(folder / "in.csv")], [], settings), PosixStore())
    return [json.loads(line) for line in (folder / "work/result.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize(
    ("text", "line"), [('text,n\n"abc,1\nd,2', 2), ('text,n\na,1\nb,"\nc,3', 3), ('text\n"a ""b""', 2)]
)
def test_a_quote_that_is_never_closed_swallows_no_rows(
    text: str, line: int, end: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"line {line} begins a record .*ends within a quote"):
        rows_of(tmp_path, text + end)


@pytest.mark.parametrize(
    "text",
    ['text,n\n"a\n\nb",1', 'text,n\r\n"a\n\nb",1\r\n', 'text,n\n"a\n\nb",1\n\n\n', 'text,n\r"a\n\nb",1\r'],
)
def test_a_quote_that_is_closed_at_the_very_end_is_a_value(text: str, tmp_path: Path) -> None:
    assert rows_of(tmp_path, text) == [{"text": "a\n\nb", "n": "1"}]


def test_a_name_that_is_twice_in_the_header_is_refused_before_anything_is_created(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its header has 'n' twice"):
        rows_of(tmp_path, "text,n,n\na,1,2\n")
    assert not (tmp_path / "work").exists()


def test_a_header_of_very_many_columns_is_read_to_its_end(tmp_path: Path) -> None:
    """Its end is beyond what is looked at first. Looking for each name among all others took a minute."""
    names = [f"column {number}" for number in range(40_000)]
    (row,) = rows_of(tmp_path, ",".join([*names, "text"]) + "\n" + "," * len(names) + "x\n")
    assert row["text"] == "x"
    assert len(names) * 10 > HEAD_BYTES
