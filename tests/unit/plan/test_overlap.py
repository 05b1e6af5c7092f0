from __future__ import annotations

import pytest

from data_juicer.errors import ConfigError
from data_juicer.formats.base import SourceFile
from data_juicer.plan.overlap import refuse_overlap

SOURCE = SourceFile(
    index=0, path="/data/in.jsonl", format="jsonl", compression="none", size_bytes=1, mtime_ns=0
)


@pytest.mark.parametrize(
    ("inputs", "export_path", "job_dir", "told"),
    [
        (["/data/in.jsonl"], "/data/in.jsonl", "/jobs/j", "is an input of this job"),
        (["/data"], "/data/out.jsonl", "/jobs/j", "lies in the input /data"),
        (["/data/"], "/out.jsonl", "/data/jobs/j", "work_dir: /data/jobs/j lies in"),
        (["/data/*.jsonl"], "/data/out.jsonl", "/jobs/j", "lies in the input /data/*.jsonl"),
    ],
)
def test_an_output_among_the_inputs_is_refused(inputs, export_path, job_dir, told):
    with pytest.raises(ConfigError, match="Nothing was changed") as caught:
        refuse_overlap(inputs, [SOURCE], export_path, job_dir)
    assert told in str(caught.value)


def test_an_output_beside_the_input_is_fine():
    refuse_overlap(["/data/in.jsonl", "/datasets"], [SOURCE], "/data/out.jsonl", "/data/j")
