"""dj-jobs stats and what-if, as they are typed."""

import json
from pathlib import Path

import pytest

from data_juicer.cli.jobs import main
from data_juicer.monitor.statistics.gather import PartitionStats
from data_juicer.monitor.statistics.row_flow import exactly
from data_juicer.monitor.statistics.what_if import answer
from data_juicer.storage.posix import PosixStore
from data_juicer.store.ledger import OperatorLedger
from data_juicer.testing.jobs import JOB_ID, recipe, run_inline

PROCESS = [{"words_num_filter": {"min_num": 3}}, {"text_length_filter": {"max_len": 40}}]


@pytest.fixture
def work_dir(tmp_path: Path) -> str:
    rows = [{"text": " ".join(["word"] * count)} for count in range(12)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run_inline(
        recipe(str(tmp_path), [str(tmp_path / "in.jsonl")], PROCESS, {"partition.size": 5}), PosixStore()
    )
    return str(tmp_path)


def test_stats_draws_the_bound_into_the_histogram(work_dir: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", JOB_ID, "--work_dir", work_dir]) == 0
    out = capsys.readouterr().out
    assert "12 rows in, 3 dropped (25.0%): 3 below 3" in out
    lines = [line.strip() for line in out.splitlines()]
    assert lines.index("── minimum 3 ──") < next(
        at for at, line in enumerate(lines) if line.startswith("3 1")
    )
    assert "9 rows in, 3 dropped (33.3%): 0 below 10, 3 above 40" in out


def test_stats_as_json_has_what_any_bound_would_drop(
    work_dir: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["stats", JOB_ID, "--work_dir", work_dir, "--output", "json", "--op", "words_num_filter"]) == 0
    )
    (reported,) = json.loads(capsys.readouterr().out)["filters"]
    assert reported["bound"]["low"] == 3
    (stat,) = reported["stats"]
    assert sum(stat["histogram"]["counts"]) == 12
    median = next(each for each in stat["percentiles"] if each["share"] == 0.5)
    assert (median["value"], median["rows_below"], median["rows_above"]) == (5.0, 5, 6)


def test_what_if_answers_exactly_and_in_words(work_dir: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["what-if", JOB_ID, "--words_num_filter.min_num", "6", "--work_dir", work_dir]) == 0
    assert "result: 6 rows, would be exactly 3 (-3)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "reported"),
    [
        ([], "no bound is given"),
        (["--word_num_filter.min_num", "6"], "has no such operator"),
        (["--words_num_filter.min_nun", "6"], "min_nun"),
        (["--words_num_filter.text_key", "title"], "decides what words_num_filter computes"),
        (["--words_num_filter.min_num", "six"], "min_num"),
    ],
)
def test_what_if_refuses_in_one_line(
    work_dir: str, words: list[str], reported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["what-if", JOB_ID, *words, "--work_dir", work_dir]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reported in line


def test_other_commands_take_no_parameters_of_operators(
    work_dir: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", JOB_ID, "--words_num_filter.min_num", "6", "--work_dir", work_dir]) == 2
    assert "unrecognized arguments: --words_num_filter.min_num" in capsys.readouterr().err


def test_the_result_counts_partitions_that_are_through_all_operators() -> None:
    def ledger(index: int, name: str, rows: int) -> OperatorLedger:
        return OperatorLedger(index=index, name=name, rows_in=rows, rows_out=rows)

    through = tuple(
        ledger(index, name, 5) for index, name in enumerate(("read", "words_num_filter"), start=-1)
    )
    partitions = [
        PartitionStats(partition=0, ledgers=through, operators={}, is_done=True),
        PartitionStats(partition=1, ledgers=(ledger(-1, "read", 7),), operators={}, is_done=False),
    ]
    output = answer([("words_num_filter", {"min_num": 3})], {}, partitions)
    assert (output.rows_out, output.rows_out_then, output.partitions_unfinished) == (5, exactly(5), 1)
