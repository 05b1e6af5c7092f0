"""Whole jobs that choose the sizes of their partitions."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from data_juicer.job import summary as summaries
from data_juicer.job.summary import ChosenSizes
from data_juicer.plan.mapping import decode_mapping
from data_juicer.storage.memory import Loss
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from tests.support.small_job import STORE, SmallJob

AUTO = {"partition.auto_configure": True, "partition.size": 150}
CRASHING = """
import os, signal, sys
from data_juicer.ops.base_op import OPERATORS, Mapper

@OPERATORS.register_module("killing_mapper")
class Killing(Mapper):
    def process_single(self, sample):
        if any("measure_main" in word for word in sys.orig_argv):
            os.kill(os.getpid(), signal.SIGKILL)
        return sample
"""


def job_in(folder: Path, *process: Any, rows: int = 600, **settings: Any) -> SmallJob:
    job = SmallJob(folder, process or ["whitespace_normalization_mapper"], {**AUTO, **settings})
    job.write({"text": f"document  {number}"} for number in range(rows))
    return job


def chosen(job: SmallJob) -> ChosenSizes:
    found = summaries.load(STORE, job.layout).auto_configuration
    assert found is not None
    return found


def rows_of_partitions(job: SmallJob) -> list[int]:
    path = job.layout.dataset_mapping
    return [
        spec.rows for spec in decode_mapping(STORE.read(path), path, job.layout.partitions_dir).partitions
    ]


def notes(job: SmallJob) -> list[str]:
    lines = Path(job.layout.events_log).read_text().splitlines()
    return [line.partition("auto_configure: ")[2] for line in lines if "auto_configure: " in line]


def test_a_job_says_what_it_chose_in_five_lines_and_keeps_it(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    job.run()
    assert rows_of_partitions(job) == [200, 200, 200]
    assert (chosen(job).modality, chosen(job).size) == ("text", 200)
    assert [line.partition(": ")[2] for line in chosen(job).reasons] == notes(job)
    assert len(notes(job)) == 5
    assert re.search(r"operators take .* \(600 rows measured\)", notes(job)[2])


def test_a_resume_keeps_the_sizes_whatever_is_appended(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    job.run()
    path = job.folder / "in.jsonl"
    path.write_text(path.read_text() + '{"text": "more"}\n' * 2_000)  # a fresh job would choose more
    job.run()
    assert chosen(job).size == 200
    assert set(rows_of_partitions(job)) == {200}
    assert "so that their checkpoints stay valid" in notes(job)[-1]


def test_sizes_of_runs_before_the_choice_was_asked_for_are_kept(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    job.run(**{"partition.auto_configure": False})
    assert summaries.load(STORE, job.layout).auto_configuration is None
    job.run(process=["clean_email_mapper"])
    assert chosen(job).size == 150
    assert rows_of_partitions(job) == [150] * 4


def test_a_job_killed_at_any_write_goes_on_with_the_sizes_that_it_chose(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "a  b"}\n' * 450)
    config = jobs.recipe("/job", [str(path)], ["whitespace_normalization_mapper"], AUTO)
    whole = jobs.memory_with_input(config)
    jobs.run_inline(config, whole)
    kept = 0
    for crash_at in range(3, 10_000, 15):
        disk = jobs.memory_with_input(config)
        try:
            jobs.run_inline(config, CrashingStore(disk, crash_at))
        except PowerLoss:
            after = disk.after_power_loss(Loss.EVERYTHING)
            begun = summaries.find(after, jobs.layout_of(config))
            outcome = jobs.run_inline(config, after)
            assert jobs.exported(config, after) == jobs.exported(config, whole)
            chosen_then = begun.auto_configuration if begun is not None else None
            assert chosen_then in {None, outcome.summary.auto_configuration}
            kept += chosen_then is not None
        else:
            break
    assert kept > 1


def test_a_second_job_of_the_same_work_dir_measures_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_in(tmp_path).run()
    first = job_in(tmp_path)
    monkeypatch.setattr(
        "data_juicer.engine.autoconfig.measure._ask", lambda *_: pytest.fail("it was measured")
    )
    outcome = first.run(job_id="second")
    assert outcome.summary.auto_configuration is not None
    assert outcome.summary.auto_configuration.size == 200


def test_operators_that_crash_are_measured_in_a_process_that_may(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(CRASHING)
    job = job_in(tmp_path, "killing_mapper", custom_operator_paths=[str(tmp_path / "own.py")])
    outcome = job.run()
    assert outcome.summary.counts.rows_out == 600
    assert notes(job)[2] == "operators were not measured: the process that does so ended with signal 9"
    assert chosen(job).size == 200


@pytest.mark.slow
def test_a_worker_takes_the_memory_that_was_predicted(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import os, re\n"
        "from data_juicer.ops.base_op import OPERATORS, Mapper\n"
        "@OPERATORS.register_module('peak_mapper')\n"
        "class Peak(Mapper):\n"
        "    _batched_op = True\n"
        "    def process_batched(self, samples):\n"
        "        peak = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]\n"
        f"        open({str(tmp_path)!r} + f'/peak_{{os.getpid()}}', 'w').write(peak)\n"
        "        return samples\n"
    )
    words = ["alpha", "beta", "gamma", "delta", "epsilon"]
    process = [
        "fix_unicode_mapper",
        "clean_links_mapper",
        {"words_num_filter": {"min_num": 2}},
        "peak_mapper",
    ]
    job = SmallJob(
        tmp_path,
        process,
        {**AUTO, "executor_type": "default", "np": 2, "custom_operator_paths": [str(tmp_path / "own.py")]},
    )
    job.write({"text": " ".join(words[(number + at) % 5] for at in range(300))} for number in range(20_000))
    job.run()
    peaks = [int(path.read_text()) * 1024 for path in tmp_path.glob("peak_*")]
    predicted = chosen(job).worker_bytes
    sys.stdout.write(f"predicted {predicted / 1e6:.1f} MB, measured {max(peaks) / 1e6:.1f} MB\n")
    assert predicted == pytest.approx(max(peaks), rel=0.25)
