"""The small things: values on the wire, enums that stay open, UNSET, the secret."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import uuid

import pytest

from spacely_runtime import UNSET, Answer
from spacely_runtime._secret import Secret
from spacely_runtime._wire import parse_json, to_json
from spacely_runtime.types import OpenIntEnum, OpenStrEnum


class Colour(OpenStrEnum):
    RED = "red"


class Size(OpenIntEnum):
    SMALL = 1


class Model:
    def to_dict(self) -> dict[str, object]:
        return {"colour": Colour.RED, "day": dt.date(2026, 1, 2)}


def test_values_become_what_json_knows() -> None:
    value = {
        "model": Model(),
        "left out": UNSET,
        "null": None,
        "times": (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),),
        "id": uuid.UUID(int=1),
        "size": Size.SMALL,
    }
    assert to_json(value) == {
        "model": {"colour": "red", "day": "2026-01-02"},
        "null": None,
        "times": ["2026-01-02T03:04:05+00:00"],
        "id": "00000000-0000-0000-0000-000000000001",
        "size": 1,
    }


@pytest.mark.parametrize("text", [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


def test_an_enum_keeps_a_value_it_does_not_know() -> None:
    odd = Colour("mauve")
    assert (odd, odd.value, str(odd), odd.is_known) == ("mauve", "mauve", "mauve", False)
    assert Colour("red").is_known
    assert list(Colour) == [Colour.RED]
    assert pickle.loads(pickle.dumps(odd)) == odd
    assert copy.deepcopy(odd) == odd
    assert (Size(7), Size(7).is_known, Size(1).is_known) == (7, False, True)


@pytest.mark.parametrize(("enum", "value"), [(Colour, 1), (Colour, None), (Size, "x"), (Size, True)])
def test_an_enum_refuses_a_value_of_another_type(enum: type, value: object) -> None:
    if value is True:
        assert enum(value) is Size.SMALL  # Python's own: True equals 1.
    else:
        with pytest.raises(ValueError):
            enum(value)


def test_unset_is_one_and_false_and_says_its_name() -> None:
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET
    assert copy.deepcopy(UNSET) is UNSET
    assert not UNSET
    assert repr(UNSET) == "UNSET"


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("sk-1")
    assert "sk-1" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "sk-1"
    assert secret.redact("key sk-1!") == "key ***!"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_an_answer_is_read_by_pointer_and_header() -> None:
    answer = Answer(200, {"x-id": "7"}, {"a": [{"b~/c": 1}], "t": "text"})
    assert answer.at("/a/0/b~0~1c") == 1
    assert [answer.at(pointer) for pointer in ("/a/1", "/a/x", "/a/0/nothing", "/t/0/x", "/no")] == [None] * 5
    assert (answer.header("x-id"), answer.header("none")) == ("7", None)
