"""A model or tokenizer file that cannot be parsed is named, with the operator that needs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.errors import OperatorError
from data_juicer.ops.catalog import registry


@pytest.mark.parametrize(
    ("operator", "files", "params", "blamed"),
    [
        (
            "token_num_filter",
            {"tok/tokenizer.json": "{broken"},
            {"hf_tokenizer": "tok"},
            "tok/tokenizer.json",
        ),
        (
            "text_chunk_mapper",
            {"tok/tokenizer.json": ""},
            {"tokenizer": "tok", "max_len": 3},
            "tok/tokenizer.json",
        ),
        ("words_num_filter", {"en.sp.model": "no model"}, {"tokenization": True}, "en.sp.model"),
    ],
)
def test_the_file_is_named_in_one_line(
    operator: str,
    files: dict[str, str],
    params: dict[str, object],
    blamed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATA_JUICER_EXTERNAL_MODELS_HOME", str(tmp_path))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    made = registry.make(operator, params)
    with pytest.raises(OperatorError) as refused:
        made.prepare()
    assert str(refused.value).startswith(f"{operator}: {tmp_path / blamed} cannot be read as a ")
    assert "\n" not in str(refused.value)
