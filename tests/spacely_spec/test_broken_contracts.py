"""Each broken contract is refused with the line, what is wrong there, and what to do.

Each case edits openapi.yaml; the comment `# here` marks the line that a person should be sent to.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from .conftest import line_of, problems_of

Edit = tuple[str, str]


class Broken(NamedTuple):
    """What is broken, parts of the message and of the remedy, and the edits that break it."""

    name: str
    message: str
    remedy: str
    edits: tuple[Edit, ...]


def broken(name: str, message: str, remedy: str, *edits: Edit) -> Broken:
    return Broken(name, message, remedy, edits)


TOP = ("openapi: 3.0.3", "openapi: 3.0.3 # here")
ACCEPTED = "          description: The render was accepted. `data` is its refId.\n"
EXAMPLE = """\
              examples:
                accepted:
                  summary: The refId to poll with
                  value:
                    data: 63d"""
COMPONENTS = "components:\n  securitySchemes"


def other(operation: str, path: str = "/other") -> Edit:
    """Adds an operation of its own: the lines of its Operation Object."""
    lines = "".join(f"      {line}\n" for line in operation.splitlines())
    return COMPONENTS, f"  {path}:\n    get:\n{lines}\n{COMPONENTS}"


STRUCTURE = [
    broken("Swagger 2.0", "Swagger 2.0 is not supported", "3.0.x", ("openapi: 3.0.3", "swagger: '2.0' # here")),
    broken("OpenAPI 3.1", "OpenAPI 3.1.0 is not supported", "3.0.x", ("openapi: 3.0.3", "openapi: 3.1.0 # here")),
    broken("OpenAPI 3.2", "OpenAPI 3.2.0 is not supported", "3.0.x", ("openapi: 3.0.3", "openapi: 3.2.0 # here")),
    broken("a version that is a number", "OpenAPI 3.0 is not", "3.0.x", ("openapi: 3.0.3", "openapi: 3.0 # here")),
    broken("no version", "no 'openapi' key", "openapi: 3.0.3", ("openapi: 3.0.3", "x-openapi: 3.0.3 # here")),
    broken("no info", "'info' is missing", "add 'info'", TOP, ("\ninfo:", "\nx-info:")),
    broken("no paths", "'paths' is missing", "add 'paths'", TOP, ("\npaths:", "\nx-paths:")),
    broken(
        "no title",
        "'title' is missing",
        "add 'title'",
        ("\ninfo:", "\ninfo: # here"),
        ("  title: Spacely AI Enterprise\n", ""),
    ),
    broken(
        "no responses",
        "'responses' is missing",
        "add 'responses'",
        ("    post:", "    post: # here"),
        ("      responses:\n", "      x-responses:\n"),
    ),
    broken(
        "no description of a response",
        "'description' is missing",
        "add 'description'",
        ("        '200':\n" + ACCEPTED, "        '200': # here\n"),
    ),
    broken(
        "a misspelt key",
        "'sumary' is not known",
        "spelling",
        ("      summary: Sub", "      sumary: # here\n       Sub"),
    ),
    broken("a path without /", "'generate' is not known", "spelling", ("  /generate/advance:", "  generate: # here")),
    broken(
        "a wrong type",
        "'strin' is none of",
        "string",
        ("type: string\n          format", "type: strin # here\n          format"),
    ),
    broken("a wrong location", "'quer' is none of", "path, query, header, cookie", ("in: query", "in: quer # here")),
    broken("text for a number", 'not of type "integer"', "specification", ("minLength: 1", "minLength: one # here")),
    broken("a wrong kind of security", "'apikey' is none of", "apiKey", ("type: apiKey", "type: apikey # here")),
    broken(
        "a security scheme without its header",
        "'name' is missing",
        "add 'name'",
        ("    ApiKey:\n", "    ApiKey: # here\n"),
        ("      name: X-API-KEY\n", ""),
    ),
    broken("a bad pattern", 'is not a "regex"', "specification", ("minLength: 1", "pattern: '(' # here")),
    broken(
        "a pattern too large to compile",
        "the schema cannot be used",
        "correct the schema",
        ("minLength: 1", "pattern: ((a{1000}){1000}){1000} # here"),
    ),
    broken(
        "a schema composed of itself",
        "composed of itself",
        "remove it from its allOf",
        (
            "    RefId:\n",
            "    Loop: {anyOf: [{type: string}, {$ref: '#/components/schemas/Loop'}]} # here\n    RefId:\n",
        ),
    ),
    broken(
        "a nullable that says nothing",
        "nullable says nothing without type",
        "write type beside it",
        ("    RenovateType:\n      type: string\n", "    RenovateType:\n      nullable: true # here\n"),
    ),
]

REFERENCES = [
    broken("to nowhere", "leads nowhere", "correct it", ("schemas/RenovateType'", "schemas/Nobody' # here")),
    broken(
        "out of the file", "out of the file", "bundle", ("'#/components/schemas/RenovateType'", "common.yaml#/X # here")
    ),
    broken(
        "that is no text",
        'not of type "string"',
        "specification",
        ("'#/components/schemas/RenovateType'", "[1] # here"),
    ),
    broken(
        "to another kind of object",
        "does not lead to one of #/components/schemas/",
        "move what it names",
        ("schemas/RenovateType'", "responses/BadRequest' # here"),
    ),
    broken(
        "elsewhere in the document",
        "does not lead to one of #/components/schemas/",
        "move what it names",
        ("#/components/schemas/RenovateType'", "#/paths/~1generate~1poll-result/get/parameters/0/schema' # here"),
    ),
    broken(
        "from a path",
        "a path is a reference",
        "in place",
        (COMPONENTS, "  /other:\n    $ref: '#/components/x' # here\n" + COMPONENTS),
    ),
    broken(
        "of a response to itself",
        "leads back to itself",
        "hold the value",
        (
            "    BadRequest:\n      desc",
            "    Loop: {$ref: '#/components/responses/Loop'} # here\n    BadRequest:\n      desc",
        ),
    ),
    broken(
        "of a schema to itself",
        "leads back to itself",
        "hold the value",
        ("    RefId:\n", "    Loop: {$ref: '#/components/schemas/Loop'} # here\n    RefId:\n"),
    ),
    broken(
        "to what is no object",
        "leads nowhere",
        "correct it",
        ("#/components/schemas/RenovateType'", "#/components/schemas/RefId/type' # here"),
    ),
]

OPERATIONS = [
    broken(
        "two with one operationId",
        "'generateAdvance' is taken by POST /generate/advance",
        "name of its own",
        (
            "  /generate/poll-result:\n    get:\n      operationId: pollResult\n",
            "  /generate/poll-result:\n    get:\n      operationId: generateAdvance # here\n",
        ),
    ),
    broken(
        "names that are one in snake_case",
        "taken by GET /generate/poll-result: 'pollResult' is 'poll_result' in the client",
        "name of its own",
        other("operationId: poll_result # here\nresponses: {'200': {description: Done.}}"),
    ),
    broken(
        "a keyword as a name",
        "'class' cannot name a method",
        "getRender",
        other("operationId: class # here\nresponses: {'200': {description: Done.}}"),
    ),
    broken(
        "a number as a name",
        "'123' cannot name a method",
        "getRender",
        other("operationId: '123' # here\nresponses: {'200': {description: Done.}}"),
    ),
    broken(
        "signs as a name",
        "'§$%' cannot name a method",
        "getRender",
        other("operationId: §$% # here\nresponses: {'200': {description: Done.}}"),
    ),
    broken(
        "no operationId",
        "POST /generate/advance has no operationId",
        "give it one",
        ("    post:", "    post: # here"),
        ("      operationId: generateAdvance\n", ""),
    ),
    broken(
        "a path parameter that nothing declares",
        "the path has {id}, but no parameter",
        "name: id, in: path",
        (
            COMPONENTS,
            "  /other/{id}:\n    get: # here\n"
            "      operationId: other\n      responses: {'200': {description: Done.}}\n" + COMPONENTS,
        ),
    ),
    broken(
        "a path parameter that is not in the path",
        "'id' is not in the path /other",
        "write {id} into the path",
        other(
            "operationId: other\nresponses: {'200': {description: Done.}}\n"
            "parameters:\n  - {name: id, in: path, required: true, schema: {type: string}} # here"
        ),
    ),
    broken(
        "a parameter twice",
        "'a' stands here twice",
        "keep one",
        other(
            "operationId: other\nresponses: {'200': {description: Done.}}\nparameters:\n"
            "  - {name: a, in: query, schema: {type: string}}\n  - {name: a, in: query, schema: {type: integer}} # here"
        ),
    ),
    broken(
        "a parameter with content",
        "'a' has no schema",
        "content in a parameter is not supported",
        other(
            "operationId: other\nresponses: {'200': {description: Done.}}\nparameters:\n"
            "  - {name: a, in: query, content: {application/json: {schema: {type: string}}}} # here"
        ),
    ),
    broken(
        "two paths that are one",
        "/b/{y} and /b/{x} are the same path",
        "keep one",
        (
            COMPONENTS,
            "  /b/{x}:\n    parameters: [{name: x, in: path, required: true, schema: {type: string}}]\n"
            "    get: {operationId: one, responses: {'200': {description: Done.}}}\n"
            "  /b/{y}: # here\n    parameters: [{name: y, in: path, required: true, schema: {type: string}}]\n"
            "    put: {operationId: two, responses: {'200': {description: Done.}}}\n" + COMPONENTS,
        ),
    ),
    broken(
        "an unknown security scheme",
        "'Kay' is not defined",
        "name one of: ApiKey",
        ("        - ApiKey: []", "        - Kay: [] # here"),
    ),
    broken(
        "a security scheme that is not supported",
        "'ApiKey' is of a kind that is not supported",
        "apiKey in a header",
        ("    ApiKey:\n", "    ApiKey: # here\n"),
        ("      type: apiKey\n      in: header\n      name: X-API-KEY\n", "      type: http\n      scheme: basic\n"),
    ),
    broken(
        "a server's unknown variable",
        "variable 'host' is not defined",
        "default",
        ("url: https://api.spacely.ai/api", "url: https://{host}/api # here\n    x-rest: "),
    ),
    broken(
        "a server that is no URL",
        "is no URL of a server",
        "https://host/base",
        ("url: https://api.spacely.ai/api", "url: ftp:api # here\n    x-rest: "),
    ),
    broken(
        "a title that names no class",
        "'1' cannot name a class",
        "x-sdk-name",
        ("  title: Spacely AI Enterprise", "  title: '1' # here"),
        ("  x-sdk-name: Spacely\n", ""),
    ),
    broken(
        "an x-sdk-name with a space",
        "'A b' cannot name a class",
        "RoomRenders",
        ("x-sdk-name: Spacely", "x-sdk-name: A b # here"),
    ),
]

SUCCESS_WORD = "status == 'success'"
LINK_ID = "              operationId: pollResult\n"

LINKS = [
    broken(
        "to no operation",
        "'pollResults', which does not exist",
        "name one of: generateAdvance, pollResult",
        (LINK_ID, LINK_ID.replace("Result\n", "Results # here\n")),
    ),
    broken(
        "without operationId",
        "names no operationId",
        "set its operationId",
        ("            result:\n" + LINK_ID, "            result: # here\n"),
    ),
    broken(
        "by operationRef, though it polls",
        "names no operationId",
        "takes no operationRef",
        (
            "            result:\n" + LINK_ID,
            "            result: # here\n              operationRef: '#/paths/~1generate~1poll-result/get'\n",
        ),
    ),
    broken(
        "to no parameter",
        "has no parameter 'refid'",
        "name one of: refId",
        ("refId: $response.body#/data", "refid: $response.body#/data # here"),
    ),
    broken(
        "to a parameter in another place",
        "has no parameter 'path.refId'",
        "name one of: refId",
        ("refId: $response.body#/data", "path.refId: $response.body#/data # here"),
    ),
    broken(
        "without a required parameter",
        "does not say what 'refId' is",
        "parameters: {refId: $response.body#/id}",
        ("            result:\n" + LINK_ID, "            result: # here\n" + LINK_ID),
        ("              parameters:\n                refId: $response.body#/data\n", ""),
    ),
    broken(
        "with a constant for the id",
        "takes 0 parameters from the response",
        "exactly one",
        (
            "              parameters:\n                refId: $",
            "              parameters: # here\n                refId: ",
        ),
    ),
    broken(
        "with an expression that is none",
        "'$respons.body#/data' is not understood",
        "",
        ("refId: $response.body#/data", "refId: $respons.body#/data # here"),
    ),
    broken(
        "with a pointer without /",
        "a JSON pointer begins with '/'",
        "",
        ("refId: $response.body#/data", "refId: $response.body#data # here"),
    ),
    broken(
        "with an id that the answer does not have",
        "reads a place that the documented response does not have",
        "correct it",
        ("refId: $response.body#/data", "refId: $response.body#/data/id # here"),
    ),
    broken(
        "with a criterion that cannot be parsed",
        "'$response.body#/data/status is done' is no comparison",
        "",
        (f"$response.body#/data/{SUCCESS_WORD}", "$response.body#/data/status is done # here"),
    ),
    broken(
        "with two comparisons in one criterion",
        "one comparison a condition",
        "",
        (SUCCESS_WORD, "status == 'success' && $statusCode == 200 # here"),
    ),
    broken(
        "with a criterion on a place that is not there",
        "reads a place",
        "correct it",
        (f"data/{SUCCESS_WORD}", "data/stats == 'success' # here"),
    ),
    broken(
        "with a criterion on a word that never comes",
        "compares with 'sucess'",
        "processing, success, failed",
        (SUCCESS_WORD, "status == 'sucess' # here"),
    ),
    broken(
        "with a result that is not there",
        "reads a place",
        "correct it",
        ("result: $response.body#/data/result", "result: $response.body#/data/images # here"),
    ),
    broken(
        "with a header that is not there",
        "reads a place",
        "correct it",
        (f"$response.body#/data/{SUCCESS_WORD}", "$response.header.State == 'done' # here"),
    ),
    broken(
        "that polls with no mapping",
        "x-polling cannot be read",
        "write it as successCriteria",
        ("              x-polling:\n", "              x-polling: soon # here\n              x-was:\n"),
    ),
    broken(
        "without successCriteria",
        "'successCriteria' is missing",
        "add 'successCriteria'",
        ("              x-polling:\n", "              x-polling: # here\n"),
        ("                successCriteria:", "                x-criteria:"),
    ),
    broken(
        "with no criterion in successCriteria",
        "x-polling cannot be read",
        "write it as",
        ("                successCriteria:\n", "                successCriteria: [] # here\n                x-was:\n"),
    ),
    broken(
        "with successCriteria that is no list",
        "x-polling cannot be read",
        "write it as",
        (
            "                successCriteria:\n",
            "                successCriteria: done # here\n                x-was:\n",
        ),
    ),
    broken(
        "with failureCriteria that is no list",
        "x-polling cannot be read",
        "write it as",
        ("                failureCriteria:\n", "                failureCriteria: {} # here\n                x-was:\n"),
    ),
    broken(
        "with a criterion without condition",
        "'condition' is missing",
        "add 'condition'",
        ("                  - condition: $response.body#/data/status == 'failed'", "                  - x-c: 1 # here"),
    ),
    broken(
        "with seconds that are text",
        "x-polling cannot be read",
        "seconds as numbers",
        ("delaySeconds: 2", "delaySeconds: soon # here"),
    ),
    broken(
        "with seconds below nothing",
        "-1 is less than the minimum of 0",
        "seconds as numbers",
        ("intervalSeconds: 2", "intervalSeconds: -1 # here"),
    ),
    broken(
        "with a timeout that is true",
        "x-polling cannot be read",
        "seconds as numbers",
        ("timeoutSeconds: 600", "timeoutSeconds: true # here"),
    ),
    broken(
        "with a result that is no text",
        "x-polling cannot be read",
        "write it as",
        ("result: $response.body#/data/result", "result: 3 # here"),
    ),
    broken(
        "with a misspelt field",
        "'intervallSeconds' is not known",
        "spelling",
        ("intervalSeconds: 2", "intervallSeconds: 2 # here"),
    ),
    broken(
        "one polling Link too many",
        "one polling Link only",
        "remove x-polling",
        (
            "              x-polling:\n",
            "              x-was:\n",
        ),
        (
            "          links:\n",
            "          links:\n            first:\n"
            + LINK_ID
            + "              parameters: {refId: $response.body#/data}\n"
            "              x-polling: {successCriteria: [{condition: $statusCode == 200}]}\n"
            "            second:\n" + LINK_ID + "              parameters: {refId: $response.body#/data}\n"
            "              x-polling: {successCriteria: [{condition: $statusCode == 200}]} # here\n",
        ),
    ),
    broken(
        "to an operation that needs a body",
        "'generateAdvance' needs a body",
        "needs none",
        (LINK_ID, "              operationId: generateAdvance # here\n"),
        ("              parameters:\n                refId: $response.body#/data\n", ""),
    ),
    broken(
        "that does not poll, to no operation",
        "'nobody', which does not exist",
        "name one of",
        ("              x-polling:\n", "              x-was:\n"),
        (LINK_ID, "              operationId: nobody # here\n"),
    ),
]

EXTENSIONS = [
    broken(
        "a rate limit of no calls",
        "x-rate-limit cannot be read",
        "two positive numbers",
        ("  requests: 100", "  requests: 0 # here"),
    ),
    broken(
        "a rate limit in no time",
        "x-rate-limit cannot be read",
        "two positive numbers",
        ("  seconds: 1", "  seconds: 0 # here"),
    ),
    broken(
        "a rate limit without seconds",
        "'seconds' is missing",
        "add 'seconds'",
        ("x-rate-limit:", "x-rate-limit: # here"),
        ("  seconds: 1\n", ""),
    ),
    broken(
        "a rate limit that is text",
        "x-rate-limit cannot be read",
        "two positive numbers",
        ("x-rate-limit:", "x-rate-limit: 100/s # here\nx-was:"),
    ),
    broken(
        "a key pattern that is none",
        "x-key-pattern is no regular expression",
        "^sk-",
        ("x-key-pattern: ^sk-", "x-key-pattern: '^sk-(' # here"),
    ),
    broken(
        "a key pattern that is a number",
        "x-key-pattern cannot be read",
        "^sk-",
        ("x-key-pattern: ^sk-", "x-key-pattern: 3 # here"),
    ),
]

EXAMPLES = [
    broken(
        "of a media type",
        "'industrial' is none of",
        "residential, commercial",
        ("renovateType: residential", "renovateType: industrial # here"),
    ),
    broken(
        "that lacks a field",
        "'model' is missing",
        "add 'model'",
        ("                value:\n                  model: spacely-v1\n", "                value: # here\n"),
    ),
    broken(
        "of a response", "'done' is none of", "processing, success, failed", ("status: success", "status: done # here")
    ),
    broken(
        "deep in a response",
        '5 is not of type "string"',
        "correct the example",
        (
            "                        - https://storage",
            "                        - 5 # here\n                        - https://storage",
        ),
    ),
    broken(
        "of a parameter",
        "shorter than 1",
        "correct the example",
        ("example: 068e3933-4aeb-4b4d-a473-9f8fa9f2d20a", "example: '' # here"),
    ),
    broken(
        "of a property",
        '7 is not of type "string"',
        "correct the example",
        ("example: mid_century", "example: 7 # here"),
    ),
    broken(
        "of a format",
        'not a "uri"',
        "correct the example",
        (
            "example: https://storage.googleapis.com/spacely/public/image/roomstyle3/bathroom-modern.jpg",
            "example: bathroom # here",
        ),
    ),
    broken(
        "as a default",
        "'house' is none of",
        "residential, commercial",
        ("enum: [residential, commercial]", "enum: [residential, commercial]\n      default: house # here"),
    ),
    broken(
        "as the only one of a media type",
        "is not of type",
        "correct the example",
        (
            EXAMPLE,
            "              example: {data: 1} # here\n              x-rest:\n                - x: 63d",
        ),
    ),
    broken(
        "shared under components",
        "is not of type",
        "correct the example",
        (
            EXAMPLE + "17492-43d9-4161-0000-b067be1316dc",
            "              examples: {a: {$ref: '#/components/examples/A'}}",
        ),
        (
            "  responses:\n    BadRequest",
            "  examples:\n    A:\n      value: {data: 1} # here\n  responses:\n    BadRequest",
        ),
    ),
]

YAML = [
    broken(
        "a key twice",
        "the key 'summary' stands here twice",
        "keep one",
        ("      summary: Submit", "      summary: First\n      summary: # here\n       Submit"),
    ),
    broken(
        "a key that is a list",
        "a key is a list or a mapping",
        "write a name",
        ("x-rate-limit:", "? [a, b] # here\n: 1\nx-rate-limit:"),
    ),
    broken(
        "a merge key",
        "merge key << is not part of YAML 1.2",
        "$ref",
        ("    RenovateType:\n", "    RenovateType:\n      <<: {title: A} # here\n"),
    ),
    broken(
        "a number that is none", ".nan is no number that JSON has", "finite", ("  seconds: 1", "  seconds: .nan # here")
    ),
    broken(
        "an endless number", "-.inf is no number that JSON has", "finite", ("  seconds: 1", "  seconds: -.inf # here")
    ),
    broken(
        "a number of 5000 digits",
        "the value cannot be read",
        "as JSON has it",
        ("  seconds: 1", "  seconds: " + "9" * 5000 + " # here"),
    ),
    broken(
        "a binary tag",
        "the tag !!binary says what JSON cannot",
        "as JSON",
        ("  seconds: 1", "  seconds: !!binary aGVsbG8= # here"),
    ),
    broken(
        "a tag of Python",
        "python/object/apply:os.system says what JSON cannot",
        "as JSON",
        ("  seconds: 1", "  seconds: !!python/object/apply:os.system [ls] # here"),
    ),
    broken(
        "an integer tag on a word",
        "the value cannot be read",
        "as JSON has it",
        ("  seconds: 1", "  seconds: !!int one # here"),
    ),
    broken(
        "an alias in itself",
        "an alias contains itself",
        "write the value out",
        ("x-rate-limit:", "x-a: &a # here\n  - *a\nx-rate-limit:"),
    ),
    broken("an alias of nothing", "undefined alias", "syntax", ("  seconds: 1", "  seconds: *nothing # here")),
    broken("a tab", "cannot start any token", "syntax", ("  seconds: 1", "\tseconds: 1 # here")),
    broken("two documents", "expected a single document", "syntax", ("x-rate-limit:", "--- # here\nx-rate-limit:")),
]

ALL = {
    f"{group}: {case.name}": case
    for group, cases in {
        "structure": STRUCTURE,
        "a reference": REFERENCES,
        "operations": OPERATIONS,
        "a Link": LINKS,
        "extensions": EXTENSIONS,
        "an example": EXAMPLES,
        "YAML": YAML,
    }.items()
    for case in cases
}


@pytest.mark.parametrize("case", ALL.values(), ids=ALL.keys())
def test_a_broken_contract_is_refused_at_its_line_with_a_remedy(case: Broken, edited: Callable[..., Path]) -> None:
    path = edited(*case.edits)
    problems = problems_of(path)
    assert len(problems) == 1, "\n".join(map(str, problems))
    (problem,) = problems
    assert case.message in problem.message + problem.remedy
    assert case.remedy in problem.remedy
    assert problem.remedy
    assert problem.line == line_of(path, "# here")
    assert str(problem).startswith(f"{path}:{problem.line}: ")
