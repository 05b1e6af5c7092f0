"""What every store must do, as tests: a store passes by subclassing `StoreContract` in a test module.

class TestMyStore(StoreContract):
@pytest.fixture
def store(self) -> Store:
return MyStore()
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from data_juicer.errors import StoreError
from data_juicer.storage.arrow_file import RangedFile, arrow_file
from data_juicer.storage.base import Store
from data_juicer.storage.locations.walk import glob_files, walk_files


class StoreContract:
    """A subclass overrides the fixture `store`, and `at` where locations are not those of this machine's disk."""

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    @pytest.fixture
    def at(self, store: Store, tmp_path: Path) -> str:
        """The location of an empty directory."""
        store.make_dirs(str(tmp_path))
        return str(tmp_path)

    # ---- whole files

    def test_what_was_put_is_read_and_replaced(self, store: Store, at: str) -> None:
        store.put(f"{at}/a", b"first and longer")
        store.put(f"{at}/a", memoryview(b"second"))
        assert store.read(f"{at}/a") == b"second"
        assert store.stat(f"{at}/a").size_bytes == 6
        assert bytes(store.map(f"{at}/a")) == b"second"
        assert store.list(at) == ["a"]

    def test_only_the_first_gets_a_name_and_nothing_is_left_beside_it(self, store: Store, at: str) -> None:
        assert store.put_if_absent(f"{at}/m", b"1")
        assert not store.put_if_absent(f"{at}/m", b"2")
        assert store.read(f"{at}/m") == b"1"
        assert store.list(at) == ["m"]

    def test_of_many_who_want_a_name_one_gets_it(self, store: Store, at: str) -> None:
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(lambda n: store.put_if_absent(f"{at}/m", b"%d" % n), range(8)))
        assert won.count(True) == 1
        assert store.read(f"{at}/m") == b"%d" % won.index(True)

    def test_a_file_is_replaced_only_if_it_is_the_version_that_was_seen(self, store: Store, at: str) -> None:
        store.put(f"{at}/lease", b"1")
        seen = store.stat(f"{at}/lease").version
        assert store.put_if_unchanged(f"{at}/lease", b"2", seen)
        assert not store.put_if_unchanged(f"{at}/lease", b"3", seen)
        assert not store.put_if_unchanged(f"{at}/missing", b"3", seen)
        assert store.read(f"{at}/lease") == b"2"
        assert not store.exists(f"{at}/missing")

    def test_of_many_who_saw_one_version_one_replaces_it(self, store: Store, at: str) -> None:
        store.put(f"{at}/lease", b"first")
        seen = store.stat(f"{at}/lease").version
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(lambda n: store.put_if_unchanged(f"{at}/lease", b"%d" % n, seen), range(8)))
        assert won.count(True) == 1
        assert store.read(f"{at}/lease") == b"%d" % won.index(True)

    def test_staged_files_are_there(self, store: Store, at: str) -> None:
        store.stage(f"{at}/one", b"1")
        store.write(f"{at}/two", b"2")
        store.make_durable([f"{at}/two"])
        with store.stage_many(at) as stage:
            stage("three", b"3")
            stage("four", b"4")
        assert {name: store.read(f"{at}/{name}") for name in store.list(at)} == {
            "one": b"1",
            "two": b"2",
            "three": b"3",
            "four": b"4",
        }

    # ---- streams

    def test_a_stream_is_seen_when_it_is_published(self, store: Store, at: str) -> None:
        store.put(f"{at}/a", b"before")
        with store.open_write(f"{at}/a") as sink:
            assert sink.write(b"one ") == 4
            sink.write(memoryview(b"two"))
            assert sink.tell() == 7
            assert store.read(f"{at}/a") == b"before"
        assert store.read(f"{at}/a") == b"one two"
        assert store.list(at) == ["a"]

    def test_a_stream_that_fails_leaves_nothing(self, store: Store, at: str) -> None:
        store.put(f"{at}/a", b"before")
        with pytest.raises(ZeroDivisionError), store.open_write(f"{at}/a") as sink:
            sink.write(b"%d" % (1 // int(sink.tell())))
        assert store.read(f"{at}/a") == b"before"
        assert store.list(at) == ["a"]

    def test_streams_are_published_together_under_names_that_were_chosen_last(
        self, store: Store, at: str
    ) -> None:
        uploads = [store.new_upload(f"{at}/result", "job", beside=True) for _ in range(3)]
        for number, upload in enumerate(uploads):
            upload.write(b"%d" % number)
            upload.seal()
        assert uploads[0].tell() == 1
        uploads[2].discard()
        store.publish((upload, f"{at}/result-{number}") for number, upload in enumerate(uploads[:2]))
        for upload in uploads:
            upload.discard()
        assert store.list(at) == ["result-0", "result-1"]
        assert store.read(f"{at}/result-1") == b"1"

    def test_a_sealed_stream_can_be_published_by_another_process(self, store: Store, at: str) -> None:
        path = f"{at}/result"
        begun = [store.new_upload(path, "job", beside=True) for _ in range(2)]
        for number, upload in enumerate(begun):
            upload.write(b"%d" % number * 3)
            upload.seal()
        first, second = (store.adopt_upload(path, "job", upload.ticket(), 3) for upload in begun)
        assert first.tell() == 3
        assert store.list(at) == [] or not store.exists(path)
        store.publish([(first, f"{path}-0")])
        second.discard()
        assert store.read(f"{path}-0") == b"000"
        store.discard_uploads(path, "job")
        assert store.list(at) == ["result-0"]

    def test_a_ticket_of_another_writer_or_elsewhere_is_refused(self, store: Store, at: str) -> None:
        upload = store.new_upload(f"{at}/result", "job", beside=True)
        upload.seal()
        with pytest.raises(ValueError, match="no upload of another"):
            store.adopt_upload(f"{at}/result", "another", upload.ticket(), 0)
        upload.discard()

    def test_what_a_writer_left_is_discarded_and_can_be_published_no_more(
        self, store: Store, at: str
    ) -> None:
        left, other = store.new_upload(f"{at}/result", "job"), store.new_upload(f"{at}/result", "another")
        for upload in (left, other):
            upload.write(b"1")
            upload.seal()
        store.discard_uploads(f"{at}/result", "job")
        with pytest.raises(StoreError):
            store.publish([(left, f"{at}/result")])
        assert not store.exists(f"{at}/result")
        store.publish([(other, f"{at}/result")])
        assert store.list(at) == ["result"]

    def test_files_are_joined_in_order(self, store: Store, at: str) -> None:
        for name, data in (("a", b"1"), ("b", b""), ("c", b"22")):
            store.put(f"{at}/{name}", data)
        with store.open_write(f"{at}/all") as sink:
            sink.write(b"0")
            for name in "cab":
                sink.append_file(f"{at}/{name}")
            sink.write(b"3")
        assert store.read(f"{at}/all") == b"02213"
        with pytest.raises(FileNotFoundError), store.open_write(f"{at}/all") as sink:
            sink.append_file(f"{at}/missing")

    # ---- names

    def test_files_are_moved(self, store: Store, at: str) -> None:
        store.make_dirs(f"{at}/aside")
        for name in "ab":
            store.put(f"{at}/{name}", name.encode())
        moved = store.move((f"{at}/{name}", f"{at}/aside/{name}") for name in "axb")
        assert moved == [f"{at}/aside/a", f"{at}/aside/b"], "one that is not there is passed over"
        assert (store.list(at), store.list(f"{at}/aside")) == (["aside"], ["a", "b"])

    def test_files_are_removed_and_those_that_are_gone_are_no_error(self, store: Store, at: str) -> None:
        for name in "abc":
            store.put(f"{at}/{name}", b"")
        store.remove(f"{at}/a")
        assert store.remove_all([f"{at}/b", f"{at}/missing"]) == []
        store.remove(f"{at}/missing")
        assert store.list(at) == ["c"]

    def test_directories_are_made_with_those_above_and_go_when_empty(self, store: Store, at: str) -> None:
        store.make_dirs(f"{at}/x/y")
        store.make_dirs(f"{at}/x/y")
        store.check_writable(f"{at}/x/y")
        assert store.list(f"{at}/x/y") == []
        store.put(f"{at}/x/y/f", b"")
        store.remove_dir(f"{at}/x/y")
        assert store.list(f"{at}/x") == ["y"]
        store.remove(f"{at}/x/y/f")
        store.remove_dir(f"{at}/x/y")
        assert not store.exists(f"{at}/x/y/f")

    # ---- looking

    def test_an_absent_file_is_reported(self, store: Store, at: str) -> None:
        assert store.list(f"{at}/missing") == []
        assert store.entries(f"{at}/missing") == []
        assert not store.exists(f"{at}/missing")
        looks: list[Callable[[str], Any]] = [store.read, store.stat, store.open_read, store.map]
        for look in looks:
            with pytest.raises(FileNotFoundError):
                look(f"{at}/missing")

    def test_a_file_is_read_by_ranges(self, store: Store, at: str) -> None:
        store.put(f"{at}/a", b"0123456789")
        assert store.read_range(f"{at}/a", 2, 5) == b"234"
        with store.open_read(f"{at}/a") as reader:
            assert reader.stat() == store.stat(f"{at}/a")
            assert reader.read(8, 20) == b"89"
            assert reader.read(20, 30) == b""
            assert list(reader.chunks(4)) == [b"0123", b"4567", b"89"]
            assert list(reader.chunks(4, 3, 9)) == [b"3456", b"78"]
            assert list(reader.chunks(4, 8, 100)) == [b"89"]
            assert list(reader.chunks(4, 9, 9)) == []
            assert list(reader.chunks(4, 50, 60)) == []

    def test_a_reader_stays_with_the_version_that_it_opened(self, store: Store, at: str) -> None:
        store.put(f"{at}/a", b"old one")
        with store.open_read(f"{at}/a") as reader:
            store.put(f"{at}/a", b"new")
            with contextlib.suppress(StoreError):  # a store that keeps no old versions says so
                assert reader.read(0, 7) == b"old one"
        assert store.read(f"{at}/a") == b"new"

    def test_arrow_reads_a_file_by_ranges(self, store: Store, at: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table({"text": [str(n) for n in range(1000)], "n": range(1000)})
        with store.open_write(f"{at}/t.parquet") as sink, pq.ParquetWriter(sink, table.schema) as writer:
            writer.write_table(table, row_group_size=100)
        with store.open_read(f"{at}/t.parquet") as reader:
            file = pq.ParquetFile(arrow_file(RangedFile(reader)))
            assert file.read_row_group(3, columns=["n"])["n"].to_pylist() == list(range(300, 400))

    def test_stat_tells_versions_and_kinds_apart(self, store: Store, at: str) -> None:
        store.make_dirs(f"{at}/d")
        store.put(f"{at}/a", b"1")
        store.put(f"{at}/d/b", b"1")
        first = store.stat(f"{at}/a")
        assert first.kind == "file"
        assert first.identity != store.stat(f"{at}/d/b").identity
        store.put(f"{at}/a", b"2")
        assert store.stat(f"{at}/a").version != first.version
        assert store.stat(f"{at}/d").is_directory
        assert [(each.name, each.kind, each.path) for each in store.entries(at)] == [
            ("a", "file", f"{at}/a"),
            ("d", "directory", f"{at}/d"),
        ]

    def test_files_are_found_below_a_folder_and_by_pattern(self, store: Store, at: str) -> None:
        for name in ("a.x", "d/b.x", "d/e/c.y", ".h/f.x", "d/.g.x"):
            store.make_dirs(f"{at}/{name}".rpartition("/")[0])
            store.put(f"{at}/{name}", b"")

        def found(pattern: str) -> list[str]:
            return sorted(path.removeprefix(f"{at}/") for path in glob_files(store, f"{at}/{pattern}"))

        assert [entry.path.removeprefix(f"{at}/") for entry in walk_files(store, at)] == [
            "a.x",
            "d/b.x",
            "d/e/c.y",
        ]
        assert found("*.x") == ["a.x"]
        assert found("**/*.x") == ["a.x", "d/b.x"]
        assert found("**") == ["a.x", "d/b.x", "d/e/c.y"]
        assert found("d/**/c.?") == ["d/e/c.y"]
        assert found("[a-c].x") == ["a.x"]
        assert found(".h/*") == [".h/f.x"]
        assert found("d/.*") == ["d/.g.x"]
        assert found("*/*/c.y") == ["d/e/c.y"]

    # ---- capabilities

    def test_a_log_grows_is_cut_and_rotated(self, store: Store, at: str) -> None:
        log = store.logs
        if log is None:
            pytest.skip("files of this store do not grow")
        log.append(f"{at}/log", b"one\n")
        log.append(f"{at}/log", memoryview(b"two\nthr"))
        log.truncate(f"{at}/log", 8)
        log.flush(f"{at}/log")
        assert store.read(f"{at}/log") == b"one\ntwo\n"
        log.rotate(f"{at}/log", f"{at}/log.1")
        log.append(f"{at}/log", b"three\n")
        assert (store.read(f"{at}/log"), store.read(f"{at}/log.1")) == (b"three\n", b"one\ntwo\n")
        with pytest.raises(StoreError):
            log.truncate(f"{at}/missing", 0)

    def test_a_lock_has_one_holder(self, store: Store, at: str) -> None:
        one, other = store.advisory_lock(), store.advisory_lock()
        if one is None or other is None:
            pytest.skip("this store has no locks")
        assert one.acquire(f"{at}/lock")
        assert store.is_locked(f"{at}/lock")
        assert not other.acquire(f"{at}/lock")
        one.release()
        one.release()
        assert not store.is_locked(f"{at}/lock")
        assert other.acquire(f"{at}/lock")
        other.release()
