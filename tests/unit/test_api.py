from __future__ import annotations

import pydoc

import pytest

import data_juicer
from data_juicer.errors import JobNotFoundError


def test_a_job_is_run_and_read_back_from_python(tmp_path):
    data = tmp_path / "in.jsonl"
    data.write_text('{"text": "a  b", "n": 1.0}\n{"text": "c"}\n')
    result = data_juicer.run(
        {"dataset_path": str(data), "process": [{"text_length_filter": {"min_len": 2}}]},
        executor_type="inline",
        job_id="mine",
        export_path=str(tmp_path / "work" / "out.jsonl"),
    )
    assert (tmp_path / "work" / "out.jsonl").read_text() == '{"text": "a  b", "n": 1.0}\n'
    job = data_juicer.load_job("mine", str(tmp_path))
    assert job.summary == result.summary
    assert {ledger.name: ledger.rows_out for ledger in job.view.operators.values()} == {
        "read": 2,
        "text_length_filter": 1,
    }


def test_a_job_that_is_not_there_is_told_with_the_nearest_name(tmp_path):
    with pytest.raises(JobNotFoundError, match="no such job"):
        data_juicer.load_job("mine", str(tmp_path))


def test_run_is_a_function_that_help_explains():
    text = pydoc.render_doc(data_juicer.run, renderer=pydoc.plaintext).replace("'", "")

    assert "run(recipe: str | os.PathLike[str] | Mapping[str, Any], **overrides: Any) -> JobResult" in text
    assert "Raises: DataJuicerError" in text


def test_results_and_errors_are_exported_beside_it():
    assert all(hasattr(data_juicer, name) for name in data_juicer.__all__)
