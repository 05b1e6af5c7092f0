"""Operators in the style of those that are written for DataJuicer, of every kind and with every import they have."""

from collections import Counter

import numpy as np
from loguru import logger

from data_juicer.utils.common_utils import nested_access, stats_to_number
from data_juicer.utils.constant import Fields, HashKeys, MetaKeys, StatsKeys
from data_juicer.utils.lazy_loader import LazyLoader
from data_juicer.utils.mm_utils import SpecialTokens, remove_special_tokens
from data_juicer.utils.model_utils import get_model

from ..base_op import (  # noqa: TID252 - as such operators import
    ATTRIBUTION_FILTERS,
    NON_STATS_FILTERS,
    OPERATORS,
    TAGGING_OPS,
    UNFORKABLE,
    Deduplicator,
    Filter,
    Grouper,
    Mapper,
    Selector,
    convert_list_dict_to_dict_list,
)
from ..common import SPECIAL_CHARACTERS, get_words_from_document, words_refinement  # noqa: TID252
from ..common.helper_func import UnionFind  # noqa: TID252
from ..op_fusion import INTER_WORDS  # noqa: TID252

colors = LazyLoader("colorsys")
absent = LazyLoader("a_module_that_nobody_has", "its-package")


@UNFORKABLE.register_module("written_on_instance_mapper")
@OPERATORS.register_module("written_on_instance_mapper")
class WrittenOnInstanceMapper(Mapper):
    """Says on the instance, and not in the class, that it takes batches."""

    def __init__(self, whole: bool = True, *args, **kwargs):
        kwargs.setdefault("history_key", "dialog")
        super().__init__(*args, **kwargs)
        self._batched_op = whole

    def process_batched(self, samples):
        samples["n"] = [len(samples[self.text_key])] * len(samples[self.text_key])
        samples["key"] = [self.history_key] * len(samples["n"])
        return samples


@TAGGING_OPS.register_module("written_tags_mapper")
@OPERATORS.register_module("written_tags_mapper")
class WrittenTagsMapper(Mapper):
    """Tags rows that ask."""

    def process_single(self, sample):
        if "?" in sample[self.text_key]:
            sample[Fields.meta][MetaKeys.query_intent_label] = np.array([1, 2])
            sample[Fields.meta]["seen"] = np.bool_(True)
        return sample


@ATTRIBUTION_FILTERS.register_module("written_words_filter")
@OPERATORS.register_module("written_words_filter")
@INTER_WORDS.register_module("written_words_filter")
class WrittenWordsFilter(Filter):
    """Counts words a batch at a time."""

    _batched_op = True

    def compute_stats_batched(self, samples, context=False):
        for text, stats in zip(samples[self.text_key], samples[Fields.stats], strict=True):
            words = words_refinement(get_words_from_document(text), strip_chars=SPECIAL_CHARACTERS)
            stats[StatsKeys.num_words] = np.int64(len(words))
        return samples

    def process_batched(self, samples):
        return [self.get_keep_boolean(stats[StatsKeys.num_words], 2, 3) for stats in samples[Fields.stats]]


@NON_STATS_FILTERS.register_module("written_plain_filter")
@OPERATORS.register_module("written_plain_filter")
class WrittenPlainFilter(Filter):
    """Decides from the row alone; computes nothing."""

    def process_single(self, sample):
        return not remove_special_tokens(sample[self.text_key]).startswith("no")


@OPERATORS.register_module("written_near_deduplicator")
class WrittenNearDeduplicator(Deduplicator):
    """Texts with the same letters are the same."""

    def compute_hash(self, sample):
        sample[HashKeys.hash] = frozenset(Counter(sample[self.text_key]).items())
        return sample

    def process(self, dataset, show_num=0):
        if len(dataset) <= 1:
            return dataset, {}
        sets = UnionFind()
        first = {}
        for number, value in enumerate(dataset[HashKeys.hash]):
            sets.union(number, first.setdefault(value, number))
        kept = [number for number in range(dataset.num_rows) if sets.find(number) == number]
        logger.debug("kept {}", kept)
        return dataset.select(kept), {}


@OPERATORS.register_module("written_best_selector")
class WrittenBestSelector(Selector):
    """Keeps the rows with the best marks."""

    def process(self, dataset):
        assert "mark" in dataset.features
        marks = [stats_to_number(mark) for mark in dataset["mark"]]
        best = max(marks)
        return dataset.filter(
            lambda sample, bound: stats_to_number(sample["mark"]) >= bound, fn_kwargs={"bound": best}
        )


@OPERATORS.register_module("written_initial_grouper")
class WrittenInitialGrouper(Grouper):
    """Groups texts by their first letter."""

    def process(self, dataset):
        groups = {}
        for sample in dataset:
            groups.setdefault(nested_access(sample, "text.0"), []).append(sample)
        return [convert_list_dict_to_dict_list(rows) for rows in groups.values()]


@OPERATORS.register_module("written_lazy_mapper")
class WrittenLazyMapper(Mapper):
    """Uses a module with the first row that is processed."""

    def __init__(self, there: bool = True, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.there = there
        self.model = get_model(None)

    def process_single(self, sample):
        used = colors if self.there else absent
        sample["hsv"] = [*used.rgb_to_hsv(0.2, 0.4, 0.4)]
        sample["token"] = SpecialTokens.image
        return sample
