"""One shard of an export, as a worker writes it: lines of results in, a sealed upload out."""

from __future__ import annotations

from collections.abc import Callable

import xxhash

from data_juicer.engine.protocol.shared_work import ExportWork, ShardSealed
from data_juicer.job.layout import JobLayout
from data_juicer.storage.base import Store
from data_juicer.store.export.line_shards import write_line_shard


def write_export_shard(
    work: ExportWork, store: Store, layout: JobLayout, heartbeat: Callable[[], None]
) -> ShardSealed:
    """Write and seal a shard, which the driver publishes by its ticket. Raises: StoreError."""
    upload = store.new_upload(work.path, layout.job_id, beside=True)
    digest = xxhash.xxh3_128()

    def write(data: bytes) -> None:
        digest.update(data)
        upload.write(data)

    try:
        write_line_shard(store, layout.results_dir, work.lines, work.compression, write, heartbeat)
        upload.seal()
    except BaseException:
        upload.discard()
        raise
    return ShardSealed(ticket=upload.ticket(), size_bytes=upload.tell(), digest=digest.hexdigest())
