"""A custom operator for crash tests: marks rows, and raises on those that hold the word poison."""

from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("poisoned_mapper")
class PoisonedMapper(Mapper):
    def process_single(self, sample):
        if "poison" in sample[self.text_key]:
            raise ValueError("this row is poison")
        sample["seen"] = len(sample[self.text_key])
        return sample
