"""Reads an OpenAPI 3.0 contract: one place that knows what a contract says and what makes it unusable.

The generator, the mock and the contract tests all read the contract through this package, so that they
agree on it, and say the same of a broken one.
"""

from ._expressions import (
    Answer,
    Criterion,
    Expression,
    ExpressionError,
    all_hold,
    join_pointer,
    read_pointer,
)
from ._load import compile_schema, load
from ._model import (
    Spec,
    MediaType,
    Operation,
    Parameter,
    Polling,
    RateLimit,
    RequestBody,
    Response,
    SecurityScheme,
)
from ._problems import SpecError, Problem
from ._schemas import json_schema

__all__ = [
    "Answer",
    "Spec",
    "SpecError",
    "Criterion",
    "Expression",
    "ExpressionError",
    "MediaType",
    "Operation",
    "Parameter",
    "Polling",
    "Problem",
    "RateLimit",
    "RequestBody",
    "Response",
    "SecurityScheme",
    "all_hold",
    "compile_schema",
    "join_pointer",
    "json_schema",
    "load",
    "read_pointer",
]
