"""The types that generated code is written with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import IO, BinaryIO, Final, Literal, TypeAlias, cast

from ._httpx import Response as HttpResponse

__all__ = [
    "UNSET",
    "File",
    "FileContent",
    "FileTypes",
    "HttpResponse",
    "OpenIntEnum",
    "OpenStrEnum",
    "RequestFiles",
    "Unset",
    "joined",
]


class Unset:
    """The type of UNSET: an optional value that was not given, which is not the same as null."""

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"  # There is one, and copies and pickles are that one.


UNSET: Final = Unset()

# What httpx takes for a file.
FileContent: TypeAlias = IO[bytes] | bytes | str
FileTypes: TypeAlias = (
    tuple[str | None, FileContent, str | None] | tuple[str | None, FileContent, str | None, Mapping[str, str]]
)
RequestFiles: TypeAlias = list[tuple[str, FileTypes]]


@dataclass
class File:
    """A file to upload, or one that an operation returned."""

    payload: BinaryIO
    file_name: str | None = None
    mime_type: str | None = None

    def to_tuple(self) -> FileTypes:
        """The file as httpx takes it in a multipart form."""
        return self.file_name, self.payload, self.mime_type


class OpenStrEnum(StrEnum):
    """An enum of texts that keeps a value it does not know: the server may outlive the contract."""

    @classmethod
    def _missing_(cls, value: object) -> OpenStrEnum | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    def __str__(self) -> str:
        return self.value

    @property
    def is_known(self) -> bool:
        """Whether the contract lists this value."""
        return self.value in type(self)._value2member_map_


class OpenIntEnum(IntEnum):
    """An enum of whole numbers that keeps a value it does not know."""

    @classmethod
    def _missing_(cls, value: object) -> OpenIntEnum | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        member = int.__new__(cls, value)
        member._name_ = str(value)
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """Whether the contract lists this value."""
        return self.value in type(self)._value2member_map_


def joined(value: object, separator: str) -> object:
    """The text of a parameter that holds all elements of a list; any other value as it is.

    Args:
        value: A JSON value.
        separator: What stands between the elements.
    """
    if not isinstance(value, list):
        return value
    elements = cast("list[object]", value)
    return separator.join(each if isinstance(each, str) else json.dumps(each) for each in elements)
