"""Reads an OpenAPI 3.0 contract: one place that knows what a contract says and what makes it unusable.

The generator, the mock and the contract tests all read the contract through this package, so that they
agree on it, and say the same of a broken one.
"""

from ._explain import Fault, faults
from ._expressions import (
    Answer,
    Criterion,
    Expression,
    ExpressionError,
    all_hold,
    join_pointer,
    read_pointer,
)
from ._load import load
from ._model import (
    MediaType,
    Operation,
    Parameter,
    Polling,
    RateLimit,
    RequestBody,
    Response,
    SecurityScheme,
    Spec,
)
from ._names import snake_case
from ._problems import Problem, SpecError
from ._schemas import compile_schema, json_schema, left_out, required_of
from ._source import Source, read_source

__all__ = [
    "Answer",
    "Criterion",
    "Expression",
    "ExpressionError",
    "Fault",
    "MediaType",
    "Operation",
    "Parameter",
    "Polling",
    "Problem",
    "RateLimit",
    "RequestBody",
    "Response",
    "SecurityScheme",
    "Source",
    "Spec",
    "SpecError",
    "all_hold",
    "compile_schema",
    "faults",
    "join_pointer",
    "json_schema",
    "left_out",
    "load",
    "read_pointer",
    "read_source",
    "required_of",
    "snake_case",
]
