"""Rows that the page shows of jobs that are on their way."""

import json
from pathlib import Path

from data_juicer.monitor.handle import JobHandle
from data_juicer.storage.posix import PosixStore
from data_juicer.testing.jobs import JOB_ID, recipe, run_inline
from data_juicer.web.rows import read_letters


def test_dead_letters_of_partitions_that_have_a_checkpoint_so_far_are_shown_once(tmp_path: Path) -> None:
    rows = [json.dumps({"text": f"row {number}"}) for number in range(9)]
    rows[2], rows[7] = '{"text": "cut', '{"text": 3}'
    (tmp_path / "in.jsonl").write_text("".join(f"{row}\n" for row in rows))
    settings = {
        "partition.size": 3,
        "checkpoint.strategy": "every_op",
        "fault_tolerance.max_dead_letter_ratio": 0.5,
    }
    process = ["clean_email_mapper", "whitespace_normalization_mapper"]
    run_inline(recipe(str(tmp_path), [str(tmp_path / "in.jsonl")], process, settings), PosixStore())
    job = JobHandle.open(str(tmp_path), JOB_ID)
    whole = read_letters(job)
    assert [letter.place for letter in whole.letters] == ["line 3", "line 8"]
    results = Path(job.layout.results_dir)
    for partition in (0, 2):  # as it was before their results were committed
        for path in results.glob(f"partition_{partition:06d}*"):
            path.unlink()
    assert read_letters(job) == whole
