"""dj-jobs resume and clean on small jobs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from data_juicer.cli import jobs
from data_juicer.cli.process import main as dj_process
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Driver, acquire
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import poison
from data_juicer.testing.clock import ManualClock

STORE = PosixStore()
ROWS = "".join(f'{{"text": "row  {n}"}}\n' for n in range(30))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a job `mine` was run in, by a recipe with relative paths; the test stands elsewhere."""
    folder, elsewhere = tmp_path / "there", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "in.jsonl").write_text(ROWS)
    (folder / "recipe.yaml").write_text(
        "dataset_path: in.jsonl\nexport_path: results/out.jsonl\nexecutor_type: inline\npartition: {size: 10}\n"
        "process: [whitespace_normalization_mapper, text_length_filter: {min_len: 2}]\n"
    )
    assert dj_process(["-C", str(folder), "--config", "recipe.yaml", "--job_id", "mine"]) == 0
    monkeypatch.chdir(elsewhere)
    return folder


def lose(folder: Path, *partitions: int) -> bytes:
    """As if the job had ended before these were committed; returns what it had exported."""
    layout = JobLayout.of(str(folder / "results"), "mine")
    for partition in partitions:
        os.unlink(layout.result_manifest(partition))
    os.unlink(layout.results_manifest)
    whole = (folder / "results" / "out.jsonl").read_bytes()
    (folder / "results" / "out.jsonl").unlink()
    return whole


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_job_is_resumed_from_another_folder_without_its_recipe(folder, capsys) -> None:
    whole = lose(folder, 1)
    (folder / "recipe.yaml").unlink()
    capsys.readouterr()
    assert jobs.main(["resume", str(folder / "results" / "mine")]) == 0
    reported = capsys.readouterr()
    assert (folder / "results" / "out.jsonl").read_bytes() == whole
    assert "(run 2 of the job)" in reported.out
    assert "2 of 3 partitions are done already" in reported.err
    assert (
        f"dj-process -C {folder} --config recipe.yaml --job_id mine" in reported.out
    )  # for who stands elsewhere


def test_a_resume_for_programs_keeps_stdout_for_json(folder, capsys) -> None:
    lose(folder, 1)
    capsys.readouterr()
    words = ["resume", "mine", "--work_dir", str(folder / "results"), "--output", "json", "--set", "np=1"]
    assert jobs.main(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["status"], report["runs"], report["counts"]["partitions_done"]) == ("completed", 2, 3)


@pytest.mark.parametrize(
    ("word", "reported"),
    [("np", "expected SETTING=VALUE"), ("npp=2", "npp"), ("job_id=other", "another id is another job")],
)
def test_a_wrong_change_is_refused_in_one_line_and_nothing_is_changed(folder, capsys, word, reported) -> None:
    before = files_below(folder)
    capsys.readouterr()
    assert jobs.main(["resume", str(folder / "results" / "mine"), "--set", word]) == 2
    err = capsys.readouterr().err
    assert reported in err
    assert err.count("\n") == 1
    assert files_below(folder) == before


def test_a_job_that_was_moved_is_resumed_where_it_is_now(folder, capsys, tmp_path) -> None:
    lose(folder, 1)
    moved = tmp_path / "archive" / "mine"
    moved.parent.mkdir()
    (folder / "results" / "mine").rename(moved)
    assert jobs.main(["resume", str(moved)]) == 0
    assert not (folder / "results" / "mine").exists()
    assert (moved / "results" / "partition_000001.json").exists()


def test_a_secret_is_read_from_its_variable_and_named_when_it_is_missing(
    tmp_path, capsys, monkeypatch
) -> None:
    (tmp_path / "in.jsonl").write_text(ROWS)
    (tmp_path / "op.py").write_text(
        "from data_juicer.ops.base_op import OPERATORS, Mapper\n\n\n"
        "@OPERATORS.register_module('keyed_mapper')\nclass KeyedMapper(Mapper):\n"
        "    def __init__(self, api_key: str = '', **kwargs):\n        super().__init__(**kwargs)\n"
        "        self.api_key = api_key\n"
        "    def process_single(self, sample):\n        assert self.api_key == 'sesame-opens'\n        return sample\n"
    )
    words = [
        "--dataset_path", "in.jsonl", "--export_path", "results/out.jsonl", "--job_id", "mine",
        "--executor_type", "inline", "--custom_operator_paths", "op.py",
        "--process", '[{"keyed_mapper": {"api_key": "sesame-opens"}}]', "--partition.size", "10",
    ]  # fmt: skip
    assert dj_process(["-C", str(tmp_path), *words]) == 0
    lose(tmp_path, 1)
    capsys.readouterr()
    assert jobs.main(["resume", str(tmp_path / "results" / "mine")]) == 2
    reported = capsys.readouterr().err
    assert "DJ_SECRET_KEYED_MAPPER_API_KEY is not set" in reported
    monkeypatch.setenv("DJ_SECRET_KEYED_MAPPER_API_KEY", "sesame-opens")
    assert jobs.main(["resume", str(tmp_path / "results" / "mine")]) == 0
    reported = capsys.readouterr()
    assert "sesame-opens" not in reported.out + reported.err


# ---- clean


