"""Registries by which operators written for DataJuicer say that they share work; here that has no effect.

Operators that work on columns share what they compute of a text (`Batch.shared`) without being asked.
"""

from __future__ import annotations

from typing import Final

from data_juicer.utils.constant import InterVars
from data_juicer.utils.registry import Registry

INTER_LINES: Final = Registry(InterVars.lines)
INTER_WORDS: Final = Registry(InterVars.words)
LOADED_IMAGES: Final = Registry(InterVars.loaded_images)
LOADED_AUDIOS: Final = Registry(InterVars.loaded_audios)
LOADED_VIDEOS: Final = Registry(InterVars.loaded_videos)
INTER_SAMPLED_FRAMES: Final = Registry(InterVars.sampled_frames)
