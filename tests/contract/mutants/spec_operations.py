"""Edits of a contract in its operations: where they are, who may call them, and how a job runs."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.mutants.model import NotApplicable
from tests.contract.mutants.site import Site
from tests.contract.mutants.spec_places import (
    Document,
    link_in,
    operation_in,
    rename,
    running_answer,
    spec,
)

spec.topic("authentication")


@spec.fault(mock=["key_accepted"], client=["key_in_place"])
def the_key_has_another_header(document: Document, site: Site) -> None:
    """Every call of an older program is refused."""
    _scheme(document, site).update({"type": "apiKey", "in": "header", "name": "X-Added-Key"})


@spec.fault(mock=["key_accepted"], client=["key_in_place"])
def the_key_moves_to_the_query(document: Document, site: Site) -> None:
    """Every call of an older program is refused, and keys get into logs."""
    scheme = _scheme(document, site)
    scheme.pop("scheme", None)
    scheme.update({"type": "apiKey", "in": "query", "name": "added_key"})


@spec.fault(mock=["key_accepted"], client=["key_in_place"])
def the_key_becomes_a_bearer_token(document: Document, site: Site) -> None:
    """Every call of an older program is refused."""
    scheme = _scheme(document, site)
    if scheme["type"] == "http":
        raise NotApplicable("it is one")
    scheme.pop("in")
    scheme.pop("name")
    scheme.update({"type": "http", "scheme": "bearer"})


@spec.fault(mock=["key_missing"], client=["key_in_place"])
def polls_need_no_key(document: Document, site: Site) -> None:
    """Whoever guesses an id sees the result of somebody else."""
    operation_in(document, site.poll)["security"] = []


@spec.fault(mock=["key_missing"], client=["key_in_place"])
def nothing_needs_a_key(document: Document, site: Site) -> None:
    """A program that forgets its key passes its tests and fails in production."""
    for operation in site.spec.operations:
        operation_in(document, operation)["security"] = []


def _scheme(document: Document, site: Site) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["securitySchemes"][site.scheme.id]
    return found


spec.topic("operations")


@spec.fault(mock=["submit_accepted"], client=["path"])
def a_path_is_renamed(document: Document, site: Site) -> None:
    """Every call of an older program is answered 404."""
    rename(document["paths"], site.submit.path, site.submit.path + "-renamed")


@spec.fault(mock=["submit_accepted"], client=[])
def the_base_path_is_another(document: Document, site: Site) -> None:
    """Every call of an older program is answered 404; who gives the client its base URL is not hurt."""
    for server in document.get("servers", []):
        server["url"] += "/v0"


@spec.fault(mock=["submit_accepted"], client=["method"])
def a_method_is_another(document: Document, site: Site) -> None:
    """Every call of an older program is answered 405."""
    rename(document["paths"][site.submit.path], site.submit.method.lower(), "put")


@spec.fault(mock=["contract_refused"], client=["contract_refused"])
def the_polled_operation_is_removed(document: Document, site: Site) -> None:
    """No result can be fetched; the Link leads nowhere, so the contract is refused before anything is made of it."""
    del document["paths"][site.poll.path][site.poll.method.lower()]


@spec.fault(mock=[], client=[], old_mock=["succeeds_once"], old_client=["operation_offered"])
def an_operation_is_added(document: Document, site: Site) -> None:
    """No program breaks; an older client cannot call it, and an older mock does not serve it."""
    operation = json.loads(json.dumps(operation_in(document, site.poll)))
    operation["operationId"] = "added"
    operation["parameters"] = []
    document["paths"]["/added"] = {"get": operation}


@spec.fault(mock=[], client=["operation_offered"])
def an_operation_is_renamed(document: Document, site: Site) -> None:
    """A method has another name; nothing on the wire tells."""
    operation_in(document, site.submit)["operationId"] = "renamed"


spec.topic("job flow")


@spec.fault(mock=["job_ends", "state_in_step"], client=["job_has_id"])
def the_link_is_removed(document: Document, site: Site) -> None:
    """Nothing knows any more how a job ends."""
    del operation_in(document, site.submit)["responses"][site.polling.status]["links"]


@spec.fault(mock=[], client=["failure_raised"])
def failure_is_no_longer_told(document: Document, site: Site) -> None:
    """A program waits until its patience ends for what will never be."""
    if not site.polling.failure:
        raise NotApplicable("it never was")
    del link_in(document, site)["x-polling"]["failureCriteria"]


@spec.fault(mock=[], client=["failure_raised", "states_told"], old_mock=["one_end"])
def success_is_called_a_failure_too(document: Document, site: Site) -> None:
    """A program waits in vain for what has failed, or throws away what has succeeded."""
    polling = link_in(document, site)["x-polling"]
    polling["failureCriteria"] = polling["successCriteria"]


@spec.fault(mock=["state_in_step"], client=["polls_until_the_end"])
def a_job_that_runs_is_called_a_success(document: Document, site: Site) -> None:
    """A program goes on without its result."""
    running = site.state_place.read(running_answer(site))
    link_in(document, site)["x-polling"]["successCriteria"] = [{"condition": f"{site.state_place.text} == '{running}'"}]


@spec.fault(mock=["file_served"], client=["result_told"])
def the_result_is_said_to_be_elsewhere(document: Document, site: Site) -> None:
    """A program sees no images in the updates, and downloads nothing."""
    site.result_place  # noqa: B018 - says whether there is one
    link_in(document, site)["x-polling"]["result"] = site.state_place.text


@spec.fault(mock=[], client=["timeout_raised"])
def a_wait_gives_up_ten_times_sooner(document: Document, site: Site) -> None:
    """A program gives up on what was paid for."""
    link_in(document, site)["x-polling"]["timeoutSeconds"] = site.polling.timeout_seconds / 10


@spec.fault(mock=["limit_not_early"], client=[])
def the_rate_limit_is_a_tenth(document: Document, site: Site) -> None:
    """A program that keeps the limit is refused."""
    if site.spec.rate_limit is None:
        raise NotApplicable("the contract declares no rate limit")
    document["x-rate-limit"]["requests"] = max(1, site.spec.rate_limit.requests // 10)