def test_files_that_no_manifest_names_are_removed_and_only_named_by_a_dry_run(folder, capsys) -> None:
    before = files_below(folder)
    orphan = folder / "results" / "mine" / "checkpoints" / "partition_000001_001.r7a1.parquet"
    orphan.write_bytes(b"x" * 1000)
    capsys.readouterr()
    words = ["clean", "--work_dir", str(folder / "results")]
    assert jobs.main([*words, "--dry_run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{folder}/results/mine  not needed: 1 file, 1.0 kB",
        "would remove 1 file, 1.0 kB; nothing was changed (--dry_run)",
    ]
    assert orphan.exists()
    assert jobs.main(words) == 0
    assert capsys.readouterr().out.endswith("removed 1 file, 1.0 kB\n")
    assert files_below(folder) == before
    assert jobs.main(words) == 0
    assert capsys.readouterr().out == "nothing is there to be removed\n"


def test_an_old_job_goes_as_a_whole_and_its_export_stays(folder, capsys) -> None:
    export = (folder / "results" / "out.jsonl").read_bytes()
    words = ["clean", "--work_dir", str(folder / "results"), "--older_than"]
    assert jobs.main([*words, "1"]) == 0
    assert (folder / "results" / "mine").exists()  # it is younger
    assert jobs.main([*words, "0", "--status", "failed"]) == 0
    assert (folder / "results" / "mine").exists()  # it is complete
    before = files_below(folder)
    assert jobs.main([*words, "0", "--dry_run"]) == 0
    assert files_below(folder) == before
    assert jobs.main([*words, "0"]) == 0
    assert sorted(os.listdir(folder / "results")) == ["out.jsonl", "out_stats.jsonl"]
    assert (folder / "results" / "out.jsonl").read_bytes() == export


def test_what_is_not_the_jobs_is_left_in_its_folder(folder, capsys) -> None:
    job = folder / "results" / "mine"
    for name in ("notes.txt", "results/notes.txt", "checkpoints/partition_000001_001.r7a1.parquet.away"):
        (job / name).write_text("mine")
    (job / "trace" / "partition_000000.r1a1.jsonl").symlink_to(folder / "in.jsonl")
    capsys.readouterr()
    assert jobs.main(["clean", str(job), "--older_than", "0"]) == 1
    assert "files that are not the job's; they were left there" in capsys.readouterr().out
    assert files_below(job) == {
        "notes.txt", "results/notes.txt", "checkpoints/partition_000001_001.r7a1.parquet.away",
    }  # fmt: skip
    assert (folder / "in.jsonl").read_text() == ROWS  # of a link, the link goes


def test_a_directory_that_was_replaced_by_a_link_is_not_followed(folder, tmp_path, capsys) -> None:
    job, other = folder / "results" / "mine", tmp_path / "other"
    (job / "results").rename(other)
    (job / "results").symlink_to(other)
    before = files_below(other)
    assert jobs.main(["clean", str(job), "--older_than", "0"]) == 1
    assert files_below(other) == before


def test_a_job_that_a_driver_works_on_is_left_alone(folder, capsys) -> None:
    layout = JobLayout.of(str(folder / "results"), "mine")
    lock = acquire(STORE, layout, ManualClock(), Driver.here())
    before = files_below(folder)
    try:
        assert jobs.main(["clean", layout.job_dir, "--older_than", "0", "--status", "completed"]) == 1
    finally:
        lock.release(0)
    assert "a driver works on it" in capsys.readouterr().out
    assert files_below(folder) == before


def test_every_file_that_the_layout_names_is_a_document_of_the_job() -> None:
    """A file that a later version adds must be removed with the job too."""
    layout = JobLayout.of("/jobs", "mine", "/events", "/checkpoints")
    properties = [name for name in dir(JobLayout) if isinstance(getattr(JobLayout, name), property)]
    values = [getattr(layout, name) for name in properties if not name.endswith("_dir")]
    named = {path for value in values for path in ([value] if isinstance(value, str) else value)}
    assert named <= set(layout.documents())
    assert layout.documents()[-1] == layout.summary


def test_a_job_with_everything_that_a_run_can_write_leaves_nothing(tmp_path, capsys) -> None:
    (tmp_path / "in.jsonl").write_text(ROWS + '{"text": "!raise"}\n{"text": "row  1"}\nno json\n')
    process = '["poison_mapper", "document_deduplicator", {"text_length_filter": {"min_len": 6}}]'
    words = [
        "--dataset_path", "in.jsonl", "--export_path", "results/out.jsonl", "--job_id", "mine",
        "--executor_type", "inline", "--custom_operator_paths", poison.__file__, "--process", process,
        "--partition.size", "10", "--open_tracer", "true", "--preserve_intermediate_data", "true",
        "--checkpoint.strategy", "every_op", "--fault_tolerance.max_dead_letter_ratio", "1",
        "--checkpoint_dir", "elsewhere/checkpoints", "--event_log_dir", "elsewhere/events",
        "--intermediate_storage.retention_policy", "keep_all",
    ]  # fmt: skip
    assert dj_process(["-C", str(tmp_path), *words]) == 0
    damaged = tmp_path / "elsewhere" / "checkpoints" / "mine" / "checkpoint_000000_000.json"
    damaged.write_bytes(b"{")
    os.unlink(tmp_path / "results" / "mine" / "results" / "results.json")
    assert dj_process(["-C", str(tmp_path), *words]) == 0
    capsys.readouterr()
    assert jobs.main(["clean", str(tmp_path / "results" / "mine"), "--older_than", "0"]) == 0, (
        capsys.readouterr().out
    )
    assert sorted(os.listdir(tmp_path / "results")) == ["out.jsonl", "out_stats.jsonl"]
    assert files_below(tmp_path / "elsewhere") == set()
