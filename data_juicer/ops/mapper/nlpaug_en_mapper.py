"""English texts with errors put into them."""

from __future__ import annotations

from typing import ClassVar

from data_juicer.ops.augment import english, tables
from data_juicer.ops.augment.base import AugmentMapper, Method
from data_juicer.ops.augment.draws import Draws


class NlpaugEnMapper(AugmentMapper):
    """English data augmentation: adds copies of texts with words or characters changed at random, the same in every run.

    Each way to change a text that is switched on gives `aug_num` rows after the row itself; with `sequential` each of
    `aug_num` rows is changed in all ways. A text in which nothing can be changed is copied as it is, an empty one is not.

    Example: with keyboard_error_char, `I love LLM` gives the rows `I love LLM` and `I lovr LLM`

    Args:
        sequential: change a text in all ways, one after another.
        aug_num: rows that each way gives, at least 1.
        keep_original_sample: keep the row itself.
        delete_random_word: leave words out.
        swap_random_word: swap words with their neighbours.
        spelling_error_word: misspell words, as people do.
        split_random_word: cut words in two.
        keyboard_error_char: replace characters by those of keys beside theirs.
        ocr_error_char: replace characters by those that look like them.
        delete_random_char: leave characters out.
        swap_random_char: swap characters with their neighbours.
        insert_random_char: put characters in.
    """

    name: ClassVar[str] = "nlpaug_en_mapper"

    def __init__(
        self,
        sequential: bool = False,
        aug_num: int = 1,
        keep_original_sample: bool = True,
        delete_random_word: bool = False,
        swap_random_word: bool = False,
        spelling_error_word: bool = False,
        split_random_word: bool = False,
        keyboard_error_char: bool = False,
        ocr_error_char: bool = False,
        delete_random_char: bool = False,
        swap_random_char: bool = False,
        insert_random_char: bool = False,
    ) -> None:
        ways = (
            (delete_random_word, Method("delete_random_word", english.delete_words)),
            (swap_random_word, Method("swap_random_word", english.swap_words)),
            (
                spelling_error_word,
                Method("spelling_error_word", english.misspell_words, tables.SPELLING_ERRORS),
            ),
            (split_random_word, Method("split_random_word", english.split_words)),
            (keyboard_error_char, Method("keyboard_error_char", english.mistype)),
            (ocr_error_char, Method("ocr_error_char", english.misread)),
            (delete_random_char, Method("delete_random_char", english.delete_characters)),
            (swap_random_char, Method("swap_random_char", english.swap_characters)),
            (insert_random_char, Method("insert_random_char", english.insert_characters)),
        )
        super().__init__(
            [method for is_on, method in ways if is_on],
            sequential=sequential,
            aug_num=aug_num,
            keep_original_sample=keep_original_sample,
        )

    def variants(self, text: str, method: Method, count: int) -> list[str]:
        drawn = (Draws(self.seed, f"{method.name}:{number}", text) for number in range(count))
        return [method.change(text, draws) for draws in drawn]

    def augmented(self, text: str) -> list[str]:
        return super().augmented(text) if text else []
