"""The screen of dj-jobs watch, from views alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from data_juicer.cli import jobs
from data_juicer.clock import format_utc
from data_juicer.events.payloads import ProcessSample
from data_juicer.events.view import BoundaryView, JobView, RunningPartition
from data_juicer.job.summary import JobStatus, JobSummary, RunRecord
from data_juicer.monitor.views.watch import Watched, screen_lines
from data_juicer.store.ledger import OperatorLedger
from tests.support.small_job import SmallJob

START = datetime(2026, 3, 13, 18, 9, 11, tzinfo=UTC)
RUN = RunRecord(number=2, started=format_utc(START), host="here", pid=7, resume_command="")
SUMMARY = JobSummary(
    job_id="20260313_180911_recipe_ab12", status=JobStatus.RUNNING, created="", updated="", config={},
    config_digest="", resume_command="", runs=(RUN,), directories={}, versions={},
)  # fmt: skip


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def ledger(index: int, name: str, seconds: float, rows_out: int = 90) -> OperatorLedger:
    return OperatorLedger(
        index=index,
        name=name,
        rows_in=100,
        rows_out=rows_out,
        rows_filtered=100 - rows_out,
        duration_s=seconds,
    )


def a_view() -> JobView:
    """Two workers for 10 s: 12 s in operators, 2 s in saving, 6 s idle; the second of three phases."""
    names = [
        "read",
        "fix_unicode_mapper",
        "document_deduplicator",
        "words_num_filter",
        "document_minhash_deduplicator",
    ]
    seconds = [1.0, 10.0, 0.0, 1.0, 0.0]
    return JobView(
        status=JobStatus.RUNNING,
        backend="local",
        workers=2,
        run_started=START,
        work_began=format_utc(at(5)),
        partitions=240,
        rows=24000,
        size_bytes=240_000_000,
        operators={index - 1: ledger(index - 1, name, seconds[index]) for index, name in enumerate(names)},
        passed_bytes=dict.fromkeys(range(-1, 3), 120000000),
        boundaries=[
            BoundaryView(operation_idx=1, partitions_done=240, passed_bytes=240_000_000, is_resolved=True),
            BoundaryView(operation_idx=3, partitions_done=171, passed_bytes=171_000_000),
        ],
        checkpoint_s=2.0,
        running={
            17: RunningPartition(
                attempt="r2a2",
                operation_idx=2,
                worker="pid 99",
                node="here",
                operation_began=format_utc(at(12)),
            )
        },
        processes=(ProcessSample(role="worker", pid=99, cpu_share=0.5, memory_bytes=300_000_000),),
        retries=2,
        retry_causes={"WorkerLost in my_mapper": 2},
        warnings=["a checkpoint is damaged\x1b[2J and was set aside"],
    )


def shown(view: JobView, *, is_alive: bool = True, columns: int = 80, rows: int = 40) -> list[str]:
    job = Watched(summary=SUMMARY, view=view, is_alive=is_alive, disk_bytes=5_000_000, free_bytes=10**10)
    return [line.text for line in screen_lines(job, at(15), columns, rows)]


def test_the_screen_has_status_phases_operators_workers_costs_and_troubles() -> None:
    lines = shown(a_view())
    text = "\n".join(lines)
    assert lines[0] == "20260313_180911_recipe_ab12  running  run 2, pid 7 on here              18:09:26"
    assert "  phase 1  up to document_deduplicator: done" in lines
    assert "> phase 2  up to document_minhash_deduplicator: 171 of 240 partitions" in lines
    assert "  phase 3  to the results" in lines
    assert "30 core-seconds" in text
    assert "5.0 MB on disk, 10.0 GB free" in text
    assert "   pid 99: partition 17 r2a2, words_num_filter 3.0 s, 50% CPU, 300 MB" in lines
    assert "2 retries (WorkerLost in my_mapper)" in lines


def test_the_time_of_workers_is_shared_out_between_operators_saving_and_idling() -> None:
    shares = {line[3:].split()[0]: line.split("%")[0].split()[-1] for line in shown(a_view()) if "%" in line}
    assert shares["fix_unicode_mapper"] == "50"
    assert shares["saving"] == "10"
    assert shares["idle,"] == "30"


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 10), (140, 50), (20, 3)])
def test_no_line_is_longer_and_none_is_more_than_the_screen_holds_and_nothing_foreign_is_raw(
    columns: int, rows: int
) -> None:
    view = a_view()
    view.operators[7] = ledger(7, "an_operator_with_a_name_of_" + "very_" * 30 + "many_letters", 1.0)
    lines = shown(view, columns=columns, rows=rows)
    assert len(lines) <= rows
    assert max(map(len, lines)) <= columns
    assert all(line.isprintable() for line in lines)


def test_a_killed_job_shows_no_worker_and_no_time_left() -> None:
    text = "\n".join(shown(a_view(), is_alive=False))
    assert "interrupted" in text
    assert "pid 99" not in text
    assert "left" not in text


def test_a_run_without_a_plan_says_so() -> None:
    assert any("no plan yet" in line for line in shown(JobView()))


def test_many_operators_give_way_to_workers_and_troubles() -> None:
    view = a_view()
    view.operators |= {index: ledger(index, f"op_{index}", 1.0) for index in range(4, 60)}
    lines = shown(view, rows=24)
    assert any("more" in line for line in lines)
    assert any(line.startswith("   pid 99") for line in lines)


# ---- the command


def test_a_finished_job_is_shown_once_and_for_programs(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    job = SmallJob(tmp_path, ["whitespace_normalization_mapper"], {"partition": {"size": 10}})
    job.write({"text": f"row {n}"} for n in range(30))
    job.run()
    assert jobs.main(["watch", job.layout.job_dir, "--once"]) == 0
    out = capsys.readouterr().out
    assert "3 of 3 partitions" in out
    assert "100%" in out
    assert max(map(len, out.splitlines())) <= 80
    assert jobs.main(["watch", job.layout.job_dir, "--output", "json"]) == 0
    report = msgspec.json.decode(capsys.readouterr().out)
    assert (report["status"], report["progress"]["share"]) == ("completed", 1.0)


def test_without_a_terminal_the_way_out_is_named(tmp_path: Path, capsys) -> None:
    job = SmallJob(tmp_path, ["whitespace_normalization_mapper"])
    job.write([{"text": "row"}])
    job.run()
    assert jobs.main(["watch", job.layout.job_dir]) == 2
    assert "--once" in capsys.readouterr().err
