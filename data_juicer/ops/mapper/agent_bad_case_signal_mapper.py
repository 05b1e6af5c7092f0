"""Runs of agents that people should look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar, Final, NamedTuple

from data_juicer.ops.bases.row_mapper import RowMapper, meta_of
from data_juicer.ops.resources.calibration import Calibration
from data_juicer.rows.batch import META_FIELD, STATS_FIELD

_NEGATIVE: Final = ("负面", "negative", "angry", "沮丧", "不满", "frustrated", "disappointed", "unhappy")
_QUALITY_TAGS: Final = (
    *("dialog_memory_consistency", "dialog_coreference", "dialog_topic_shift", "dialog_error_recovery"),
    *("dialog_clarification_quality", "dialog_proactivity", "dialog_non_repetition"),
    *("agent_trace_coherence", "agent_tool_relevance"),
)
_TOOL_FAILURE: Final = "tool_message_error_pattern"


class _Signal(NamedTuple):
    code: str
    detail: str
    weight: str = "medium"


class AgentBadCaseSignalMapper(RowMapper):
    """Bad-case detection for agent runs: tags a row with signals that a run went wrong, and with a tier (none, watchlist, high_precision).

    Signals are derived from tags and stats of operators before; a high signal makes the tier high_precision, a single
    medium one or enough of them watchlist.

    Example: tags tool_fail_count 2, tool_success_count 1 -> agent_bad_case_tier high_precision

    Args:
        query_key: the field with the last question.
        response_key: the field with the last answer.
        signal_on_tool_fail: signal tools that failed.
        min_tool_fail_count_for_signal: how many must have failed.
        signal_on_low_tool_success_ratio: signal a low share of tools that succeeded.
        tool_success_ratio_max_for_signal: the greatest share that is low.
        min_tool_rounds_for_ratio_signal: how many results of tools there must be.
        signal_on_suspect_empty_response: signal a short answer to a long question.
        min_query_len_for_empty_check: characters from which a question is long.
        max_response_len_for_empty_check: characters up to which an answer is short.
        max_total_tokens: signal a run with more tokens.
        max_latency_ms: signal a run that took longer, in milliseconds.
        calibration_json_path: a file of thresholds for the last two and for perplexity, by model.
        auto_calibrate_thresholds: use that file.
        calibration_manual_overrides_auto: thresholds of the recipe go before those of the file.
        auto_enable_perplexity_from_calibration: signal perplexity where the file has a threshold for it.
        signal_on_llm_analysis_low: signal a low score of llm_analysis_filter.
        llm_analysis_score_max_for_bad: the greatest score that is low.
        llm_analysis_discard_must_be_strict: only where its record recommends to discard.
        high_precision_llm_analysis_discard_threshold: the greatest score for which that is a high signal.
        signal_on_llm_text_quality_low: the same for llm_quality_score_filter.
        llm_text_quality_score_max_for_bad: see above.
        llm_text_quality_discard_must_be_strict: see above.
        high_precision_llm_text_quality_discard_threshold: see above.
        signal_on_negative_sentiment_hint: signal labels of sentiment that hold a negative word.
        negative_sentiment_substrings: these words.
        signal_on_high_perplexity: signal a high perplexity.
        perplexity_high_threshold: the least perplexity that is high.
        signal_hard_query_poor_reply: signal a difficult question with a poor answer.
        hard_query_difficulty_min: the least difficulty of such a question.
        poor_reply_quality_max: the greatest quality of such an answer.
        high_precision_on_tool_fail_alone: tools that failed make the tier high_precision, else watchlist.
        min_medium_signals_for_watchlist: how many medium signals are enough.
        signal_on_low_dialog_quality_meta: signal low scores, 1 to 5, among tags of dialogue quality.
        dialog_quality_low_score_threshold: the greatest score that is low.
        min_dialog_quality_low_axes_for_signal: how many must be low.
    """

    name: ClassVar[str] = "agent_bad_case_signal_mapper"

    def __init__(
        self,
        query_key: str = "query",
        response_key: str = "response",
        signal_on_tool_fail: bool = True,
        min_tool_fail_count_for_signal: int = 1,
        signal_on_low_tool_success_ratio: bool = True,
        tool_success_ratio_max_for_signal: float = 0.499,
        min_tool_rounds_for_ratio_signal: int = 2,
        signal_on_suspect_empty_response: bool = True,
        min_query_len_for_empty_check: int = 80,
        max_response_len_for_empty_check: int = 20,
        max_total_tokens: int | None = None,
        max_latency_ms: int | None = None,
        calibration_json_path: str | None = None,
        auto_calibrate_thresholds: bool = False,
        calibration_manual_overrides_auto: bool = True,
        auto_enable_perplexity_from_calibration: bool = True,
        signal_on_llm_analysis_low: bool = True,
        llm_analysis_score_max_for_bad: float = 0.28,
        llm_analysis_discard_must_be_strict: bool = True,
        high_precision_llm_analysis_discard_threshold: float = 0.24,
        signal_on_llm_text_quality_low: bool = True,
        llm_text_quality_score_max_for_bad: float = 0.28,
        llm_text_quality_discard_must_be_strict: bool = True,
        high_precision_llm_text_quality_discard_threshold: float = 0.24,
        signal_on_negative_sentiment_hint: bool = False,
        negative_sentiment_substrings: list[str] | None = None,
        signal_on_high_perplexity: bool = False,
        perplexity_high_threshold: float = 800.0,
        signal_hard_query_poor_reply: bool = False,
        hard_query_difficulty_min: float = 0.72,
        poor_reply_quality_max: float = 0.36,
        high_precision_on_tool_fail_alone: bool = True,
        min_medium_signals_for_watchlist: int = 2,
        signal_on_low_dialog_quality_meta: bool = True,
        dialog_quality_low_score_threshold: float = 2.0,
        min_dialog_quality_low_axes_for_signal: int = 1,
    ) -> None:
        self.query_key = query_key
        self.response_key = response_key
        self.tool_fails_min = max(1, min_tool_fail_count_for_signal) if signal_on_tool_fail else None
        self.tool_ratio_max = tool_success_ratio_max_for_signal if signal_on_low_tool_success_ratio else None
        self.tool_rounds_min = min_tool_rounds_for_ratio_signal
        self.checks_empty_response = signal_on_suspect_empty_response
        self.query_length_min = min_query_len_for_empty_check
        self.response_length_max = max_response_len_for_empty_check
        self.limits = {"max_total_tokens": max_total_tokens, "max_latency_ms": max_latency_ms}
        self.calibration = Calibration()
        if auto_calibrate_thresholds and calibration_json_path:
            self.calibration = Calibration.load(calibration_json_path, operator=self.name)
        self.recipe_first = calibration_manual_overrides_auto
        self.calibrates_perplexity = auto_enable_perplexity_from_calibration
        self.perplexity_min = perplexity_high_threshold if signal_on_high_perplexity else None
        self.judges = (
            _Judge(
                signal_on_llm_analysis_low,
                "llm_analysis",
                "llm_agent_analysis_eval_low",
                llm_analysis_score_max_for_bad,
                llm_analysis_discard_must_be_strict,
                high_precision_llm_analysis_discard_threshold,
            ),
            _Judge(
                signal_on_llm_text_quality_low,
                "llm_quality",
                "llm_reply_quality_eval_low",
                llm_text_quality_score_max_for_bad,
                llm_text_quality_discard_must_be_strict,
                high_precision_llm_text_quality_discard_threshold,
            ),
        )
        words = negative_sentiment_substrings or _NEGATIVE
        self.negative_words = [word.lower() for word in words] if signal_on_negative_sentiment_hint else []
        self.checks_hard_query = signal_hard_query_poor_reply
        self.difficulty_min = hard_query_difficulty_min
        self.quality_max = poor_reply_quality_max
        self.tool_failure_tier = "high_precision" if high_precision_on_tool_fail_alone else "watchlist"
        self.mediums_min = min_medium_signals_for_watchlist
        self.low_axes_min = (
            max(1, min_dialog_quality_low_axes_for_signal) if signal_on_low_dialog_quality_meta else None
        )
        self.axis_score_max = dialog_quality_low_score_threshold

    def assets(self) -> tuple[str, ...]:
        return () if self.calibration.path is None else (self.calibration.path,)

    def fields_read(self) -> tuple[str, ...]:
        return (self.query_key, self.response_key, STATS_FIELD, META_FIELD)

    def fields_written(self) -> tuple[str, ...]:
        return (META_FIELD,)

    def map_row(self, row: dict[str, Any]) -> None:
        meta = meta_of(row)
        stats = row.get(STATS_FIELD) or {}
        signals = [
            *self._tool_signals(meta),
            *self._answer_signals(row),
            *self._cost_signals(meta),
            *(signal for judge in self.judges for signal in judge.signals(stats)),
            *self._sentiment_signals(meta),
            *self._figure_signals(meta, stats),
            *self._quality_signals(meta),
        ]
        meta["agent_bad_case_signals"] = [signal._asdict() for signal in signals]
        meta["agent_bad_case_tier"] = self._tier(signals)

    def _tier(self, signals: list[_Signal]) -> str:
        high = {signal.code for signal in signals if signal.weight == "high"}
        if _TOOL_FAILURE in high:
            return self.tool_failure_tier
        if high:
            return "high_precision"
        return "watchlist" if len(signals) == 1 or len(signals) >= self.mediums_min else "none"

    def _tool_signals(self, meta: dict[str, Any]) -> Iterator[_Signal]:
        failures, successes = (int(meta.get(f"tool_{kind}_count") or 0) for kind in ("fail", "success"))
        if self.tool_fails_min is not None and failures >= self.tool_fails_min:
            yield _Signal(_TOOL_FAILURE, f"tool_fail_count={failures}", "high")
        ratio = meta.get("tool_success_ratio")
        if self.tool_ratio_max is None or ratio is None or failures + successes < self.tool_rounds_min:
            return
        if 0.0 <= float(ratio) <= self.tool_ratio_max:
            yield _Signal("low_tool_success_ratio", f"ratio={ratio}, success={successes}, fail={failures}")

    def _answer_signals(self, row: dict[str, Any]) -> Iterator[_Signal]:
        query, response = (len((row.get(key) or "").strip()) for key in (self.query_key, self.response_key))
        if (
            self.checks_empty_response
            and query >= self.query_length_min
            and response <= self.response_length_max
        ):
            detail = f"query_len={query}, response_len={response}"
            yield _Signal("suspect_empty_or_trivial_final_response", detail)

    def _cost_signals(self, meta: dict[str, Any]) -> Iterator[_Signal]:
        costs = (
            ("max_total_tokens", "total_tokens", "high_token_usage", "total_tokens"),
            ("max_latency_ms", "agent_total_cost_time_ms", "high_latency_ms", "total_cost_time_ms"),
        )
        for limit, tag, code, name in costs:
            most, found = self._limit(limit, self.limits[limit], meta), meta.get(tag)
            if most is not None and found is not None and int(found) > most:
                yield _Signal(code, f"{name}={found}")

    def _limit(self, name: str, of_recipe: float | None, meta: dict[str, Any]) -> float | None:
        """The threshold of recipe or calibration, whichever goes first and is given."""
        calibrated = self.calibration.threshold(name, meta.get("agent_request_model"))
        pair = (of_recipe, calibrated) if self.recipe_first else (calibrated, of_recipe)
        return next((limit for limit in pair if limit is not None), None)

    def _sentiment_signals(self, meta: dict[str, Any]) -> Iterator[_Signal]:
        labels = meta.get("dialog_sentiment_labels")
        if not isinstance(labels, list):
            return
        words = " ".join(str(label).lower() for label in labels)
        if any(word in words for word in self.negative_words):
            yield _Signal("negative_sentiment_label_hint", f"labels={labels[:6]}")

    def _figure_signals(self, meta: dict[str, Any], stats: dict[str, Any]) -> Iterator[_Signal]:
        perplexity = stats.get("perplexity")
        if perplexity is not None and (self.perplexity_min is not None or self.calibrates_perplexity):
            least = self._limit("perplexity_high_threshold", self.perplexity_min, meta)
            if least is not None and float(perplexity) >= least:
                yield _Signal("high_perplexity", f"perplexity={perplexity}")
        difficulty, quality = stats.get("llm_difficulty_score"), stats.get("llm_quality_score")
        if not self.checks_hard_query or difficulty is None or quality is None:
            return
        if float(difficulty) >= self.difficulty_min and float(quality) <= self.quality_max:
            detail = f"difficulty={difficulty}, llm_quality_score={quality}"
            yield _Signal("hard_query_low_reply_quality_conjunction", detail)

    def _quality_signals(self, meta: dict[str, Any]) -> Iterator[_Signal]:
        low = [tag for tag in _QUALITY_TAGS if self._is_low(meta.get(tag))]
        if self.low_axes_min is not None and len(low) >= self.low_axes_min:
            detail = f"axes={low}, threshold={self.axis_score_max}"
            yield _Signal("dialog_turn_quality_meta_low", detail)

    def _is_low(self, record: Any) -> bool:
        if not isinstance(record, dict) or record.get("skipped") or record.get("error"):
            return False
        try:
            return float(record["score"]) <= self.axis_score_max
        except (KeyError, TypeError, ValueError):
            return False


class _Judge(NamedTuple):
    """The score of a model that judged the run, and what its record recommends."""

    on: bool
    stat: str
    code: str
    score_max: float
    discards_only: bool
    high_max: float

    def signals(self, stats: dict[str, Any]) -> Iterator[_Signal]:
        score = stats.get(f"{self.stat}_score")
        if not self.on or score is None or float(score) > self.score_max:
            return
        advice = _recommendation(stats.get(f"{self.stat}_record"))
        if self.discards_only and advice != "discard":
            return
        weight = "high" if float(score) <= self.high_max and advice == "discard" else "medium"
        yield _Signal(self.code, f"score={score}, recommendation={advice or 'n/a'}", weight)


def _recommendation(record: Any) -> str:
    """What a record, an object or JSON of one, recommends, in lower case; empty for nothing."""
    if isinstance(record, str):
        try:
            record = json.loads(record)
        except ValueError:
            return ""
    advice = record.get("recommendation") if isinstance(record, dict) else None
    if isinstance(advice, list) and advice:
        advice = advice[0]
    return "" if advice is None else str(advice).strip().strip('"').lower()
