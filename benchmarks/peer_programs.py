"""What other programs do with a file of documents, and the CPU seconds that it takes them. Run by the interpreter of their environment.

python peer_programs.py PROGRAM DATA FOLDER     prints {"cpu_s": ..., "rows": ...}; what is loaded at first counts for nothing

It imports nothing of data_juicer, whose name py-data-juicer has too.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

BANDS, ROWS_A_BAND, WORDS_A_SHINGLE = 14, 8, 5
SIGNATURE = 128
WARM_ROWS = 20


def datatrove_minhash(data: str, folder: str) -> Callable[[], None]:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    config = MinhashConfig(n_grams=WORDS_A_SHINGLE, num_buckets=BANDS, hashes_per_bucket=ROWS_A_BAND)

    def reader() -> Any:
        return JsonlReader(os.path.dirname(data), glob_pattern=os.path.basename(data))

    steps = [
        ([reader(), MinhashDedupSignature(output_folder=f"{folder}/signatures", config=config)], 1),
        (
            [
                MinhashDedupBuckets(
                    input_folder=f"{folder}/signatures", output_folder=f"{folder}/buckets", config=config
                )
            ],
            BANDS,
        ),
        (
            [
                MinhashDedupCluster(
                    input_folder=f"{folder}/buckets", output_folder=f"{folder}/remove", config=config
                )
            ],
            1,
        ),
        (
            [
                reader(),
                MinhashDedupFilter(input_folder=f"{folder}/remove"),
                JsonlWriter(f"{folder}/out", compression=None),
            ],
            1,
        ),
    ]

    def run() -> None:
        for number, (pipeline, tasks) in enumerate(steps):
            LocalPipelineExecutor(
                pipeline=pipeline, tasks=tasks, workers=1, logging_dir=f"{folder}/logs{number}"
            ).run()

    return run


def _datatrove_filters(data: str, folder: str, filters: list[Any]) -> Callable[[], None]:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    reader = JsonlReader(os.path.dirname(data), glob_pattern=os.path.basename(data))
    pipeline = [reader, *filters, JsonlWriter(f"{folder}/out", compression=None)]
    return LocalPipelineExecutor(pipeline=pipeline, tasks=1, logging_dir=f"{folder}/logs").run


def datatrove_gopher(data: str, folder: str) -> Callable[[], None]:
    from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter

    return _datatrove_filters(data, folder, [GopherRepetitionFilter(), GopherQualityFilter()])


def datatrove_c4(data: str, folder: str) -> Callable[[], None]:
    from datatrove.pipeline.filters import C4QualityFilter

    return _datatrove_filters(data, folder, [C4QualityFilter(filter_no_terminal_punct=False)])


def rensa_signatures(data: str, _: str) -> Callable[[], None]:
    from rensa import RMinHash

    with open(data, encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]

    def run() -> None:
        for text in texts:
            words = text.lower().split()
            shingles = [
                " ".join(words[start : start + WORDS_A_SHINGLE])
                for start in range(max(1, len(words) - WORDS_A_SHINGLE + 1))
            ]
            made = RMinHash(num_perm=SIGNATURE, seed=42)
            made.update(shingles)
            made.digest()

    return run


PROGRAMS = {
    each.__name__: each for each in (datatrove_minhash, datatrove_gopher, datatrove_c4, rensa_signatures)
}


def _cpu_s() -> float:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in usage)


def main() -> None:
    program, data, folder = sys.argv[1:]
    with open(data, "rb") as file:
        lines = file.readlines()
    warm = os.path.join(folder, "warm")
    os.makedirs(warm)
    with open(os.path.join(warm, "few.jsonl"), "wb") as few:
        few.writelines(lines[:WARM_ROWS])
    PROGRAMS[program](few.name, warm)()  # tokenizers and lists of words are loaded when they are first used
    run = PROGRAMS[program](data, folder)
    before_s = _cpu_s()
    run()
    print(json.dumps({"cpu_s": _cpu_s() - before_s, "rows": len(lines)}))


if __name__ == "__main__":
    main()
