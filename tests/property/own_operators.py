"""Operators of the kinds that people write for DataJuicer's class interface, for recipes that are drawn at random."""

from data_juicer.ops.base_op import OPERATORS, TAGGING_OPS, Filter, Mapper
from data_juicer.utils.constant import Fields


@OPERATORS.register_module("drawn_field_mapper")
class DrawnFieldMapper(Mapper):
    """Adds a field to every second row."""

    def process_single(self, sample):
        if len(str(sample.get("text", ""))) % 2:
            sample["added"] = {"length": len(str(sample["text"])), "nested": [1.0, None]}
        return sample


@TAGGING_OPS.register_module("drawn_tag_mapper")
@OPERATORS.register_module("drawn_tag_mapper")
class DrawnTagMapper(Mapper):
    """Tags rows, a batch at a time."""

    _batched_op = True

    def process_batched(self, samples):
        for meta, text in zip(samples[Fields.meta], samples["text"], strict=True):
            meta["words"] = len(str(text).split())
        return samples


@OPERATORS.register_module("drawn_letters_mapper")
class DrawnLettersMapper(Mapper):
    """Makes two rows of each, without the other fields."""

    _batched_op = True

    def process_batched(self, samples):
        return {"text": [part for text in samples["text"] for part in (str(text), str(text)[:3])]}


@OPERATORS.register_module("drawn_upper_filter")
class DrawnUpperFilter(Filter):
    """Keeps rows with few capitals."""

    def __init__(self, most: int = 3, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.most = most

    def compute_stats_single(self, sample, context=False):
        sample[Fields.stats]["upper"] = sum(map(str.isupper, str(sample["text"])))
        return sample

    def process_single(self, sample):
        return sample[Fields.stats]["upper"] <= self.most
