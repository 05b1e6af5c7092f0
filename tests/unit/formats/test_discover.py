from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.errors import InputError
from data_juicer.formats.base import LeftOut
from data_juicer.formats.compression import compress
from data_juicer.formats.discover import discover
from data_juicer.formats.partition import check_source
from data_juicer.storage.posix import PosixStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    for name in (
        "b.jsonl",
        "a.jsonl.gz",
        "deep/c.parquet",
        "deep/er/d.json",
        ".e.jsonl",
        ".hidden/f.jsonl",
        "README.md",
        "picture.png",
        "deep/UPPER.PNG",
    ):
        (tmp_path / name).write_bytes(b"{}\n")
    return tmp_path


def names(folder: Path, *inputs: str, suffixes: tuple[str, ...] = ()) -> list[str]:
    return [os.path.relpath(source.path, folder) for source in discover(PosixStore(), inputs, suffixes)]


def test_a_folder_is_searched_through_in_the_order_of_paths(folder: Path) -> None:
    assert names(folder, str(folder)) == ["a.jsonl.gz", "b.jsonl", "deep/c.parquet", "deep/er/d.json"]


def test_files_folders_and_globs_keep_the_order_in_which_they_are_given(folder: Path) -> None:
    given = [str(folder / "deep"), str(folder / "*.jsonl*"), str(folder / "b.jsonl")]
    assert names(folder, *given) == ["deep/c.parquet", "deep/er/d.json", "a.jsonl.gz", "b.jsonl"]
    assert [source.index for source in discover(PosixStore(), given)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "again", ["b.jsonl", "./b.jsonl", "deep/../b.jsonl", "symbolic.jsonl", "hard.jsonl", "l/b.jsonl"]
)
def test_a_file_that_has_several_names_is_read_once_and_the_job_says_so(
    folder: Path, again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "symbolic.jsonl").symlink_to("b.jsonl")
    (folder / "hard.jsonl").hardlink_to(folder / "b.jsonl")
    (folder / "l").symlink_to(".")
    monkeypatch.chdir(folder)
    reported: list[str] = []
    found = discover(PosixStore(), ["b.jsonl", again], tell=reported.append)
    assert [source.path for source in found] == [str(folder / "b.jsonl")]
    assert [said.rpartition("; ")[2] for said in reported] == ["a file is read once"]


def test_suffixes_choose_files(folder: Path) -> None:
    assert names(folder, str(folder), suffixes=(".parquet", "json")) == ["deep/c.parquet", "deep/er/d.json"]


def test_a_source_has_format_compression_size_and_time(folder: Path) -> None:
    (source,) = discover(PosixStore(), [str(folder / "a.jsonl.gz")])
    assert (source.format, source.compression, source.size_bytes) == ("jsonl", "gzip", 3)
    assert source.mtime_ns == os.stat(source.path).st_mtime_ns


TABLE = pa.table({"text": ["a", "b"]})
REFUSED: dict[str, tuple[Callable[[Path], str], str]] = {
    "missing file": (
        lambda at: f"{at}/bb.jsonl",
        r"bb\.jsonl: no such file or folder; did you mean /.*/b\.jsonl\?",
    ),
    "missing folder": (lambda at: f"{at}/dep/x.jsonl", r"no such file or folder; did you mean /.*/deep\?"),
    "glob": (lambda at: f"{at}/*.parket", r"\*\.parket: no file matches this pattern"),
    "glob of unknown": (
        lambda at: f"{at}/*.png",
        r"none of the 1 files in the pattern can be read \(found: picture\.png\)",
    ),
    "unknown suffix": (
        lambda at: f"{at}/picture.png",
        r"picture\.png: unknown suffix; a file must end in \.jsonl, \.json, .*\.tsv, .*; text may have \.gz, .* or \.lz4 after",
    ),
    "empty folder": (lambda at: f"{at}/empty", r"empty: the folder holds no files"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line(folder: Path, case: str) -> None:
    (folder / "empty").mkdir()
    given, message = REFUSED[case]
    with pytest.raises(InputError, match=message) as refusal:
        discover(PosixStore(), [given(folder)])
    assert "\n" not in str(refusal.value)


def test_suffixes_that_fit_no_file_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"none of the 7 files in the folder ends in \.csv"):
        discover(PosixStore(), [str(folder)], [".csv"])


@pytest.mark.parametrize("packing", ["none", "gzip", "zstd"])
def test_a_source_without_the_text_key_is_refused_with_what_it_has(tmp_path: Path, packing: str) -> None:
    path = tmp_path / ("corpus.jsonl" + {"none": "", "gzip": ".gz", "zstd": ".zst"}[packing])
    path.write_bytes(compress(b"\xef\xbb\xbf" + b'{"id":1,"content":"a"}\nbroken\n' * 200, packing))  # type: ignore[arg-type]
    (source,) = discover(PosixStore(), [str(path)])
    expected = r"none of the first 100 rows has the field 'text' \(found: id, content\)\. Set text_keys\."
    with pytest.raises(InputError, match=expected):
        check_source(PosixStore(), source, ["content", "text"])
    check_source(PosixStore(), source, ["content"])


def test_one_row_with_the_text_key_is_enough_and_no_rows_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    for data in (b'{"id":1}\n' * 99 + b'{"meta":{"text":"a"}}', b"", b"\n\n"):
        path.write_bytes(data)
        check_source(PosixStore(), *discover(PosixStore(), [str(path)]), ["meta.text"])


def test_a_parquet_source_must_have_a_column_of_strings(tmp_path: Path) -> None:
    path = tmp_path / "corpus.parquet"
    pq.write_table(pa.table({"text": ["a"], "n": [1]}), path)
    (source,) = discover(PosixStore(), [str(path)])
    check_source(PosixStore(), source, ["text"])
    with pytest.raises(InputError, match=r"the column 'n' is of type int64"):
        check_source(PosixStore(), source, ["text", "n"])


def test_links_that_lead_back_are_not_walked_and_others_are(tmp_path: Path) -> None:
    for name in ("a/1.jsonl", "b/2.jsonl", "elsewhere/3.jsonl"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"{}")
    (tmp_path / "in" / "elsewhere").rename(tmp_path / "elsewhere")
    for link, target in (("itself", "in"), ("above", "."), ("a/other", "in/b"), ("b/other", "in/a")):
        (tmp_path / "in" / link).symlink_to(tmp_path / target)
    (tmp_path / "in" / "c").symlink_to(tmp_path / "elsewhere")
    found = [
        os.path.relpath(source.path, tmp_path / "in")
        for source in discover(PosixStore(), [str(tmp_path / "in")])
    ]
    assert found == ["a/1.jsonl", "a/other/2.jsonl", "c/3.jsonl"]  # b/2.jsonl is read already


def saved(folder: Path, *splits: str) -> Path:
    """A folder as `datasets` saves it, with a cache that it left beside."""
    for split in splits:
        (folder / split).mkdir(parents=True)
        files = [f"data-0000{number}-of-00002.arrow" for number in range(2)]
        for name in (*files, "cache-1234.arrow"):
            with pa.ipc.new_stream(str(folder / split / name), TABLE.schema) as writer:
                writer.write_table(TABLE)
        state = {"_data_files": [{"filename": name} for name in files], "_indices_data_files": None}
        (folder / split / "state.json").write_text(json.dumps(state))
        (folder / split / "dataset_info.json").write_text("{}")
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))
    return folder


