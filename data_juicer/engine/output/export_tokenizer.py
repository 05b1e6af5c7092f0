"""The tokenizer of an export of tokens, found before anything is created."""

from __future__ import annotations

import msgspec

from data_juicer.config.schema import JobConfig
from data_juicer.config.sources.arguments import export_options
from data_juicer.errors import ConfigError
from data_juicer.formats.base import ExportOptions
from data_juicer.formats.registry import EXPORTS
from data_juicer.ops.resources import models, optional
from data_juicer.plan.identity import digest_file

_WHO = "export_extra_args.tokenizer"


def resolve_tokenizer(config: JobConfig) -> ExportOptions:
    """How the result is written, with the tokenizer's file and what it holds, where it is written as tokens.

    Raises: ConfigError: it is not there, or lacks the token that is to end documents.
    """
    options = export_options(config.export_type, config.export_extra_args)
    if EXPORTS[config.export_type][0] != "megatron":
        return options
    from data_juicer.formats.megatron.format import end_token, load_tokenizer

    if not options.tokenizer:
        raise ConfigError(
            f"{_WHO}: none; export_type megatron needs the path of a tokenizer.json, or of its folder"
        )
    optional.need("tokenizers", operator="export_type megatron", extra="tokenizers")
    path = models.need_tokenizer(options.tokenizer, operator=_WHO)
    with models.parsing(path, operator=_WHO, what="tokenizer"):
        tokenizer = load_tokenizer(path)
    if options.append_eod and end_token(tokenizer, options) is None:
        named = (
            f"has no token {options.eod_token!r}" if options.eod_token else "has none of the usual end tokens"
        )
        raise ConfigError(f"export_extra_args.eod_token: {path} {named}; name one, or set append_eod: false")
    digest = digest_file(_WHO, path)
    return msgspec.structs.replace(
        options, tokenizer=path, tokenizer_digest=digest, text_key=options.text_key or config.text_keys[0]
    )
