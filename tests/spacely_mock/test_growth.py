"""Contracts that the mock was not written for: every operation of each is served."""

import pytest
from tests.spacely_mock.helpers import CONTRACT, GROWTH, Caller, texts_of

from spacely_mock._sample import sample
from spacely_spec import Answer, all_hold, compile_schema, json_schema, load

KEY = "sk-any"


def _request(spec, operation, values):
    """A valid request for an operation, made from the contract alone."""
    path = spec.base_path + operation.path
    arguments = {"params": {}, "headers": {}}
    for alternative in operation.security[:1]:
        for scheme in alternative:
            target = arguments["params" if scheme.location == "query" else "headers"]
            target[scheme.name] = scheme.prefix + KEY
    for parameter in operation.parameters:
        example = next(iter(parameter.examples.values()), None)
        value = values.get(parameter.name, example)
        if value is None and parameter.required:
            value = sample(parameter.schema, spec.components, "1")
        if value is None:
            continue
        if parameter.location == "path":
            path = path.replace("{" + parameter.name + "}", ",".join(texts_of(parameter, value)))
        elif parameter.location == "query":
            arguments["params"][parameter.name] = texts_of(parameter, value)
        else:
            arguments["headers"][parameter.name] = ",".join(texts_of(parameter, value))
    if operation.body:
        content = operation.body.content["application/json"]
        example = next(iter(content.examples.values()), None)
        arguments["json"] = example or sample(content.schema, spec.components, "1")
    return operation.method, path, arguments


def _send(call, spec, operation, values):
    method, path, arguments = _request(spec, operation, values)
    response = call(method, path, **arguments)
    assert response.status_code < 300, response.text
    documented = operation.responses[str(response.status_code)]
    if documented.content:
        schema = json_schema(documented.content["application/json"].schema, spec.components, direction="response")
        compile_schema(schema).validate(response.json())
    body = response.json() if response.content else None
    return Answer(response.status_code, response.headers, body)


@pytest.mark.parametrize("file", [CONTRACT, *GROWTH], ids=lambda file: file.stem)
def test_every_operation_answers_a_valid_request_as_the_contract_says(file):
    spec = load(file)
    call = Caller(spec, api_keys=[KEY])
    polled = {operation.polling.target for operation in spec.operations if operation.polling}
    plain = [operation for operation in spec.operations if not operation.polling and operation.id not in polled]
    for operation in plain:
        _send(call, spec, operation, {})


@pytest.mark.parametrize("file", [CONTRACT, *GROWTH], ids=lambda file: file.stem)
def test_every_job_runs_and_then_meets_its_success_criteria(file):
    spec = load(file)
    call = Caller(spec, render_time=2, api_keys=[KEY])
    submits = [operation for operation in spec.operations if operation.polling]
    assert submits
    for operation in submits:
        polling = operation.polling
        target = spec.operation(polling.target)
        job_id = polling.job_id.read(_send(call, spec, operation, {}))
        values = {**polling.constants, polling.parameter: job_id}
        running = _send(call, spec, target, values)
        assert not all_hold(polling.success, running)
        assert not all_hold(polling.failure, running)
        call.clock.advance(2.1)
        done = _send(call, spec, target, values)
        assert all_hold(polling.success, done)
        call.clock.advance(-2.1)
        if polling.result is not None:
            urls = [url for url in _texts(polling.result.read(done)) if url.startswith("http")]
            assert urls
            call.clock.advance(3)
            assert {call("GET", url).status_code for url in urls} == {200}


def _texts(value):
    if isinstance(value, str):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(child)


@pytest.mark.parametrize("file", [CONTRACT, *GROWTH], ids=lambda file: file.stem)
def test_every_operation_with_security_is_closed_without_a_key(file):
    spec = load(file)
    call = Caller(spec)
    for operation in spec.operations:
        method, path, arguments = _request(spec, operation, {})
        arguments |= {"headers": {}, "params": {}}
        assert call(method, path, **arguments).status_code == (401 if operation.security else 200)


def test_an_id_is_unknown_to_an_operation_that_is_polled_for_other_jobs():
    spec = load(next(file for file in GROWTH if file.stem == "path_job"))
    call = Caller(spec, render_time=0, api_keys=[KEY])
    submits = {operation.polling.target: operation for operation in spec.operations if operation.polling}
    assert len(submits) == 2
    for target_id, submit in submits.items():
        job_id = submit.polling.job_id.read(_send(call, spec, submit, {}))
        for polled_id, polled in submits.items():
            values = {polled.polling.parameter: job_id}
            method, path, arguments = _request(spec, spec.operation(polled_id), values)
            assert (call(method, path, **arguments).status_code == 200) is (polled_id == target_id)


def test_the_answers_to_a_poll_tell_the_id_of_the_job_where_they_tell_one():
    spec = load(next(file for file in GROWTH if file.stem == "path_job"))
    call = Caller(spec, render_time=2, api_keys=[KEY])
    for operation in spec.operations:
        if operation.polling and operation.polling.job_id.key.count("/") > 1:
            job_id = operation.polling.job_id.read(_send(call, spec, operation, {}))
            polled = _send(call, spec, spec.operation(operation.polling.target), {operation.polling.parameter: job_id})
            assert operation.polling.job_id.read(polled) == job_id
            return
    pytest.fail("the contract has no such job")
