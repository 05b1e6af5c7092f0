"""Signatures of MinHash beside peers: rensa and datatrove, in an environment of theirs that PEER_MINHASH_PYTHON names.

The same documents, words in lower case, shingles of five words, 112 permutations; CPU time of cutting and signing alone,
of one process each, in turns. Each takes texts as it takes them: rensa is given the shingles as strings, which the
script cuts with `str.split`; datatrove normalises texts and hashes shingles itself, but does not cut words with spaCy.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks.bench import Bench
from benchmarks.native import COMPILED, NUMPY, only
from benchmarks.operators import batches
from benchmarks.report import Measured
from data_juicer.kernels.native import loading
from data_juicer.ops.dataset.minhash import signatures
from data_juicer.ops.dataset.shingles import Shingler

WORDS, PERMUTATIONS = 5, 112

_THEIRS = {
    "rensa": """
from rensa import RMinHash
def sign(text):
    words = text.lower().split()
    signature = RMinHash(num_perm=PERMUTATIONS, seed=42)
    signature.update([" ".join(words[i : i + WORDS]) for i in range(max(len(words) - WORDS + 1, 1))])
    return signature.digest()
""",
    "datatrove": """
import numpy as np
from datatrove.pipeline.dedup import minhash
from datatrove.utils.text import ngrams, simplify_text
minhash.load_word_tokenizer = lambda language: None  # words are cut at spaces, as on the other sides
config = minhash.MinhashConfig(n_grams=WORDS, num_buckets=14, hashes_per_bucket=PERMUTATIONS // 14)
step = minhash.MinhashDedupSignature(output_folder=".", config=config)
def sign(text):
    words = simplify_text(text, config.norm_config).split()
    hashed = [step._hash_func(" ".join(shingle)) for shingle in ngrams(words, WORDS)]
    return step.get_signature(np.array(hashed, np.uint64).reshape(-1, 1)) if hashed else None
""",
}
_LOOP = """
import json, sys, time
texts = json.load(open(sys.argv[1]))
start = time.process_time()
for text in texts:
    sign(text)
print(time.process_time() - start)
"""


def measure(bench: Bench) -> list[Measured]:
    python = os.environ.get("PEER_MINHASH_PYTHON")
    if not python:
        bench.say("not measured: PEER_MINHASH_PYTHON names no environment with rensa and datatrove")
        return []
    texts = [msgspec.json.decode(line)["text"] for line in bench.documents()][
        :: max(1, 40 // bench.megabytes)
    ]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    speeds: dict[str, list[float]] = {}
    with bench.scratch() as scratch:
        path = scratch / "texts.json"
        path.write_text(json.dumps(texts))
        sides: dict[str, Callable[[], float]] = {NUMPY: lambda: _ours(NUMPY, texts)}
        if loading.functions is not None:
            sides[COMPILED] = lambda: _ours(COMPILED, texts)
        for peer in filter(lambda peer: _is_there(python, peer, bench), _THEIRS):
            sides[peer] = lambda peer=peer: _theirs(python, peer, path)
        for number in range(bench.repetitions):
            for side, seconds in sides.items():
                bench.say(f"{side}, {number + 1} of {bench.repetitions}")
                speeds.setdefault(side, []).append(megabytes / seconds())
    what = "signatures of MinHash, cutting included"
    return [Measured(what=f"{what}: {side}", values=values, unit="MB/s") for side, values in speeds.items()]


def _is_there(python: str, peer: str, bench: Bench) -> bool:
    done = subprocess.run([python, "-c", f"import {peer}"], capture_output=True, check=False)
    if done.returncode:
        bench.say(f"{peer} not measured: the environment lacks it")
    return done.returncode == 0


def _ours(kernels: str, texts: list[str]) -> float:
    shingler = Shingler("space", WORDS, lowercase=True, ignore_pattern=None, sentencepiece=None)
    spent = 0.0
    with only(kernels):
        for batch in batches(texts):
            column = batch.text("text")
            start = time.process_time()
            signatures(shingler.cut(column), PERMUTATIONS)
            spent += time.process_time() - start
    return spent


def _theirs(python: str, peer: str, path: Path) -> float:
    constants = f"WORDS, PERMUTATIONS = {WORDS}, {PERMUTATIONS}\n"
    program = constants + _THEIRS[peer] + _LOOP
    done = subprocess.run([python, "-c", program, str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])
