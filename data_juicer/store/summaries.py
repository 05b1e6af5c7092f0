"""Summaries that partitions committed before a dataset operator, read one by one and as often as wanted."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from data_juicer.errors import CheckpointCorruptError
from data_juicer.storage.base import Store
from data_juicer.store.codec import decode_table
from data_juicer.store.decisions import NONE_DEAD, DeadRows
from data_juicer.store.manifest import LostRow, Manifest
from data_juicer.store.resolve.known_tables import KNOWN_COLUMNS, NONE_KNOWN, KnownTables
from data_juicer.store.staging import read_file, read_lines

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

ORIGIN: Final = "__origin__"
"""Column that every summary has beside those of its operator: `rows.batch.Batch.numbers`."""
ROW_NUMBER: Final = "__row_number__"
"""Column of a summary that lacks rows, those that could not be summarised: the numbers of the others among all."""


_BESIDE: Final = frozenset((ORIGIN, ROW_NUMBER, *KNOWN_COLUMNS))


class DamagedSummaryError(CheckpointCorruptError):
    """Carries the partition whose summary is not what was committed."""

    def __init__(self, message: str, partition_id: int) -> None:
        super().__init__(message)
        self.partition_id = partition_id


def source_rows(summary: pa.Table) -> npt.NDArray[np.int32]:
    """The row of the partition's source that each row came from."""
    rows: npt.NDArray[np.int32] = summary.column(ORIGIN).to_numpy()
    return rows


def _of_operator(table: pa.Table) -> pa.Table:
    """A summary as its operator made it."""
    names = table.column_names
    return table.select([place for place, name in enumerate(names) if name not in _BESIDE])


