from __future__ import annotations

import pydoc

import pytest

import data_juicer
from data_juicer.errors import ConfigError, JobError, JobNotFoundError


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


def test_a_job_that_is_not_there_is_reported_with_the_nearest_name(tmp_path):
    with pytest.raises(JobNotFoundError, match="no such job"):
        data_juicer.load_job("mine", str(tmp_path))


def test_run_is_a_function_that_help_explains():
    text = pydoc.render_doc(data_juicer.run, renderer=pydoc.plaintext).replace("'", "").replace('"', "")

    assert "dataset: Any = None, resume: Literal[auto, must, never] = auto" in " ".join(text.split())
    assert "Raises: DataJuicerError" in text


def test_results_and_errors_are_exported_beside_it():
    assert all(hasattr(data_juicer, name) for name in data_juicer.__all__)


ROWS = [{"text": f"row {number}", "n": number} for number in range(25)]


def _run_rows(tmp_path, dataset, **more):
    settings = {"process": [{"text_length_filter": {"min_len": 6}}], "partition": {"size": 10}}
    return data_juicer.run(
        settings, dataset=dataset, executor_type="inline", work_dir=str(tmp_path / "work"), job_id="mine",
        export_path=str(tmp_path / "out.jsonl"), **more
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["list", "arrow", "polars"])
def test_rows_in_memory_are_processed_and_come_back_as_frames(tmp_path, kind):
    import polars as pl
    import pyarrow as pa

    make = {"list": list, "arrow": pa.Table.from_pylist, "polars": pl.DataFrame}[kind]
    result = _run_rows(tmp_path, make(ROWS))
    assert result.to_arrow().to_pylist() == ROWS[10:]
    assert result.to_polars()["n"].to_list() == list(range(10, 25))
    assert [table.num_rows for table in result.batches()] == [0, 10, 5]
    assert "25 rows in, 15 out, 0 dead letters" in repr(result)
    assert "<td>text_length_filter</td><td>25</td><td>15</td>" in result._repr_html_()
    assert not result.already_complete
    assert _run_rows(tmp_path, make(ROWS)).already_complete


@pytest.mark.parametrize("is_indexed", [False, True])
def test_a_dataset_of_hugging_face_is_processed_a_selection_of_it_too(tmp_path, is_indexed):
    datasets = pytest.importorskip("datasets")
    given = datasets.Dataset.from_list(ROWS)
    if is_indexed:
        given = given.select([24, 3, 12]).with_format(
            "numpy"
        )  # rows chosen by an index, in a format of its own
    result = _run_rows(tmp_path, given)
    assert result.to_arrow().to_pylist() == ([ROWS[24], ROWS[12]] if is_indexed else ROWS[10:])


def test_a_frame_of_pandas_is_processed_and_comes_back(tmp_path):
    pandas = pytest.importorskip("pandas")
    result = _run_rows(tmp_path, pandas.DataFrame(ROWS, index=range(100, 125)))
    assert result.to_pandas().to_dict("records") == ROWS[10:]


def test_packed_results_are_read_back(tmp_path):
    data_juicer.run(
        {"process": ["whitespace_normalization_mapper"]}, dataset=ROWS, executor_type="inline",
        work_dir=str(tmp_path), job_id="mine", export_path=str(tmp_path / "out" / "rows.jsonl.zst"),
    )  # fmt: skip
    assert data_juicer.load_job("mine", str(tmp_path)).to_arrow().to_pylist() == ROWS


def test_dead_letters_are_given_with_their_rows(tmp_path):
    rows = [*ROWS * 10, {"text": 7}]
    job = _run_rows(tmp_path, rows)
    assert [dead_letter.error_type for dead_letter in job.dead_letters()] == ["text_not_string"]


def test_rows_of_an_unknown_kind_and_a_second_input_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"a builtins\.int is not known"):
        _run_rows(tmp_path, 7)
    with pytest.raises(ConfigError, match="together with dataset_path"):
        _run_rows(tmp_path, ROWS, dataset_path="in.jsonl")
    with pytest.raises(ConfigError, match="row 0 cannot be written as JSON"):
        _run_rows(tmp_path, [{"text": object()}])


def test_a_result_that_is_damaged_is_named_when_it_is_read(tmp_path):
    result = _run_rows(tmp_path, ROWS)
    part = next((tmp_path / "work" / "mine" / "results").glob("partition_000001.r1a?.jsonl"))
    part.write_bytes(b"")
    with pytest.raises(JobError, match="missing or damaged"):
        result.to_arrow()
