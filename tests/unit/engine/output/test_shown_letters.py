"""Dead letters under the names that people look for are those of the input as it is."""

from __future__ import annotations

from pathlib import Path

from data_juicer.storage.memory import MemoryStore
from data_juicer.testing import jobs


def test_dead_letters_go_with_their_partition_or_when_there_are_none_any_more(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.jsonl", "b.jsonl", "c.jsonl")]
    for path in paths:
        path.write_bytes(b'{"text":"one"}\nbroken ' + path.name.encode() + b"\n")
    store = MemoryStore()

    def lines_shown() -> list[str | None]:
        config = jobs.recipe("/disk", [str(path) for path in paths], ["whitespace_normalization_mapper"])
        jobs.run_inline(config, store)
        return [row for _, _, row in jobs.dead_letters(config, store)]

    assert lines_shown() == ["broken a.jsonl", "broken b.jsonl", "broken c.jsonl"]
    del paths[1]
    assert lines_shown() == ["broken a.jsonl", "broken c.jsonl"]
    paths[0].write_bytes(b'{"text":"one"}\n{"text":"two"}\n')
    assert lines_shown() == ["broken c.jsonl"]
