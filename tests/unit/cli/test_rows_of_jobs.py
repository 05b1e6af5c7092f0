"""dj-jobs inspect and dropped on small jobs: rows after an operator, and rows that are gone, whatever is still saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import data_juicer
from data_juicer.cli import jobs
from data_juicer.cli.commands.rows.inspect import find_changes, in_lines
from data_juicer.testing import poison

RECIPE = [
    "whitespace_normalization_mapper",
    {"text_length_filter": {"min_len": 6}},
    "document_deduplicator",
    {"words_num_filter": {"min_num": 2}},
]
TEXTS = [
    "one",
    "two\u00a0words",
    "three little words",
    "two\u00a0words",
    "ohyeslong",
    "four\x1b[31m red words",
] * 5
SAVED = [
    {"checkpoint": {"strategy": "every_op"}, "intermediate_storage": {"retention_policy": "keep_all"}},
    {"checkpoint": {"strategy": "every_op"}},
    {"checkpoint": {"strategy": "every_partition"}},
    {"checkpoint": {"strategy": "disabled"}},
    {"checkpoint": {"strategy": "every_n_ops", "n_ops": 2}},
]


def run(tmp_path: Path, process: Any = None, texts: Any = None, **settings: Any) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts or TEXTS))
    data_juicer.run(
        {
            "dataset_path": str(tmp_path / "in.jsonl"),
            "export_path": str(tmp_path / "work" / "out.jsonl"),
            "process": process or RECIPE,
            "partition": {"size": 10},
            "executor_type": "inline",
            "fault_tolerance": {"max_dead_letter_ratio": 1.0},
            **settings,
        },
        job_id="mine",
    )


def reported(tmp_path: Path, capsys: Any, *words: str, code: int = 0) -> str:
    assert jobs.main([words[0], str(tmp_path / "work" / "mine"), *words[1:]]) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


def every_dropped(tmp_path: Path, capsys: Any, *words: str) -> list[dict[str, Any]]:
    out = reported(tmp_path, capsys, "dropped", "--all", "--output", "json", *words)
    decoder, rows, at = json.JSONDecoder(), [], 0
    while at < len(out):
        row, at = decoder.raw_decode(out, at)
        rows.append(row)
        at += 1
    return rows


@pytest.mark.parametrize("settings", SAVED, ids=lambda each: str(each["checkpoint"]))
def test_every_dropped_row_has_its_operator_place_and_reason_whatever_is_saved(
    tmp_path, capsys, settings
) -> None:
    run(tmp_path, **settings)
    rows = every_dropped(tmp_path, capsys)
    found = sorted((row["operator"], row["place"], row["why"]) for row in rows)
    expected = [
        *(("document_deduplicator", f"line {line}", f"a duplicate of row {row} of the same file")
          for line, row in [(4, 2), *((6 * k + place, kept) for k in range(1, 5) for place, kept in [(2, 2), (3, 3), (4, 2), (5, 5), (6, 6)])]),
        *(("text_length_filter", f"line {6 * k + 1}", "text_len = 3 is below 6") for k in range(5)),
        ("words_num_filter", "line 5", "num_words = 1 is below 2"),
    ]  # fmt: skip
    assert found == sorted(expected)
    kept = len((tmp_path / "work" / "out.jsonl").read_text().splitlines())
    assert len(rows) + kept == len(TEXTS)


def test_a_sample_has_so_many_rows_of_each_operator_and_the_counts_of_all(
    tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run(tmp_path)
    out = reported(tmp_path, capsys, "dropped", "--sample", "2")
    assert "text_length_filter dropped 5 of 30 rows (16.7%), 2 of them:" in out
    assert "document_deduplicator dropped 21 of 25 rows (84.0%), 2 of them:" in out
    assert "words_num_filter dropped 1 of 4 rows (25.0%):" in out
    assert max(map(len, out.splitlines())) <= 80
    assert out == reported(tmp_path, capsys, "dropped", "--sample", "2")  # the same rows each time
    assert "\x1b" not in out
    only = reported(tmp_path, capsys, "dropped", "--op", "4")
    assert only.startswith("words_num_filter dropped 1 of 4 rows")
    assert "text_length_filter" not in only


def test_an_operator_that_is_not_there_is_named_with_those_that_are(tmp_path, capsys) -> None:
    run(tmp_path)
    err = reported(tmp_path, capsys, "dropped", "--op", "words", code=1)
    assert (
        "--op words is no operator of this job: 1 whitespace_normalization_mapper, 2 text_length_filter"
        in err
    )


def test_dead_letters_are_not_called_dropped(tmp_path, capsys) -> None:
    run(
        tmp_path,
        ["poison_mapper", {"text_length_filter": {"min_len": 4}}],
        ["!raise", "one", "more", "!raise again"],
        custom_operator_paths=[poison.__file__],
        checkpoint={"strategy": "every_op"},
    )
    assert [row["place"] for row in every_dropped(tmp_path, capsys)] == ["line 2"]


def test_code_of_the_job_is_not_run_unless_it_is_asked_for(tmp_path, capsys) -> None:
    run(
        tmp_path,
        ["whitespace_normalization_mapper", "poison_mapper", {"text_length_filter": {"min_len": 4}}],
        ["one", "more"],
        custom_operator_paths=[poison.__file__],
        checkpoint={"strategy": "disabled"},
    )
    assert "1 of 2 rows" in reported(tmp_path, capsys, "dropped")
    reported_all = reported(tmp_path, capsys, "dropped")
    assert "partition 0 could not be looked at" in reported_all
    assert "--run_custom" in reported_all
    assert [row["place"] for row in every_dropped(tmp_path, capsys, "--run_custom")] == ["line 1"]
    assert "--run_custom" in reported(tmp_path, capsys, "inspect", "--op", "2", code=1)
    assert "2 -> 2 rows" in reported(tmp_path, capsys, "inspect", "--op", "2", "--run_custom")


def test_a_job_that_dropped_nothing_says_so(tmp_path, capsys) -> None:
    run(tmp_path, ["whitespace_normalization_mapper"])
    assert reported(tmp_path, capsys, "dropped") == "mine: no row was dropped.\n"


# ---- inspect


@pytest.mark.parametrize("settings", SAVED, ids=lambda each: str(each["checkpoint"]))
@pytest.mark.parametrize(("op", "rows"), [("1", (10, 10)), ("2", (10, 8)), ("3", (8, 4)), ("4", (4, 3))])
def test_rows_after_each_operator_are_shown_whatever_is_saved(tmp_path, capsys, settings, op, rows) -> None:
    run(tmp_path, **settings)
    report = json.loads(reported(tmp_path, capsys, "inspect", "--op", op, "--output", "json"))
    assert (report["rows_before"], report["rows_after"]) == rows
    assert len(report["rows"]) == rows[1]
    assert report["rows"][0]["after"] == {"text": "one" if op == "1" else "two words"}


def test_a_diff_shows_what_changed_and_what_was_dropped_with_controls_escaped(
    tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run(tmp_path)
    out = reported(tmp_path, capsys, "inspect", "--op", "1", "--diff", "--partition", "0")
    assert out.splitlines()[:4] == [
        "partition 0 after whitespace_normalization_mapper: 10 -> 10 rows",
        "",
        "changed line 2",
        r"  text: two[-\xa0-]{+ +}words",
    ]
    out = reported(tmp_path, capsys, "inspect", "--op", "text_length_filter", "--diff")
    assert "dropped line 1\n  text: one" in out
    assert "\x1b" not in reported(tmp_path, capsys, "inspect", "--op", "1")


def test_a_partition_that_is_not_there_is_a_usage_error(tmp_path, capsys) -> None:
    run(tmp_path)
    assert "the job has partitions 0 to 2" in reported(
        tmp_path, capsys, "inspect", "--partition", "7", code=2
    )


def test_nothing_is_changed_by_looking(tmp_path, capsys) -> None:
    run(tmp_path, checkpoint={"strategy": "disabled"})
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*")}
    every_dropped(tmp_path, capsys)
    reported(tmp_path, capsys, "inspect", "--op", "3", "--diff")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*")} == before


def test_a_damaged_delta_is_computed_again_in_memory(tmp_path, capsys) -> None:
    run(tmp_path, **SAVED[0])
    (file,) = (tmp_path / "work" / "mine" / "checkpoints").glob("partition_000000_001.*.parquet")
    file.write_bytes(b"damaged")
    assert "10 -> 8 rows" in reported(tmp_path, capsys, "inspect", "--op", "2")


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a b", "a b", "a b"),
        ("a  b", "a b", "a[-  -]{+ +}b"),
        ("a\nb", "a b", "a[-\\n-]{+ +}b"),
        ("", "new", "{+new+}"),
        ("gone \x1b[31m", "", "[-gone \\x1b[31m-]"),
        ("word " * 100 + "old", "word " * 100 + "new", "…" + ("word " * 6)[-30:] + "[-old-]{+new+}"),
    ],
)
def test_changes_are_marked_word_by_word(before, after, shown) -> None:
    assert "".join(text for _, text in find_changes(before, after, is_coloured=False)) == shown


def test_a_partition_that_is_not_so_far_is_said_to_be_so(tmp_path, capsys) -> None:
    run(tmp_path, checkpoint={"strategy": "every_op"})
    for name in (tmp_path / "work" / "mine" / "results").glob("partition_000000*"):
        name.unlink()
    for index in (1, 2, 3):
        (tmp_path / "work" / "mine" / "checkpoints" / f"checkpoint_000000_{index:03d}.json").unlink()
    err = reported(tmp_path, capsys, "inspect", "--partition", "0", code=1)
    assert (
        "partition 0 is committed up to operator 1 (whitespace_normalization_mapper), not up to operator 4"
        in err
    )
    assert "whitespace" in reported(tmp_path, capsys, "inspect", "--partition", "0", "--op", "1")


def test_directories_are_listed_once_however_many_partitions_are_looked_at(
    tmp_path, capsys, monkeypatch
) -> None:
    from data_juicer.storage.posix import PosixStore

    run(tmp_path)
    listed: list[str] = []
    real = PosixStore.list
    monkeypatch.setattr(PosixStore, "list", lambda self, path: listed.append(path) or real(self, path))
    reported(tmp_path, capsys, "dropped", "--sample", "100")
    assert sum(path.endswith("checkpoints") for path in listed) <= 2


def test_long_changes_go_on_in_the_next_line_and_none_is_cut() -> None:
    parts = find_changes("a " + "x" * 200, "a " + "y" * 90, is_coloured=False)
    lines = list(in_lines(parts, 80))
    assert max(map(len, lines)) <= 80
    assert "".join(line.strip() for line in lines) == "a [-" + "x" * 200 + "-]{+" + "y" * 90 + "+}"


def test_colour_takes_no_room_and_ends_with_each_line() -> None:
    lines = list(in_lines([("\x1b[31m", "x" * 100)], 80))
    assert [line.count("\x1b[31m") for line in lines] == [line.count("\x1b[0m") for line in lines] == [1, 1]
    assert [line.count("x") for line in lines] == [76, 24]
