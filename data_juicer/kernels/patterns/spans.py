"""Work on the few stretches of a text column that need it, such as the lines or tokens around certain bytes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import Bytes, Counts, byte_table, positions_of


def spans_around(utf8: Bytes, positions: Counts, separators: bytes) -> tuple[Counts, Counts]:
    """The stretches that hold these byte positions, as starts and stops in bytes, each once and in order.

    A stretch ends after a separator (an ASCII byte, which belongs to it) or at the end of its row.
    """
    borders = positions_of(utf8.data, byte_table(separators))
    positions = np.sort(positions)
    before, after = (
        np.searchsorted(borders, positions),
        np.searchsorted(utf8.offsets, positions, side="right"),
    )
    starts = np.maximum(utf8.offsets[after - 1], np.append(borders, -1)[before - 1] + 1)
    stops = np.minimum(utf8.offsets[after], np.append(borders, len(utf8.data))[before] + 1)
    first = np.diff(starts, prepend=-1) > 0
    return starts[first], stops[first]


def change_spans(
    utf8: Bytes, starts: Counts, stops: Counts, change: Callable[[int, int], bytes | None]
) -> pa.Array | None:
    """The column with stretches replaced.

    Args:
        starts, stops: stretches in bytes, in order, without overlap, each within one row.
        change: (start, stop) of a stretch -> its new bytes, None to leave it.
    Returns: None if nothing was replaced.
    """
    view = memoryview(utf8.data.tobytes())
    parts: list[bytes | memoryview] = []
    grown: list[tuple[int, int]] = []
    done = 0
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        new = change(start, stop)
        if new is not None:
            parts += (view[done:start], new)
            grown.append((start, len(new) - (stop - start)))
            done = stop
    if not grown:
        return None
    parts.append(view[done:])
    starts_at, sizes = np.array(grown, np.int64).T
    shifts = np.concatenate([[0], np.cumsum(sizes)])
    offsets = utf8.offsets + shifts[np.searchsorted(starts_at, utf8.offsets)]
    return Bytes(np.frombuffer(b"".join(parts), np.uint8), offsets).column()


def replace_characters(
    utf8: Bytes, starts_at: Counts, sizes: Counts, new: npt.NDArray[np.uint8]
) -> tuple[Bytes, Callable[[Counts], Counts]]:
    """The column with characters replaced by ASCII ones.

    Args:
        starts_at: the bytes at which they start, in order.
        sizes: bytes of each.
        new: what each becomes.
    Returns: the column, and the function that gives the new positions of old ones.
    """
    data = utf8.data.copy()
    data[starts_at] = new
    dropped = np.sort(np.concatenate([starts_at[sizes > step] + step for step in (1, 2, 3)]))
    kept = np.ones(len(data), np.bool_)
    kept[dropped] = False

    def moved(old: Counts) -> Counts:
        return old - np.searchsorted(dropped, old)

    return Bytes(data[kept], moved(utf8.offsets)), moved
