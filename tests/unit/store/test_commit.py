from __future__ import annotations

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.errors import CheckpointCorruptError, CheckpointError
from data_juicer.storage.memory import MemoryStore
from data_juicer.store.codec import COMPRESSIONS, Compression, Format, decode_table, encode_table
from data_juicer.store.commit import commit_manifest, read_manifest, set_aside
from data_juicer.store.ledger import OperatorLedger, check_ledgers
from data_juicer.store.manifest import FORMAT_VERSION, Manifest, decode_manifest, encode_manifest

KINDS: list[tuple[Format, Compression]] = [
    (kind, each) for kind, all_of in COMPRESSIONS.items() for each in all_of
]
TABLES = st.lists(
    st.tuples(
        st.integers(-1, 2**31 - 1),
        st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
        st.none()
        | st.sampled_from([b"1.0", b"1180591620717411303424", b'{"a":[1,null]}', '"é\u2028\\n"'.encode()]),
        st.none() | st.floats(allow_nan=False),
        st.booleans(),
    ),
    max_size=6,
).map(
    lambda rows: pa.table(
        {
            "base": pa.array([row[0] for row in rows], pa.int32()),
            "text:text": pa.array([row[1] for row in rows], pa.large_string()),
            "field:meta": pa.array([row[2] for row in rows], pa.large_binary()),
            "stat:ratio": pa.array([row[3] for row in rows], pa.float64()),
            "stat:kept": pa.array([row[4] for row in rows], pa.bool_()),
        }
    )
)


@pytest.mark.parametrize(("file_format", "compression"), KINDS)
@given(table=TABLES)
def test_a_table_comes_back_from_every_format_and_compression(
    file_format: Format, compression: Compression, table: pa.Table
) -> None:
    data = bytes(encode_table(table, file_format, compression))
    assert bytes(encode_table(table, file_format, compression)) == data
    assert decode_table(data, file_format, "f").equals(table)


@pytest.mark.parametrize(("file_format", "compression"), KINDS)
def test_a_part_of_a_file_is_damage_or_has_fewer_rows(file_format: Format, compression: Compression) -> None:
    table = pa.table({"base": pa.array(range(300), pa.int32())})
    data = bytes(encode_table(table, file_format, compression))
    for part in (b"", data[:3], data[: len(data) // 2], data[:-1], b"\0" * len(data)):
        assert _rows(part, file_format) != table.num_rows


def _rows(data: bytes, file_format: Format) -> int | None:
    try:
        return int(decode_table(data, file_format, "the file").num_rows)
    except CheckpointCorruptError:
        return None


# ---- manifests


def ledger(index: int, rows_in: int, rows_out: int, **fields: int) -> OperatorLedger:
    return OperatorLedger(index=index, name=f"op{index}", rows_in=rows_in, rows_out=rows_out, **fields)


def manifest(**fields: object) -> Manifest:
    present = Manifest(
        kind="checkpoint",
        job="j",
        partition=1,
        operator_index=0,
        operator_name="op0",
        key="k",
        fragment="f",
        reader="r",
        operators=(),
        files=(),
        rows=2,
        ledgers=(ledger(-1, 4, 3, rows_dead_letter=1), ledger(0, 3, 2, rows_filtered=1)),
        attempt="r1a1",
        run=1,
        created="",
    )
    return msgspec.structs.replace(present, **fields)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.make_dirs("/c")
    return store


def test_the_first_commit_wins_and_the_second_changes_nothing(store: MemoryStore) -> None:
    assert commit_manifest(store, "/c/m.json", manifest())
    assert not commit_manifest(store, "/c/m.json", manifest(attempt="r1a2"))
    assert read_manifest(store, "/c/m.json") == manifest()


def test_a_commit_for_another_key_is_refused(store: MemoryStore) -> None:
    commit_manifest(store, "/c/m.json", manifest())
    with pytest.raises(CheckpointError, match="for another key"):
        commit_manifest(store, "/c/m.json", manifest(key="other"))


@pytest.mark.parametrize(
    "fields",
    [
        {"rows": 3},
        {"ledgers": (ledger(0, 3, 2),)},
        {"ledgers": (ledger(-1, 4, 4), ledger(0, 3, 2, rows_filtered=1))},
        {"ledgers": (ledger(0, 2, 2, rows_generated=1),)},
    ],
    ids=["rows", "a row lost", "a row lost between operators", "a row made that is not there"],
)
def test_what_does_not_balance_is_not_committed(store: MemoryStore, fields: dict[str, object]) -> None:
    with pytest.raises(CheckpointError):
        commit_manifest(store, "/c/m.json", manifest(**fields))
    assert store.list("/c") == []


@pytest.mark.parametrize(
    "counts",
    [
        {
            "rows_in": 5,
            "rows_generated": 2,
            "rows_out": 3,
            "rows_filtered": 2,
            "rows_duplicate": 1,
            "rows_dead_letter": 1,
        },
        {"rows_in": 0, "rows_out": 0},
    ],
)
def test_a_ledger_that_balances_is_accepted(counts: dict[str, int]) -> None:
    check_ledgers([OperatorLedger(index=0, name="x", **counts)], "here")


@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_a_torn_manifest_is_damage(cut: int) -> None:
    with pytest.raises(CheckpointCorruptError, match=r"/c/m\.json"):
        decode_manifest(encode_manifest(manifest())[:cut], "/c/m.json")


@given(st.binary(max_size=60) | st.sampled_from([b"{}", b"null", b'{"format_version":"1"}', b"[" * 9999]))
def test_any_other_bytes_are_damage(data: bytes) -> None:
    with pytest.raises(CheckpointCorruptError):
        decode_manifest(data, "m")


def test_a_newer_manifest_is_refused_and_not_called_damaged() -> None:
    newer = encode_manifest(manifest()).replace(
        b'"format_version":%d' % FORMAT_VERSION, b'"format_version":%d' % (FORMAT_VERSION + 1)
    )
    with pytest.raises(CheckpointError, match="Use the data_juicer that wrote it") as caught:
        decode_manifest(newer, "m")
    assert not isinstance(caught.value, CheckpointCorruptError)


def test_what_is_set_aside_keeps_its_bytes_and_never_replaces_another(store: MemoryStore) -> None:
    moved = []
    for data in (b"1", b"2", b"3"):
        store.write("/c/m.json", data)
        moved += set_aside(store, ["/c/m.json"])
    assert [store.read(path) for path in moved] == [b"1", b"2", b"3"]
    assert store.list("/c") == ["set_aside"]
