"""Chinese texts with words and characters replaced."""

from __future__ import annotations

from typing import ClassVar, Final

from data_juicer.ops.augment import chinese, tables
from data_juicer.ops.augment.base import AugmentMapper, Method
from data_juicer.ops.augment.draws import Draws

TRIES: Final = 8
"""Draws for each text that is wanted: a short text may have fewer variants than are asked for."""


class NlpcdaZhMapper(AugmentMapper):
    """Chinese data augmentation: adds copies of texts with words or characters changed at random, the same in every run.

    Each way to change a text that is switched on gives at most `aug_num` different rows after the row itself; with
    `sequential` each of `aug_num` rows is changed in all ways. A text in which nothing can be changed gives none.

    Example: with replace_equivalent_num, `共有5种` gives the rows `共有5种` and `共有伍种`

    Args:
        sequential: change a text in all ways, one after another.
        aug_num: rows that each way gives, at least 1.
        keep_original_sample: keep the row itself.
        replace_similar_word: replace words by words of like meaning.
        replace_homophone_char: replace characters by others of the same sound.
        delete_random_char: leave Chinese characters out that no digit is beside.
        swap_random_char: swap Chinese characters with their neighbours.
        replace_equivalent_num: replace digits and numerals by other signs for the same number.
    """

    name: ClassVar[str] = "nlpcda_zh_mapper"

    def __init__(
        self,
        sequential: bool = False,
        aug_num: int = 1,
        keep_original_sample: bool = True,
        replace_similar_word: bool = False,
        replace_homophone_char: bool = False,
        delete_random_char: bool = False,
        swap_random_char: bool = False,
        replace_equivalent_num: bool = False,
    ) -> None:
        ways = (
            (
                replace_similar_word,
                Method("replace_similar_word", chinese.replace_words, tables.SIMILAR_WORDS),
            ),
            (
                replace_homophone_char,
                Method("replace_homophone_char", chinese.replace_homophones, tables.HOMOPHONES),
            ),
            (delete_random_char, Method("delete_random_char", chinese.delete_characters)),
            (swap_random_char, Method("swap_random_char", chinese.swap_characters)),
            (replace_equivalent_num, Method("replace_equivalent_num", chinese.replace_numbers)),
        )
        super().__init__(
            [method for is_on, method in ways if is_on],
            sequential=sequential,
            aug_num=aug_num,
            keep_original_sample=keep_original_sample,
        )

    def variants(self, text: str, method: Method, count: int) -> list[str]:
        found: dict[str, None] = {}
        for number in range(count * TRIES):
            changed = method.change(text, Draws(self.seed, f"{method.name}:{number}", text))
            if changed == text:
                break  # there is no place to change
            found[changed] = None
            if len(found) == count:
                break
        return list(found)

    def augmented(self, text: str) -> list[str]:
        texts = super().augmented(text)
        return [] if texts == [text] else texts
