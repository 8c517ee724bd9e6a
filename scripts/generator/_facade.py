"""What the templates of the facade are filled with: the generator's view of the contract joined with our own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from openapi_python_client import strings
from openapi_python_client.parser.bodies import Body
from openapi_python_client.parser.openapi import Endpoint, GeneratorData
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol

from spacely_runtime import SyncClient
from spacely_spec import Operation, Parameter, SecurityScheme, Spec, json_schema, left_out, required_of

from ._code import accepted, compare, entry, is_model_import, prose, raw, read
from ._messages import Reply, body_of, replies_of

Json: TypeAlias = Any

_OWN_NAMES = {name for name in dir(SyncClient) if not name.startswith("_")} | {"job", "with_raw_response"}
_IMPORT_PREFIX = "."


@dataclass(frozen=True)
class Argument:
    """One keyword argument of a method.

    Attributes:
        name: Its name in Python.
        key: What it is called on its way: the property of the body, or its own name.
        type: What it takes, as code, without the possibility of leaving it out.
        description: The contract's, with its example.
    """

    name: str
    key: str
    type: str
    required: bool
    in_body: bool
    description: str


@dataclass(frozen=True)
class PollingCode:
    """A polling Link as code."""

    target: str
    parameter: str
    constants: Mapping[str, Any]
    read_id: str
    parse_id: str
    succeeded: str
    failed: str
    result: str | None
    delay_seconds: float
    interval_seconds: float
    timeout_seconds: float


@dataclass
class Method:
    """One operation as a method of the clients."""

    spec: Spec
    endpoint: Endpoint
    operation: Operation
    tag: str
    module: str
    method_name: str
    polled_type: str | None = None
    polling: PollingCode | None = None

    @property
    def id(self) -> str:
        return self.operation.id

    @property
    def http_method(self) -> str:
        return self.operation.method

    @property
    def path(self) -> str:
        return self.operation.path

    @property
    def summary(self) -> str:
        return self.operation.summary

    @property
    def statuses(self) -> list[str]:
        return list(self.operation.responses)

    @cached_property
    def keys(self) -> tuple[SecurityScheme, ...]:
        alternatives = self.operation.security
        return next((each for each in alternatives if each), ())

    @cached_property
    def parameters(self) -> list[PropertyProtocol]:
        endpoint = self.endpoint
        return [
            *endpoint.path_parameters,
            *endpoint.query_parameters,
            *endpoint.header_parameters,
            *endpoint.cookie_parameters,
        ]

    @cached_property
    def contract_parameters(self) -> dict[str, Parameter]:
        """The contract's parameters, by the name the generator gave them in Python."""
        by_place: dict[tuple[str, str], Parameter] = {
            (each.location, each.name): each for each in self.operation.parameters
        }
        endpoint = self.endpoint
        located = (
            ("path", endpoint.path_parameters),
            ("query", endpoint.query_parameters),
            ("header", endpoint.header_parameters),
            ("cookie", endpoint.cookie_parameters),
        )
        return {
            str(prop.python_name): by_place[location, raw(prop.name)] for location, props in located for prop in props
        }

    @property
    def parameter_schemas(self) -> dict[str, Json]:
        return {name: self._json_schema(each.schema) for name, each in self.contract_parameters.items()}

    @property
    def path_parameters(self) -> list[str]:
        return [str(prop.python_name) for prop in self.endpoint.path_parameters]

    @property
    def required_parameters(self) -> list[str]:
        return [str(prop.python_name) for prop in self.parameters if prop.required]

    @cached_property
    def body(self) -> Body | None:
        return body_of(self.endpoint)

    @property
    def has_body(self) -> bool:
        return self.body is not None

    @property
    def body_required(self) -> bool:
        return self.operation.body is not None and self.operation.body.required

    @property
    def whole_body(self) -> bool:
        """Whether the body is one argument, since it is no object whose properties could be arguments."""
        return self.body is not None and not (_is_checked(self.body) and isinstance(self.body.prop, ModelProperty))

    @cached_property
    def contract_body(self) -> Mapping[str, Any]:
        """The contract's schema of the body."""
        if self.body is None or self.operation.body is None:
            return {}
        return self.operation.body.content[raw(self.body.content_type)].schema or {}

    @cached_property
    def body_schema(self) -> Json:
        return self._json_schema(self.contract_body) if self.body is not None and _is_checked(self.body) else None

    @cached_property
    def body_properties(self) -> list[PropertyProtocol]:
        """The properties of a body that is an object, without those that only an answer has."""
        if self.body is None or self.whole_body or not isinstance(self.body.prop, ModelProperty):
            return []
        model = self.body.prop
        absent = left_out(self.contract_body, self.spec.components, "request")
        properties = [*(model.required_properties or []), *(model.optional_properties or [])]
        return [prop for prop in properties if raw(prop.name) not in absent]

    @cached_property
    def required_properties(self) -> frozenset[str]:
        """What the body must have; the model may have it as optional, since no answer has it."""
        return required_of(self.contract_body, self.spec.components, "request")

    @cached_property
    def arguments(self) -> list[Argument]:
        found: list[Argument] = []
        for prop in self.parameters:
            name = str(prop.python_name)
            argument = _argument(prop, name, in_body=False)
            description = self.contract_parameters[name].description or argument.description
            found.append(dataclasses.replace(argument, description=description))
        taken = {argument.name for argument in found}
        if self.body is not None and self.whole_body:
            prop = self.body.prop
            found.append(Argument("body", "body", accepted(prop), self.body_required, True, "The body."))
        for prop in self.body_properties:
            name = str(prop.python_name)
            name = f"{name}_body" if name in taken else name
            argument = _argument(prop, raw(prop.name), in_body=True, name=name)
            found.append(dataclasses.replace(argument, required=argument.key in self.required_properties))
        return sorted(found, key=lambda argument: not argument.required)

    @property
    def body_names(self) -> dict[str, str]:
        return {argument.key: argument.name for argument in self.arguments if argument.in_body}

    @cached_property
    def replies(self) -> list[Reply]:
        return [
            Reply(each.status, each.decoder, each.type, each.response, self._reply_schema(each))
            for each in replies_of(self.endpoint)
        ]

    @cached_property
    def result_type(self) -> str:
        return " | ".join(dict.fromkeys(reply.type for reply in self.replies)) or "None"

    @cached_property
    def imports(self) -> set[str]:
        found: set[str] = set()
        properties = [*self.parameters, *(reply.response.prop for reply in self.replies)]
        if self.body is not None:
            properties += [self.body.prop, *self.body_properties]
        for prop in properties:
            found |= prop.get_imports(prefix=_IMPORT_PREFIX) | prop.get_lazy_imports(prefix=_IMPORT_PREFIX)
        return found

    def docstring(self, job: str) -> str:
        """The docstring of the method, out of the contract's texts."""
        operation = self.operation
        parts = [prose((operation.summary or f"{operation.method} {operation.path}").rstrip(".") + ".")]
        if operation.description:
            parts += ["", prose(operation.description)]
        if self.arguments:
            parts += ["", "Args:", *(entry(each.name, each.description) for each in self.arguments)]
        parts += ["", "Returns:", "    " + self._returns(job), "", "Raises:"]
        parts.append(entry("InvalidRequest", "An argument breaks the contract; nothing was sent."))
        for status, response in operation.responses.items():
            if not status.startswith(("2", "default")):
                parts.append(entry(f"StatusError {status}", response.description))
        parts.append(entry("ClientError", "Anything else that went wrong; the error tree tells what."))
        return "\n".join(parts)

    def _returns(self, job: str) -> str:
        if self.polled_type is not None:
            return f"The {job} that was submitted; its ``wait`` returns {self.polled_type}."
        return "Nothing." if self.result_type == "None" else "The parsed answer."

    def _json_schema(self, schema: Mapping[str, Any]) -> Json:
        return json_schema(schema, self.spec.components, direction="request")

    def _reply_schema(self, reply: Reply) -> Json:
        if not reply.is_json:
            return None
        content = self.operation.responses[reply.status].content
        schema = next((media.schema for name, media in content.items() if "json" in name), None)
        return json_schema(schema or {}, self.spec.components, direction="response", open_enums=True)


