"""Many small files read as few partitions: the same result, dead letters with their places, and resumes that redo little."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data_juicer.engine.replay.dropped import DroppedRows
from data_juicer.engine.replay.replay import JobReplay
from data_juicer.errors import DataJuicerError, NewerFormatError
from data_juicer.formats.partition import read_partition
from data_juicer.job import summary as summaries
from data_juicer.plan.mapping import DatasetMapping, decode_mapping
from data_juicer.storage.posix import PosixStore
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss

STORE = PosixStore()
PROCESS = ["whitespace_normalization_mapper", {"text_length_filter": {"min_len": 8}}]
DEDUP = [*PROCESS, "document_deduplicator"]
FILES = 28
BAD = '{"text": "broken\n'


@dataclass(frozen=True)
class Corpus:
    """Small files of every kind that may be joined: rows in one folder, texts in another, which is another input."""

    folder: Path

    @property
    def rows(self) -> Path:
        return self.folder / "rows"

    @property
    def texts(self) -> Path:
        return self.folder / "texts"

    def write(self) -> None:
        self.rows.mkdir(parents=True)
        self.texts.mkdir()
        for number in range(FILES):
            self.put(number, f"text of {number % 20}" if number % 5 else "short")

    def put(self, number: int, text: str) -> None:
        line = json.dumps({"text": text, "n": number})
        name = f"f{number:03}"
        match number % 4:
            case 0:
                (self.rows / f"{name}.jsonl").write_text(f"{line}\n\n{line}")
            case 1:
                (self.texts / f"{name}.txt").write_text(text)
            case 2:
                (self.rows / f"{name}.jsonl.gz").write_bytes(gzip.compress(f"{line}\n".encode(), mtime=0))
            case 3:
                (self.rows / f"{name}.json").write_text(f"[{line},\n {line}]")

    def config(self, work_dir: Path | str, process: Any = PROCESS, **settings: Any) -> Any:
        common = {
            "partition.size": 12,
            "partition.join_files": "always",
            "fault_tolerance.max_dead_letter_ratio": 1.0,
        }
        return jobs.recipe(str(work_dir), [str(self.rows), str(self.texts)], process, common | settings)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    made = Corpus(tmp_path / "in")
    made.write()
    return made


def mapping_of(config: Any) -> DatasetMapping:
    layout = jobs.layout_of(config)
    return decode_mapping(STORE.read(layout.dataset_mapping), layout.dataset_mapping, layout.partitions_dir)


def letters(config: Any) -> list[dict[str, Any]]:
    folder = Path(jobs.layout_of(config).dead_letter_dir)
    texts = [path.read_text() for path in sorted(folder.glob("partition_??????.jsonl"))]
    lines = "".join(texts).splitlines()
    found = [
        {k: v for k, v in json.loads(line).items() if k not in {"partition", "attempt"}} for line in lines
    ]
    return sorted(found, key=json.dumps)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"process": DEDUP, "checkpoint.strategy": "every_op", "open_tracer": True},
        pytest.param({"add_suffix": True}, marks=pytest.mark.slow),
        pytest.param({"partition.materialize": "always"}, marks=pytest.mark.slow),
        pytest.param({"export_path": "OUT/result.parquet"}, marks=pytest.mark.slow),
        {"dataset_path": "0.4 IN/rows 1.7 IN/texts"},
    ],
    ids=["as usual", "traced", "suffix", "copied", "parquet", "mixture"],
)
def test_joined_files_give_the_same_bytes_letters_and_reports(
    more: Mapping[str, Any], corpus: Corpus, tmp_path: Path
) -> None:
    (corpus.rows / "f017.jsonl").write_text('{"text": "a good text"}\n' + BAD + '{"text": "a good text"}\n')
    (corpus.texts / "f018.txt").write_bytes(b"\xff not UTF-8")
    outcomes = []
    for join in ("always", "never"):
        given = dict(more)
        process = given.pop("process", PROCESS)
        if "export_path" in given:
            given["export_path"] = given["export_path"].replace("OUT", str(tmp_path / join))
        if "dataset_path" in given:
            given["dataset_path"] = given["dataset_path"].replace("IN", str(corpus.folder))
        config = corpus.config(tmp_path / join, process, **given, **{"partition.join_files": join})
        jobs.run_inline(config, STORE)
        report = Path(jobs.layout_of(config).dedup_report)
        outcomes.append(
            (
                jobs.exported(config, STORE),
                jobs.ledgers(config, STORE)[0],
                letters(config),
                parquet_rows(report) if report.exists() else None,
            )
        )
        count = len(mapping_of(config).partitions)
        assert count < 15 if join == "always" else count == FILES + 2
    assert outcomes[0] == outcomes[1]


def parquet_rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_a_dead_letter_names_its_file_and_line_wherever_the_file_is_now(
    corpus: Corpus, tmp_path: Path
) -> None:
    bad = corpus.rows / "f020.jsonl"
    bad.write_text('\n{"text": "a good text"}\n' + BAD)
    config = corpus.config(tmp_path / "work")
    jobs.run_inline(config, STORE)
    (letter,) = letters(config)
    place = {"source": str(bad), "line": 3, "byte_offset": 25, "source_row": 1}
    assert place.items() <= letter.items()
    bad.rename(corpus.rows / "f020b.jsonl")
    (corpus.rows / "a.jsonl").write_text('{"text": "another good text"}\n')
    watch = jobs.Watch()
    jobs.run_inline(config, STORE, watch)
    (letter,) = letters(config)
    assert (place | {"source": str(corpus.rows / "f020b.jsonl")}).items() <= letter.items()
    assert len({partition for partition, _ in watch.started}) <= 2


@pytest.mark.parametrize("what", ["added", "appended", "removed", "changed"])
def test_a_resume_after_a_change_of_one_file_redoes_what_is_beside_it(
    what: str, corpus: Corpus, tmp_path: Path
) -> None:
    config = corpus.config(tmp_path / "work")
    jobs.run_inline(config, STORE)
    partitions = len(mapping_of(config).partitions)
    match what:
        case "added":
            (corpus.texts / "f020b.txt").write_text("a text that was added")
        case "appended":
            (corpus.texts / "z.txt").write_text("a text that was added")
        case "removed":
            (corpus.texts / "f021.txt").unlink()
        case "changed":
            corpus.put(21, "another text")
    watch = jobs.Watch()
    jobs.run_inline(config, STORE, watch)
    redone = {partition for partition, _ in watch.started}
    assert 1 <= len(redone) <= 2 < partitions
    fresh = corpus.config(tmp_path / "fresh", **{"partition.join_files": "never"})
    jobs.run_inline(fresh, STORE)
    assert jobs.exported(config, STORE) == jobs.exported(fresh, STORE)
    assert jobs.ledgers(config, STORE)[0] == jobs.ledgers(fresh, STORE)[0]


def test_a_file_that_changes_under_a_running_job_is_the_one_that_is_named(
    corpus: Corpus, tmp_path: Path
) -> None:
    config = corpus.config(tmp_path / "work")
    jobs.run_inline(config, STORE)
    spec = next(spec for spec in mapping_of(config).partitions if len(spec.more) > 2)
    part = next(part for part in spec.more if not part.is_copy)
    Path(part.source_path).write_text(json.dumps({"text": "of another length"}))
    with pytest.raises(DataJuicerError, match=f"^{part.source_path}: .*changed while the job was running"):
        read_partition(STORE, spec, ("text",), 1 << 20)


def test_a_damaged_copy_of_one_file_is_set_aside_and_made_again(corpus: Corpus, tmp_path: Path) -> None:
    config = corpus.config(tmp_path / "work")
    jobs.run_inline(config, STORE)
    whole = jobs.exported(config, STORE)
    part = next(part for spec in mapping_of(config).partitions for part in spec.more if part.is_copy)
    copy = Path(part.copy_path)
    copy.write_bytes(copy.read_bytes()[::-1])
    changed = corpus.config(
        tmp_path / "work", [PROCESS[0], {"text_length_filter": {"min_len": 8, "max_len": 900}}]
    )
    with pytest.raises(DataJuicerError, match=f"a copy of rows of {part.source_path}, is damaged"):
        jobs.run_inline(changed, STORE)
    jobs.run_inline(changed, STORE)
    assert jobs.exported(changed, STORE) == whole


@pytest.mark.parametrize("step", [40, pytest.param(3, marks=pytest.mark.slow)])
def test_a_job_killed_at_any_change_of_the_disk_ends_as_one_that_was_not(step: int, corpus: Corpus) -> None:
    config = corpus.config("/jobs", DEDUP)

    def outcome(store: Any) -> tuple[object, ...]:
        return jobs.exported(config, store), jobs.ledgers(config, store), jobs.dead_letters(config, store)

    (corpus.rows / "f020.jsonl").write_text('{"text": "a good text"}\n' + BAD)
    counted = CrashingStore(jobs.memory_with_input(config), None)
    jobs.run_inline(config, counted)
    for crash_at in range(9, len(counted.deeds), step):
        disk = jobs.memory_with_input(config)
        with pytest.raises(PowerLoss):
            jobs.run_inline(config, CrashingStore(disk, crash_at))
        jobs.run_inline(config, disk)
        assert outcome(disk) == outcome(counted), counted.deeds[crash_at - 1]


def test_a_job_stays_with_what_it_began_with_until_it_is_asked_otherwise(
    corpus: Corpus, tmp_path: Path
) -> None:
    def run(join: str) -> tuple[bool, int]:
        corpus.put(3, f"a text for {join} {len(list(tmp_path.rglob('*')))}")  # else the job is complete
        config = corpus.config(tmp_path / "work", **{"partition.join_files": join})
        watch = jobs.Watch()
        jobs.run_inline(config, STORE, watch)
        return mapping_of(config).joins, len(watch.started)

    assert run("auto")[0] is False  # there are few
    assert run("always")[0] is True
    joins, started = run("auto")
    assert joins
    assert 0 < started <= 2 * len(PROCESS)
    assert run("never")[0] is False


def test_earlier_versions_refuse_joined_files_and_read_all_else(corpus: Corpus, tmp_path: Path) -> None:
    """They would take the first file of each partition for all of it."""
    earlier = VersionedJson(DatasetMapping, FORMAT_VERSION)
    for join in ("always", "never"):
        config = corpus.config(tmp_path / join, **{"partition.join_files": join})
        jobs.run_inline(config, STORE)
        path = jobs.layout_of(config).dataset_mapping
        if join == "always":
            with pytest.raises(NewerFormatError, match="format_version 3"):
                earlier.decode(STORE.read(path), path)
        else:
            assert earlier.decode(STORE.read(path), path).sources


def test_dropped_rows_name_their_files(corpus: Corpus, tmp_path: Path) -> None:
    found = []
    for join in ("always", "never"):
        config = corpus.config(tmp_path / join, DEDUP, **{"partition.join_files": join})
        jobs.run_inline(config, STORE)
        layout = jobs.layout_of(config)
        replay = JobReplay(STORE, layout, summaries.load(STORE, layout))
        rows = DroppedRows(STORE, layout, replay, 0).every(lambda *_: True)
        found.append([msgspec.structs.replace(row, partition=0) for row in rows])
    assert sorted(found[0], key=repr) == sorted(found[1], key=repr)
    assert len({row.source for row in found[0]}) > 5
