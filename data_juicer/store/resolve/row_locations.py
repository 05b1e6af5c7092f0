"""Decisions that name other rows, with the locations of those: in their sources for people, in files for workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from data_juicer.store.resolve.known_tables import KNOWN_COLUMNS
from data_juicer.store.summaries import SummaryFiles, source_rows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from data_juicer.ops.dataset.scratch import Scratch

SOURCE_ROW: Final = "row"
"""Column of a decision: the row of its partition's source that each row came from, -1 for none."""
KEPT_SOURCE_ROW: Final = "kept_source_row"
"""The same of the row that stays in its place, in that row's partition."""


def with_source_rows(
    tables: Iterator[pa.Table], summaries: SummaryFiles, scratch: Scratch
) -> Iterator[pa.Table]:
    """Decisions that name the row which stays for another, with the rows of the sources that both are."""
    import numpy as np

    from data_juicer.ops.dataset.decisions import KEPT_PARTITION, KEPT_ROW
    from data_juicer.ops.dataset.summaries import first_rows

    firsts, origins = first_rows(summaries), None
    for number, table in enumerate(tables, summaries.known):
        if KEPT_ROW not in table.column_names:
            yield table
            continue
        if origins is None:
            origins = _origins(summaries, scratch)
        partition = table.column(KEPT_PARTITION).fill_null(0).to_numpy()
        row = table.column(KEPT_ROW).fill_null(0).to_numpy()
        kept = origins[firsts[summaries.known + partition] + row] if len(row) else row
        own = np.asarray(origins[firsts[number] : firsts[number + 1]])
        yield add_known_rows(add_source_rows(table, own, kept), summaries)


def add_known_rows(table: pa.Table, summaries: SummaryFiles) -> pa.Table:
    """Decisions about one partition, with where the known rows come from that stay for some of its rows."""
    import numpy as np
    import pyarrow as pa

    from data_juicer.ops.dataset.decisions import KEPT_PARTITION, KEPT_ROW
    from data_juicer.ops.dataset.summaries import first_rows

    if not summaries.known:
        return table
    partition = table.column(KEPT_PARTITION).fill_null(0).to_numpy()
    is_known = partition < 0
    rows = table.column(KEPT_ROW).fill_null(0).to_numpy()[is_known]
    found = summaries.known_rows(first_rows(summaries)[summaries.known + partition[is_known]] + rows)
    indices = pa.array(np.cumsum(is_known) - 1, mask=~is_known)
    for name in KNOWN_COLUMNS:
        table = table.append_column(name, found.column(name).take(indices))
    return table


def add_source_rows(table: pa.Table, own: npt.NDArray[np.int32], kept: npt.NDArray[np.int32]) -> pa.Table:
    """Decisions about one partition, with the source rows of its rows and of those that stay for them."""
    import numpy as np
    import pyarrow as pa

    from data_juicer.ops.dataset.decisions import KEPT_ROW

    nowhere = np.asarray(table.column(KEPT_ROW).combine_chunks().is_null())
    kept_rows = pa.array(kept, pa.int32(), mask=nowhere)
    return table.append_column(SOURCE_ROW, pa.array(own)).append_column(KEPT_SOURCE_ROW, kept_rows)


def with_member_locations(
    tables: Iterator[pa.Table], summaries: SummaryFiles, scratch: Scratch
) -> Iterator[pa.Table]:
    """Decisions that gather rows, with where each is in the files beside the summaries."""
    from data_juicer.ops.dataset.grouping.members import MEMBER_PARTITION, MEMBER_ROW, member_kind
    from data_juicer.ops.dataset.summaries import ROW_BYTES, first_rows, row_count

    firsts, kind = first_rows(summaries), location_kind()
    locations = scratch.zeros(row_count(summaries), member_kind(kind))
    for number, first in enumerate(firsts[:-1]):
        table = summaries.whole_summary(number)
        part, of_table = locations[first : first + table.num_rows], member_locations(table)
        part["size"] = table.column(ROW_BYTES).to_numpy()
        for name in kind.names or ():
            part[name] = of_table[name]
    for table in tables:
        partition = table.column(MEMBER_PARTITION).to_numpy()
        member = firsts[partition] + table.column(MEMBER_ROW).to_numpy()
        yield add_member_locations(table, locations[member], summaries)


def location_kind() -> np.dtype[np.void]:
    """The type of a location: where a row is in the file beside its summary and in its source, and its digest."""
    import numpy as np

    return np.dtype([("start", "<i8"), ("digest", "<u8"), ("origin", "<i4")])


def member_locations(summary: pa.Table) -> npt.NDArray[Any]:
    """The locations of all rows of a partition, shape (rows,); see `location_kind`."""
    import numpy as np

    from data_juicer.ops.dataset.summaries import ROW_BYTES
    from data_juicer.store.gathered_rows import ROW_DIGEST

    locations = np.empty(summary.num_rows, location_kind())
    lines = summary.column(ROW_BYTES).to_numpy() + 1  # each ends with a line feed
    locations["start"] = np.cumsum(lines) - lines
    locations["digest"] = summary.column(ROW_DIGEST).to_numpy()
    locations["origin"] = source_rows(summary)
    return locations


def add_member_locations(table: pa.Table, locations: npt.NDArray[Any], summaries: SummaryFiles) -> pa.Table:
    """A decision that gathers rows, with the locations of these and their sizes; see `grouping.members.member_kind`."""
    import numpy as np
    import pyarrow as pa

    from data_juicer.ops.dataset.grouping.members import MEMBER_PARTITION
    from data_juicer.ops.dataset.summaries import ROW_BYTES
    from data_juicer.store.gathered_rows import ROW_DIGEST, ROW_FILE, ROW_START

    present, place = np.unique(table.column(MEMBER_PARTITION).to_numpy(), return_inverse=True)
    files = pa.array([summaries.row_file(number) for number in present.tolist()], pa.string())
    return (
        table.append_column(ROW_FILE, pa.DictionaryArray.from_arrays(place.astype(np.int32), files))
        .append_column(ROW_START, pa.array(locations["start"]))
        .append_column(ROW_BYTES, pa.array(locations["size"]))
        .append_column(ROW_DIGEST, pa.array(locations["digest"]))
        .append_column(SOURCE_ROW, pa.array(locations["origin"]))
    )


def _origins(summaries: SummaryFiles, scratch: Scratch) -> npt.NDArray[np.int32]:
    """Of every row, in the order of the input, the row of its source."""
    import numpy as np

    from data_juicer.ops.dataset.summaries import first_rows

    firsts = first_rows(summaries)
    origins: npt.NDArray[Any] = scratch.zeros(int(firsts[-1]), np.int32)
    for first, part in zip(firsts, summaries.origins(), strict=False):
        origins[first : first + len(part)] = part
    return origins
