"""The word and model filters as one writes them straightforwardly, one Python string or row at a time.

As in `reference_ops`, tests hold the column versions against these, and the benchmark measures them by these.
"""

from __future__ import annotations

import ast
import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from benchmarks.reference_ops import PerRow, strip_special, words
from data_juicer.ops.resources import models, word_lists

TOKENIZER = "tok"
"""Name of the tokenizer that is measured, in the model folders."""

COMPARE = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


def refined(text: str, cut: Callable[[str], list[str]] | None = None) -> list[str]:
    """Words in lower case without special characters at their ends; `cut` is a tokenizer's."""
    if cut is None:
        return words(text, lower=True)
    return [stripped for piece in cut(text) if (stripped := strip_special(piece.lower()))]


def listed_ratio(
    held: Sequence[str], listed: frozenset[str], sizes: Sequence[int] = (), join_char: str = ""
) -> float:
    groups = [join_char.join(held[i : i + size]) for size in sizes for i in range(len(held) - size + 1)]
    candidates = [*held, *groups]
    return sum(word in listed for word in candidates) / len(candidates) if candidates else 0.0


def repetition(held: Sequence[str], n: int = 10) -> float:
    counts = Counter(tuple(held[i : i + n]) for i in range(len(held) - n + 1)).values()
    return sum(count for count in counts if count > 1) / sum(counts) if counts else 0.0


@cache
def list_of(kind: word_lists.Kind, lang: str = "en") -> frozenset[str]:
    return word_lists.load(kind, word_lists.DEFAULT_FOLDER, lang, operator="the reference").words


@cache
def _language_model() -> Any:
    """The very model of the operator: its address in memory makes a fifth of its speed."""
    from data_juicer.ops.filter.language_id_score_filter import LanguageIDScoreFilter, load_model

    return load_model(LanguageIDScoreFilter().model_path)


def language_score(text: str) -> float:
    _, scores = _language_model().predict(text.lower().replace("\n", " "))
    return scores[0]


@cache
def _perplexity_models(lang: str = "en") -> tuple[Any, Any]:
    import kenlm
    import sentencepiece

    pieces = models.need_model(f"{lang}.sp.model", operator="the reference", what="SentencePiece model")
    judge = models.need_model(f"{lang}.arpa.bin", operator="the reference", what="KenLM model")
    return sentencepiece.SentencePieceProcessor(model_file=pieces), kenlm.Model(judge)


def perplexity(text: str) -> float:
    cutter, judge = _perplexity_models()
    likelihood, length = 0.0, 0
    for line in " ".join(cutter.encode_as_pieces(text)).splitlines():
        likelihood += judge.score(line)
        length += len(line.split()) + 1
    return round(10.0 ** (-likelihood / length), 1) if length else 0.0


@cache
def _tokenizer() -> Any:
    import tokenizers

    return tokenizers.Tokenizer.from_file(models.need_tokenizer(TOKENIZER, operator="the reference"))


def token_num(text: str) -> int:
    return len(_tokenizer().encode(text, add_special_tokens=False).ids)


def meets(condition: str) -> Callable[[Mapping[str, Any]], bool]:
    """A condition as a function of a row, walking its tree for each."""
    tree = ast.parse(condition, mode="eval").body
    return lambda row: bool(_value(tree, row))


def _value(node: ast.expr, row: Any) -> Any:
    match node:
        case ast.BoolOp(op=ast.And()):
            return all(_value(child, row) for child in node.values)
        case ast.BoolOp():
            return any(_value(child, row) for child in node.values)
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, row)
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, row)
        case ast.Compare():
            return _chain(node, row)
        case ast.Name():
            return row[node.id]
        case ast.Attribute():
            return _value(node.value, row)[node.attr]
        case ast.List() | ast.Tuple():
            return [_value(element, row) for element in node.elts]
        case ast.Constant():
            return node.value
    raise ValueError(ast.dump(node))


def _chain(node: ast.Compare, row: Any) -> bool:
    left = _value(node.left, row)
    for comparison, comparator in zip(node.ops, node.comparators, strict=True):
        right = _value(comparator, row)
        if left is None or right is None:
            return isinstance(comparison, ast.NotIn)
        if not COMPARE[type(comparison)](left, right):
            return False
        left = right
    return True


REFERENCES: dict[str, PerRow] = {
    "stopwords_filter": lambda text: listed_ratio(refined(text), list_of("stopwords")),
    "flagged_words_filter": lambda text: listed_ratio(refined(text), list_of("flagged_words")),
    "word_repetition_filter": lambda text: repetition(refined(text)),
    "language_id_score_filter": language_score,
    "perplexity_filter": perplexity,
    "token_num_filter": token_num,
}
"""With default parameters, but for the tokenizer: text -> figure."""
