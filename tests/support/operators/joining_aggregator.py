"""A custom aggregator for tests: joins the texts of a group, and raises on groups that hold the word poison."""

from data_juicer.ops.base_op import OPERATORS, Aggregator


@OPERATORS.register_module("joining_aggregator")
class JoiningAggregator(Aggregator):
    def __init__(self, separator="|", *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.separator = separator

    def process_single(self, sample):
        if any("poison" in text for text in sample[self.text_key]):
            raise ValueError("this group is poison")
        sample["__dj__batch_meta__"]["texts"] = len(sample[self.text_key])
        return {self.text_key: self.separator.join(sample[self.text_key]), "n": sum(sample["n"])}
