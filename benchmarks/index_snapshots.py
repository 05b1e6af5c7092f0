"""Five snapshots with planted overlaps, one job each over one index; and planted sentences of a benchmark: what is found, and what is not.

    python -m benchmarks.index_snapshots FOLDER --documents 20000

The planted documents are made of earlier ones, most of which are in earlier snapshots (`planted_duplicates.py`). Of exact duplicates
every one has to go and nothing else; of near ones (MinHash, threshold 0.7) at least 95 % of those with a Jaccard similarity of 0.8, and at
most 0.1 % of those below 0.5. Every row with a sentence of the benchmark has to go, and no other.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Final

from benchmarks.planted_duplicates import Planted, generate
from data_juicer.api import run_config
from data_juicer.config.config import load_recipe

SNAPSHOTS: Final = 5
EXACT: Final = "document_deduplicator"
MINHASH: Final = "document_minhash_deduplicator"


def run(folder: Path, name: str, source: Path, operator: dict[str, Any]) -> set[int]:
    """The documents that stay."""
    given = {
        "dataset_path": str(source),
        "export_path": str(folder / "out" / f"{name}.jsonl"),
        "work_dir": str(folder / "jobs"),
        "job_id": name,
        "executor_type": "inline",
        "process": [operator],
    }
    run_config(load_recipe(given, {}, {}))
    with open(folder / "out" / f"{name}.jsonl", encoding="utf-8") as lines:
        return {json.loads(line)["id"] for line in lines}


def write(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def removed(folder: Path, operator: str, made: Sequence[Planted], **parameters: object) -> set[int]:
    """The documents that five jobs remove, one after the other."""
    bounds = [0, *accumulate([len(made) // SNAPSHOTS] * (SNAPSHOTS - 1)), len(made)]
    index, kept = str(folder / f"{operator}.index"), set[int]()
    for number, (start, stop) in enumerate(pairwise(bounds)):
        rows = [{"id": each.id, "text": each.text} for each in made[start:stop]]
        source = write(folder / f"snapshot{number}.jsonl", rows)
        entry = {operator: {**parameters, "dedup_index": index, "update": True}}
        kept |= run(folder, f"{operator}-{number}", source, entry)
    return {each.id for each in made} - kept


def share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({part / max(1, whole):.2%})"


def snapshots(folder: Path, documents: int) -> bool:
    """Whether the bounds hold."""
    made = list(generate(documents, seed=1))
    texts = {each.id: each.text for each in made}
    same = {
        each.id
        for each in made
        if each.kind in {"exact", "normalised"} or (each.kind and each.text == texts[each.original])
    }
    started_s = time.process_time()
    found = removed(folder, EXACT, made, lowercase=True, ignore_non_character=True)
    print(
        f"exact: recall {share(len(found & same), len(same))}, precision {share(len(found & same), len(found))}"
    )
    is_right = found == same
    alike = {each.id for each in made if each.kind and each.jaccard >= 0.8}
    unlike = {each.id for each in made if not each.kind or each.jaccard < 0.5}
    near = removed(folder, MINHASH, made)
    print(f"MinHash: of those with a similarity from 0.8 on {share(len(near & alike), len(alike))}")
    print(f"MinHash: of those below 0.5 {share(len(near & unlike), len(unlike))}")
    is_right &= len(near & alike) >= 0.95 * len(alike) and len(near & unlike) <= 0.001 * len(unlike)
    print(f"ten jobs over {documents:,} documents: {time.process_time() - started_s:.1f} CPU s")
    return is_right


def benchmark(folder: Path, documents: int) -> bool:
    """Whether every planted sentence is found, and nothing else goes."""
    draw = random.Random(2)
    made = [each for each in generate(documents // 4, seed=3) if not each.kind]
    words = [word for each in made[:2000] for word in each.text.lower().strip(".").split()]
    asked = [" ".join(draw.sample(words, draw.randint(8, 40))) for _ in range(1000)]
    write(folder / "asked.jsonl", ({"question": text.capitalize() + "?"} for text in asked))
    rows, planted = [], set()
    for number, each in enumerate(made):
        text = each.text
        if number % 5 == 0:
            planted.add(each.id)
            sentence = draw.choice(asked)
            own = text.split(" ")
            text = f"{' '.join(own[:20])}\n\n{sentence.upper().replace(' ', ',  ', 3)}!\n{' '.join(own[20:])}"
        rows.append({"id": each.id, "text": text})
    entry = {"ngram_overlap_filter": {"against": [str(folder / "asked.jsonl")]}}
    kept = run(folder, "decontaminated", write(folder / "web.jsonl", rows), entry)
    found = {each.id for each in made} - kept
    print(
        f"benchmark: recall {share(len(found & planted), len(planted))}, "
        f"precision {share(len(found & planted), len(found))}"
    )
    return found == planted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--documents", type=int, default=20_000)
    arguments = parser.parse_args()
    folder = Path(arguments.folder)
    os.makedirs(folder / "out", exist_ok=True)
    is_right = snapshots(folder, arguments.documents)
    is_right &= benchmark(folder, arguments.documents)
    print("every bound holds" if is_right else "a bound does not hold")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