class SummaryFiles:
    """Files are mapped, so that a pass over one column reads no other. The first pass checks every digest.

    Tables are numbered from 0, those of known rows first; partitions by their positions in the input.
    """

    def __init__(
        self,
        store: Store,
        directory: str,
        manifests: Sequence[Manifest],
        heartbeat: Callable[[], None] = lambda: None,
        *,
        is_checked: bool = False,
        known: KnownTables = NONE_KNOWN,
    ) -> None:
        """
        Args:
            manifests: of the summaries, in the order of the input.
            heartbeat: called before each table; may raise to end the pass.
            is_checked: the digests were looked at in this run.
            known: the tables that come first; written in this run, so that their digests are not looked at.
        """
        self._known = known
        self.known = len(known.files)
        self._store = store
        self._directory = directory
        self._manifests = manifests
        self._heartbeat = heartbeat
        self._checked = len(manifests) if is_checked else 0
        self._firsts: npt.NDArray[np.int64] | None = None
        """See `ops.dataset.summaries.first_rows`."""
        self.rows: tuple[int, ...] = (
            *(file.rows for file in known.files),
            *(manifest.rows for manifest in manifests),
        )

    def __iter__(self) -> Iterator[pa.Table]:
        """Raises: DamagedSummaryError."""
        return map(_of_operator, self._tables())

    def summary(self, number: int) -> pa.Table:
        """That of the partition at this position of the input. Raises: DamagedSummaryError."""
        return _of_operator(self._checked_table(self.known + number))

    def whole_summary(self, number: int) -> pa.Table:
        """The same, with the columns that are not its operator's. Raises: DamagedSummaryError."""
        return self._checked_table(self.known + number)

    def origins(self) -> Iterator[npt.NDArray[np.int32]]:
        """The source rows of each table."""
        return map(source_rows, self._tables())

    def take(
        self, rows: npt.NDArray[np.int64], values: Callable[[pa.Table], npt.NDArray[Any]]
    ) -> npt.NDArray[Any]:
        """What `values` gives of single rows, numbered over all tables; see `ops.dataset.pairs.shards.RowSummaries`.

        Raises: DamagedSummaryError.
        """
        import numpy as np

        order = np.argsort(rows, kind="stable")
        sorted_values = np.concatenate([values(table)[places] for table, places in self._places(rows[order])])
        found = np.empty_like(sorted_values)
        found[order] = sorted_values
        return found

    def known_rows(self, rows: npt.NDArray[np.int64]) -> pa.Table:
        """Where known rows come from (KNOWN_COLUMNS), in the order of their numbers."""
        import numpy as np
        import pyarrow as pa

        order = np.argsort(rows, kind="stable")
        parts = [
            table.select(KNOWN_COLUMNS).take(pa.array(places)) for table, places in self._places(rows[order])
        ]
        places = np.empty(len(rows), np.int64)
        places[order] = np.arange(len(rows))
        return pa.concat_tables(parts).take(pa.array(places))

    def _places(self, ordered: npt.NDArray[np.int64]) -> Iterator[tuple[pa.Table, npt.NDArray[np.int64]]]:
        """Each table that some rows are in, and where they are in it; the first one where there are no rows."""
        import numpy as np

        if self._firsts is None:
            self._firsts = np.concatenate([[0], np.cumsum(self.rows)])
        tables = np.searchsorted(self._firsts, ordered, side="right") - 1
        cuts = [0, *(np.flatnonzero(np.diff(tables)) + 1).tolist(), len(ordered)]
        for start, stop in itertools.pairwise(cuts):
            number = int(tables[start]) if start < stop else 0
            yield self._checked_table(number), ordered[start:stop] - self._firsts[number]

    def damaged(self, numbers: Iterable[int]) -> Iterator[tuple[int, str]]:
        """Read some of the files whole: partition, and what is wrong with its summary."""
        for number in numbers:
            self._heartbeat()
            manifest = self._manifests[number]
            try:
                read_file(self._store, self._directory, manifest.files[0], memory_map=True)
            except CheckpointCorruptError as error:
                yield manifest.partition, str(error)

    def dead(self, number: int) -> DeadRows:
        """The rows of the partition at this position of the input that could not be summarised.

        Raises: DamagedSummaryError.
        """
        manifest = self._manifests[number]
        before, ledger = manifest.ledgers[-2], manifest.ledgers[-1]
        if not ledger.rows_dead_letter:
            return NONE_DEAD
        try:
            lines = read_lines(self._store, self._directory, manifest.dead_letters[-1:])
            there = set(self._table(number, manifest).column(ROW_NUMBER).to_pylist())
        except CheckpointCorruptError as error:
            raise DamagedSummaryError(str(error), manifest.partition) from error
        rows = [row for row in range(before.rows_out) if row not in there]
        return DeadRows(rows=tuple(rows), dead_letters=tuple(lines))

    def seconds(self, number: int) -> float:
        """How long it took to summarise that partition."""
        return self._manifests[number].ledgers[-1].duration_s

    def text_bytes(self, number: int) -> int:
        """Bytes of text that were summarised of it."""
        return self._manifests[number].ledgers[-1].text_bytes

    def lost_rows(self, number: int) -> tuple[LostRow, ...]:
        """Rows of it that workers were lost over."""
        return self._manifests[number].lost_rows

    def row_file(self, number: int) -> str:
        """The file of its whole rows, of an operator that collects rows."""
        return self._manifests[number].files[1].name

    def _tables(self) -> Iterator[Any]:
        for number in range(len(self.rows)):
            self._heartbeat()
            yield self._checked_table(number)

    def _checked_table(self, number: int) -> pa.Table:
        """The table of this number, of a partition or of known rows."""
        if number < self.known:
            name = self._known.files[number].name
            return decode_table(self._store.map(f"{self._known.directory}/{name}"), "arrow", name)
        position = number - self.known
        manifest = self._manifests[position]
        try:
            return self._table(position, manifest)
        except CheckpointCorruptError as error:
            raise DamagedSummaryError(str(error), manifest.partition) from error

    def _table(self, number: int, manifest: Manifest) -> pa.Table:
        file = manifest.files[0]
        if number < self._checked:
            data = self._store.map(f"{self._directory}/{file.name}")
        else:
            data = read_file(self._store, self._directory, file, memory_map=True)
            self._checked = number + 1
        return decode_table(data, "arrow", file.name)