@dataclass
class Facade:
    """All that the templates of the facade need."""

    spec: Spec
    operations: list[Method] = field(default_factory=list[Method])

    @property
    def name(self) -> str:
        return self.spec.sdk_name

    @property
    def title(self) -> str:
        return self.spec.title

    @property
    def command(self) -> str:
        return strings.kebab_case(self.name)

    @property
    def environment_prefix(self) -> str:
        return strings.snake_case(self.name).upper()

    @property
    def base_url(self) -> str | None:
        return self.spec.servers[0] if self.spec.servers and "://" in self.spec.servers[0] else None

    @property
    def rate_limit(self) -> str:
        limit = self.spec.rate_limit
        return "None" if limit is None else f"RateLimit({limit.requests}, {limit.seconds})"

    @property
    def docstring(self) -> str:
        description = self.spec.document["info"].get("description", "")
        title = self.title.rstrip(".")
        return prose(f"{title}.\n\n{description}" if description else f"A client for {title}.")

    @property
    def submits(self) -> list[Method]:
        return [method for method in self.operations if method.polled_type is not None]

    @cached_property
    def imports(self) -> list[str]:
        return sorted(set().union(*(method.imports for method in self.operations)))

    @cached_property
    def models(self) -> frozenset[str]:
        """The models that the methods' signatures name."""
        return frozenset(line.split()[-1] for line in self.imports if is_model_import(line))


