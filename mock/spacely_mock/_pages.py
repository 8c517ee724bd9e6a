"""The mock's own paths: health, the contract's file, documentation, images, and what its problems mean."""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache

import anyio.to_thread

from spacely_spec import Spec

from ._control import CONTROL_PATH, METRICS_PATH, Control
from ._docs import DOCS_PATH, Docs
from ._http import Reply, Request
from ._jobanswers import IMAGES_PATH
from ._jobs import JobSettings
from ._operations import CompiledOperation
from ._plans import Outcome
from ._problems import IMAGE_EXPIRED, KINDS, METHOD_NOT_ALLOWED, NOT_FOUND, PROBLEMS_PATH, problem

_IMAGE = re.compile(r"(?P<signature>[0-9a-f]{20})/(?P<id>[A-Za-z0-9_-]+)-(?P<number>[1-9][0-9]{0,2})\.png")


class Pages:
    """Answers requests for the mock's own paths."""

    def __init__(
        self, spec: Spec, compiled: dict[str, CompiledOperation], settings: JobSettings, control: Control | None
    ) -> None:
        self._control = control
        self._settings = settings
        self._submits = [entry.submit for entry in compiled.values() if entry.submit is not None]
        health = {
            "status": "ok",
            "title": spec.title,
            "version": spec.version,
            "operations": [operation.id for operation in spec.operations],
        }
        self._fixed = {
            "/healthz": _json(health),
            "/openapi.yaml": Reply(200, (("content-type", "application/yaml"),), spec.source),
            "/openapi.json": _json(spec.document),
        }
        self._docs = Docs(spec)
        for kind in KINDS:
            self._fixed[PROBLEMS_PATH + kind.slug] = _json(
                {"type": PROBLEMS_PATH + kind.slug, "title": kind.title, "meaning": kind.meaning}
            )
        self.paths: tuple[str, ...] = ("/healthz", DOCS_PATH, "/openapi.yaml", "/openapi.json")
        if control is not None:
            self.paths += (CONTROL_PATH, METRICS_PATH)

    async def answer(self, request: Request) -> Reply | None:
        """The answer to a request; None where the path is not one of these."""
        if self._control is not None:
            controlled = await self._control.answer(request)
            if controlled is not None:
                return controlled
        reply = self._fixed.get(request.path)
        if reply is None and request.path.startswith(DOCS_PATH):
            reply = self._docs.page(request.path)
        if reply is None and request.path.startswith(IMAGES_PATH):
            reply = await self._image(request, request.path.removeprefix(IMAGES_PATH))
        if reply is None or request.method in {"GET", "HEAD"}:
            return reply
        allow = (("allow", "GET, HEAD, OPTIONS"),)
        if request.method == "OPTIONS":
            return Reply(204, allow)
        return problem(METHOD_NOT_ALLOWED, "This path has GET.", request.instance, headers=allow)

    async def _image(self, request: Request, name: str) -> Reply:
        match = _IMAGE.fullmatch(name)
        outcome = None if match is None else self._outcome(match["id"], int(match["number"]), match["signature"])
        if outcome == Outcome.EXPIRED_IMAGES:
            return problem(IMAGE_EXPIRED, IMAGE_EXPIRED.meaning, IMAGES_PATH)
        if match is None or outcome in {None, Outcome.MISSING_IMAGES}:
            return problem(NOT_FOUND, "There is no such image.", IMAGES_PATH)
        tag = '"' + hashlib.blake2b(name.encode(), digest_size=12).hexdigest() + '"'
        headers = (("content-type", "image/png"), ("etag", tag), ("cache-control", "public, max-age=86400, immutable"))
        if tag in ",".join(request.headers("if-none-match")):
            return Reply(304, headers[1:])
        # Drawn in a thread: other requests are answered meanwhile.
        caption = f"{match['id']}  {match['number']}"
        body = await anyio.to_thread.run_sync(_drawn, f"{match['id']}-{match['number']}", caption)
        return Reply(200, headers, body)

    def _outcome(self, job_id: str, number: int, signature: str) -> Outcome | None:
        """How the job with an id has ended; None where it still runs, or no job has told of this image."""
        if signature != self._settings.sealer.signature(job_id):
            return None
        for submit in self._submits:
            job = self._settings.sealer.glance(submit.form, job_id)
            if job is None or job.operation != submit.number or number > submit.images(job):
                continue
            # Where polls count, one of them has found the job ended: nothing else tells the URLs.
            if self._settings.has_run(job) is not False:
                return self._settings.plan(job).outcome
        return None


@lru_cache(maxsize=64)
def _drawn(seed: str, caption: str) -> bytes:
    # Imported here: a mock starts faster without Pillow, and many never draw.
    from ._images import draw

    return draw(seed, caption)


def _json(value: object) -> Reply:
    return Reply(200, (("content-type", "application/json"),), json.dumps(value).encode())
