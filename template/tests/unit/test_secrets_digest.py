"""The digest of an app's secrets: it changes with them only and does not reveal them."""

import re

import hypothesis
import pytest
from hypothesis import strategies as st

from components.secrets_digest import secrets_digest

SECRETS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=5)
quickly = hypothesis.settings(max_examples=40, deadline=None)


def test_the_digest_of_known_secrets_is_known() -> None:
    # Another value here would give every app of every stack a new revision for nothing.
    assert secrets_digest("key", {"redis-url": "rediss://", "api-key": "hush"}) == "51a651f1672fa09d"


@quickly
@hypothesis.given(key=st.text(), secrets=SECRETS)
def test_it_is_16_hexadecimal_digits(key: str, secrets: dict[str, str]) -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", secrets_digest(key, secrets))


@quickly
@hypothesis.given(secrets=SECRETS, data=st.data())
def test_the_order_of_the_secrets_does_not_matter(secrets: dict[str, str], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(secrets.items()))))
    assert secrets_digest("key", shuffled) == secrets_digest("key", secrets)


@quickly
@hypothesis.given(one=SECRETS, other=SECRETS)
def test_other_secrets_have_another_digest(one: dict[str, str], other: dict[str, str]) -> None:
    assert (secrets_digest("key", one) == secrets_digest("key", other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "bc"}, {"ab": "c"}),
        ({"a": "b", "c": "d"}, {"a": "bcd"}),
        ({"a": "b", "c": "d"}, {"a": 'b"], ["c", "d'}),
        ({"a": "b", "c": "d"}, {"a": "d", "c": "b"}),
        ({"a": "b"}, {"b": "a"}),
        ({"a": ""}, {}),
        ({"a": ""}, {"": "a"}),
        ({"a": "b\n"}, {"a": "b"}),
        ({"a": "b "}, {"a": "b"}),
        ({"a": "B"}, {"a": "b"}),
        ({"a": "é"}, {"a": "e\u0301"}),
        ({"a": "é"}, {"a": "\\u00e9"}),
    ],
)
def test_different_secrets_are_never_serialized_alike(one: dict[str, str], other: dict[str, str]) -> None:
    assert secrets_digest("key", one) != secrets_digest("key", other)


@quickly
@hypothesis.given(
    keys=st.lists(st.text(st.characters(codec="utf-8"), max_size=40), min_size=2, max_size=2, unique=True)
)
def test_another_key_gives_another_digest(keys: list[str]) -> None:
    # HMAC pads a short key with zeros, so these alone would not tell two keys apart.
    hypothesis.assume(keys[0].rstrip("\0") != keys[1].rstrip("\0"))
    secrets = {"redis-url": "rediss://"}
    assert secrets_digest(keys[0], secrets) != secrets_digest(keys[1], secrets), "the digest is plain text"


def test_the_digest_reveals_neither_names_nor_values() -> None:
    digest = secrets_digest("beef", {"cafe": "dead"})
    for text in ("beef", "cafe", "dead"):
        assert text not in digest