def build_facade(spec: Spec, data: GeneratorData) -> Facade:
    """Join what the generator parsed with what the contract says beyond it."""
    facade = Facade(spec)
    for tag, collection in data.endpoint_collections_by_tag.items():
        for endpoint in collection.endpoints:
            operation = next(each for each in spec.operations if _identifier(each.id) == endpoint.name)
            name = str(endpoint.name)
            facade.operations.append(
                Method(spec, endpoint, operation, str(tag), name, f"{name}_" if name in _OWN_NAMES else name)
            )
    by_id = {method.id: method for method in facade.operations}
    for method in facade.operations:
        polling = method.operation.polling
        if polling is not None:
            target = by_id[polling.target]
            method.polled_type = target.result_type
            method.polling = _polling_code(method.operation, target)
    return facade


def _is_checked(body: Body) -> bool:
    return body.body_type in {"json", "data"}


def _identifier(text: str) -> str:
    return strings.PythonIdentifier(text, "field_")


def _argument(prop: PropertyProtocol, key: str, *, in_body: bool, name: str | None = None) -> Argument:
    description = raw(prop.description or "")
    example = raw(prop.example) if prop.example is not None else ""
    if example:
        description = f"{description.rstrip()} Example: {example}".strip()
    return Argument(name or str(prop.python_name), key, accepted(prop), prop.required, in_body, description)


def _polling_code(operation: Operation, target: Method) -> PollingCode:
    polling = operation.polling
    if polling is None:
        raise ValueError(operation.id)
    by_wire_name = {raw(prop.name): prop for prop in target.parameters}
    names = {wire: str(prop.python_name) for wire, prop in by_wire_name.items()}
    id_type = by_wire_name[polling.parameter].get_type_string(no_optional=True).as_unembedded_code()
    return PollingCode(
        target=target.method_name,
        parameter=names[polling.parameter],
        constants={names[wire]: value for wire, value in polling.constants.items()},
        read_id=read(polling.job_id),
        parse_id="int" if id_type == "int" else "str",
        succeeded=" and ".join(map(compare, polling.success)) or "False",
        failed=" and ".join(map(compare, polling.failure)) or "False",
        result=None if polling.result is None else read(polling.result),
        delay_seconds=polling.delay_seconds,
        interval_seconds=polling.interval_seconds,
        timeout_seconds=polling.timeout_seconds,
    )
