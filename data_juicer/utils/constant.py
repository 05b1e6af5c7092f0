"""Names of fields and figures, where operators written for DataJuicer look for them."""

from __future__ import annotations

from typing import Final

DEFAULT_PREFIX: Final = "__dj__"


class Fields:
    """Fields beside those of the dataset."""

    stats = "__dj__stats__"
    meta = "__dj__meta__"
    batch_meta = "__dj__batch_meta__"
    context = "__dj__context__"
    suffix = "__dj__suffix__"
    source_file = "__dj__source_file__"
    multimodal_data_output_dir = "__dj__produced_data__"


class StatsKeys:
    """Names of figures under `Fields.stats`."""

    # text
    alpha_token_ratio = "alpha_token_ratio"  # noqa: S105 - a ratio of tokens
    alnum_ratio = "alnum_ratio"
    avg_line_length = "avg_line_length"
    char_rep_ratio = "char_rep_ratio"
    flagged_words_ratio = "flagged_words_ratio"
    lang = "lang"
    lang_score = "lang_score"
    max_line_length = "max_line_length"
    num_action = "num_action"
    num_dependency_edges = "num_dependency_edges"
    num_token = "num_token"  # noqa: S105 - a number of tokens
    num_words = "num_words"
    perplexity = "perplexity"
    special_char_ratio = "special_char_ratio"
    stopwords_ratio = "stopwords_ratio"
    text_len = "text_len"
    word_rep_ratio = "word_rep_ratio"

    # pictures, sounds, videos
    aspect_ratios = "aspect_ratios"
    image_width = "image_width"
    image_height = "image_height"
    image_sizes = "image_sizes"
    face_ratios = "face_ratios"
    face_counts = "face_counts"
    audio_duration = "audio_duration"
    audio_nmf_snr = "audio_nmf_snr"
    audio_sizes = "audio_sizes"
    video_duration = "video_duration"
    video_aspect_ratios = "video_aspect_ratios"
    video_width = "video_width"
    video_height = "video_height"
    video_motion_score = "video_motion_score"


class InterVars:
    """Names under `Fields.context` by which operators share work."""

    lines = "__dj__lines"
    words = "__dj__words"
    refined_words = "__dj__refined_words"
