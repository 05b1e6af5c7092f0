"""Which settings are secrets by their names, and what becomes of secrets in texts."""

import inspect

import pytest

from data_juicer import redaction
from data_juicer.config.schema import SPECS
from data_juicer.ops.catalog import registry
from data_juicer.redaction import find_secrets, hide, hide_addresses, hide_json, is_secret_name, redact


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "key",
        "token",
        "secret",
        "password",
        "hf_token",
        "openai_api_key",
        "accessKey",
        "AWS_SECRET_ACCESS_KEY",
        "dbPassword",
        "tokens",
        "auth_token",
        "api_keys",
        "secret_key",
        "credentials",
        "client_secret",
        "PASSWD",
        "X-Api-Key",
    ],
)
def test_what_is_named_like_a_secret_is_one(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "text_key",
        "text_keys",
        "image_special_token",
        "min_num_token",
        "tokenizer",
        "hf_tokenizer",
        "token_num",
        "api_key_path",
        "key_name",
        "monkey",
        "keyword",
        "tokenization",
    ],
)
def test_names_of_fields_and_numbers_are_no_secrets(name: str) -> None:
    assert not is_secret_name(name)


def test_no_setting_and_no_text_parameter_of_a_built_in_operator_is_taken_for_a_secret() -> None:
    names = set(SPECS)
    for operator in registry.names():
        names |= {
            parameter.name
            for parameter in inspect.signature(registry.find(operator).__init__).parameters.values()
            if isinstance(parameter.default, str)
        }
    assert [name for name in sorted(names) if is_secret_name(name)] == []


def test_secrets_are_found_however_deep_they_lie() -> None:
    plain = {
        "api_key": "k1",
        "client": {"auth": [{"token": "t1", "n": 3}]},
        "passwords": ["p1", "p2"],
        "text_key": "text",
    }
    assert [value for _, value in find_secrets(plain)] == ["k1", "t1", "p1", "p2"]
    assert redact(plain) == {
        "api_key": "***",
        "client": {"auth": [{"token": "***", "n": 3}]},
        "passwords": ["***", "***"],
        "text_key": "text",
    }


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("see https://me:pa55@host/x?a=1#f", "see https://***@host/x?a=1#f"),
        ("s3://AKIA@bucket/k", "s3://***@bucket/k"),
        ("https://h/x?user=me&access_token=abc&b=2", "https://h/x?user=me&access_token=***&b=2"),
        ("https://h/x?sig=abc", "https://h/x?sig=***"),
        ("mail me@host.example or http://host/@user", "mail me@host.example or http://host/@user"),
        ("a = b, monkey=5", "a = b, monkey=5"),
    ],
)
def test_addresses_lose_their_credentials_and_nothing_else(text: str, hidden: str) -> None:
    assert hide_addresses(text) == hidden


def test_a_known_secret_is_taken_out_of_texts_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", set())
    redaction.know(
        [
            'very"secret\n\u00e9',
            "very",
            "postgres://me:pass-word@host/db",
            "longer-very-secret",
            "very-secret",
        ]
    )
    assert hide("of longer-very-secret, very, pass-word") == "of ***, very, ***"
    assert (
        hide_json(b'{"a":"very\\"secret\\n\xc3\xa9","b":"very\\"secret\\n\\u00e9"}')
        == b'{"a":"***","b":"***"}'
    )


def test_a_long_text_of_one_kind_is_searched_in_linear_time() -> None:
    for piece in ("a" * 10, "://", "?key=", "x://" + "a" * 50, "&token"):
        hide_addresses(piece * (1_000_000 // len(piece)))
