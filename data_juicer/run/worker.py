"""What a backend executes: read the rows of a partition, run the operators, stage files, tell the driver.

A worker decides nothing about the job. It never commits, never deletes, and writes only files whose names carry its
attempt, so that a late or repeated attempt can waste work but not change a result.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xxhash

from data_juicer.clock import Clock, format_utc
from data_juicer.errors import CheckpointCorruptError, DataJuicerError, InputError, OperatorError, StoreError
from data_juicer.formats.base import BadRow
from data_juicer.formats.read import read_partition
from data_juicer.formats.write import encode_result, encode_whole_rows
from data_juicer.ops.base import Operator
from data_juicer.ops.batch import Batch
from data_juicer.ops.registry import load_custom, make
from data_juicer.plan.keys import KeyMaker
from data_juicer.run import messages as m
from data_juicer.run.partition import DeadRow, run_operator
from data_juicer.run.saver import Saver
from data_juicer.run.setup import WorkerSetup
from data_juicer.store.dead_letters import DeadLetter, decode_dead_letter, encode_dead_letters, row_fields
from data_juicer.store.filesystem import FileSystem
from data_juicer.store.layers import join_batches, split_batch
from data_juicer.store.ledger import READ, OperatorLedger
from data_juicer.store.manifest import DataFile, Manifest
from data_juicer.store.staging import load_layers, read_lines, stage_file, stage_layer
