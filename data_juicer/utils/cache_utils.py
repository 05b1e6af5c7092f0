"""Folders in which DataJuicer keeps models and lists of words."""

from __future__ import annotations

import os
from typing import Final

CACHE_HOME: Final = os.path.expanduser("~/.cache")
DATA_JUICER_CACHE_HOME: Final = os.environ.get("DATA_JUICER_CACHE_HOME") or os.path.join(
    CACHE_HOME, "data_juicer"
)
DATA_JUICER_ASSETS_CACHE: Final = os.environ.get("DATA_JUICER_ASSETS_CACHE") or os.path.join(
    DATA_JUICER_CACHE_HOME, "assets"
)
DATA_JUICER_MODELS_CACHE: Final = os.environ.get("DATA_JUICER_MODELS_CACHE") or os.path.join(
    DATA_JUICER_CACHE_HOME, "models"
)
