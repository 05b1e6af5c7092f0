from __future__ import annotations

import pytest

import data_juicer
from data_juicer.errors import DataJuicerError

OPERATOR = """
from data_juicer.ops.base import TextMapper

class NeedsAModel(TextMapper):
    name = "needs_a_model_mapper"
    def prepare(self):
        raise ValueError("the model is torn")
    def map_text(self, text):
        return text
"""


def test_an_operator_that_cannot_be_prepared_ends_the_job_at_once_and_blames_no_row(tmp_path):
    (tmp_path / "my_op.py").write_text(OPERATOR)
    data = tmp_path / "in.jsonl"
    data.write_text("".join(f'{{"text": "{n}"}}\n' for n in range(30)))
    with pytest.raises(
        DataJuicerError, match="needs_a_model_mapper cannot be prepared: ValueError: the model is torn"
    ):
        data_juicer.run(
            {"dataset_path": str(data), "process": ["needs_a_model_mapper"], "partition": {"size": 10}},
            custom_operator_paths=[str(tmp_path / "my_op.py")],
            executor_type="inline",
            job_id="mine",
            export_path=str(tmp_path / "work" / "out.jsonl"),
        )
    view = data_juicer.load_job("mine", str(tmp_path)).view
    assert view.partitions_failed == {0}
    assert view.rows_dead_letter == 0
