"""Thresholds measured on a dataset before, kept as a JSON file: a default and others for single models."""

from __future__ import annotations

import json
import os
from typing import Any

import msgspec

from data_juicer.errors import ConfigError
from data_juicer.ops.resources.models import copy_here


class Calibration(msgspec.Struct, frozen=True):
    """The thresholds of one file; none without a file."""

    path: str | None = None
    default: dict[str, Any] = msgspec.field(default_factory=dict)
    by_model: dict[str, Any] = msgspec.field(default_factory=dict)

    @staticmethod
    def load(path: str, *, operator: str) -> Calibration:
        """Raises: ConfigError: there is no such file, or it is not one of thresholds."""
        full = os.path.abspath(os.path.expanduser(copy_here(path)))
        try:
            with open(full, encoding="utf-8") as stream:
                content = json.load(stream)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{operator}: calibration_json_path {path}: {error}") from error
        parts = (
            [content.get(name) or {} for name in ("default", "by_request_model")]
            if isinstance(content, dict)
            else [[]]
        )
        if not all(isinstance(part, dict) for part in parts):
            raise ConfigError(
                f"{operator}: calibration_json_path {path}: `default` and `by_request_model` must be objects"
            )
        return Calibration(full, *parts)

    def threshold(self, name: str, model: Any) -> float | None:
        """The threshold for the model of a row, None where the file has none."""
        own = self.by_model.get(str(model or "").strip())
        value = {**self.default, **(own if isinstance(own, dict) else {})}.get(name)
        return float(value) if isinstance(value, int | float) else None