def test_a_folder_that_datasets_saved_is_its_arrow_files_in_the_order_of_its_splits(tmp_path: Path) -> None:
    left_out: list[LeftOut] = []
    at = saved(tmp_path / "in", "train", "test")
    found = discover(PosixStore(), [str(at)], leave_out=left_out.append)
    assert [os.path.relpath(source.path, at) for source in found] == [
        f"{split}/data-0000{number}-of-00002.arrow" for split in ("train", "test") for number in range(2)
    ]
    assert [each.counts for each in left_out] == [{".json": 5, ".arrow": 2}]
    (tmp_path / "in" / "state.json").write_text('{"text":"a row of a person"}')
    assert "state.json" in [os.path.basename(each.path) for each in discover(PosixStore(), [str(at)])]


def test_a_saved_dataset_that_lacks_a_file_or_chooses_rows_is_refused(tmp_path: Path) -> None:
    at = saved(tmp_path, "train") / "train"
    state = json.loads((at / "state.json").read_text())
    (at / "state.json").write_text(
        json.dumps(state | {"_indices_data_files": [{"filename": "indices.arrow"}]})
    )
    with pytest.raises(InputError, match="file of indices"):
        discover(PosixStore(), [str(tmp_path)])
    (at / "state.json").write_text(json.dumps(state))
    (at / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(InputError, match=r"'data-00001-of-00002\.arrow'.* is missing"):
        discover(PosixStore(), [str(tmp_path)])


def test_what_is_not_read_is_counted_and_named_by_suffix(folder: Path) -> None:
    reported: list[str] = []
    left_out: list[LeftOut] = []
    discover(
        PosixStore(), [str(folder), str(folder / "*.jsonl")], tell=reported.append, leave_out=left_out.append
    )
    assert [each.counts for each in left_out] == [{".png": 2, "hidden": 2, ".md": 1}]
    assert reported[0] == (
        f"{folder}: 5 files of the folder are not read (2 .png, 2 hidden, 1 .md); "
        "text beside data is read only where suffixes names it, such as [.md]"
    )


def test_text_and_code_are_read_where_there_are_no_data_or_suffixes_name_them(folder: Path) -> None:
    assert names(folder, str(folder), suffixes=(".md",)) == ["README.md"]
    for name in ("a.py", "Makefile", "deep/b.CPP", "c.txt.gz"):
        (folder / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "code" / name).write_bytes(b"text")
    assert names(folder, str(folder / "code")) == ["code/a.py", "code/c.txt.gz", "code/deep/b.CPP"]


def test_loops_of_links_under_a_pattern_are_walked_once(tmp_path: Path) -> None:
    folder = tmp_path / "d" / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "f.jsonl").write_text('{"text":"x"}\n')
    (folder / "up").symlink_to("../..")
    (tmp_path / "d" / "self").symlink_to(".")
    (tmp_path / "d" / "a" / "me").symlink_to("../../d")
    for pattern in ("d/**/*.jsonl", "**/f.jsonl", "d/**"):
        found = discover(PosixStore(), [str(tmp_path / pattern)])
        assert [source.path for source in found] == [str(folder / "f.jsonl")], pattern
