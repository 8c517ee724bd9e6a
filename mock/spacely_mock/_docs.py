"""Swagger UI from local files, on the contract as the mock serves it."""

from __future__ import annotations

import html
import json
import mimetypes
from functools import cached_property

from spacely_spec import Spec

from ._http import Reply

DOCS_PATH = "/docs"
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
</head>
<body style="margin: 0">
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script>
window.ui = SwaggerUIBundle({{
  url: "docs/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  persistAuthorization: true,
  validatorUrl: null,
}});
</script>
</body>
</html>
"""
_ASSETS = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})


class Docs:
    """The documentation's pages."""

    def __init__(self, spec: Spec) -> None:
        page = _PAGE.format(title=html.escape(spec.title))
        self._page = Reply(200, (("content-type", "text/html; charset=utf-8"),), page.encode())
        # The path alone, so that requests go to the mock under whatever name the browser knows it.
        here = {"url": spec.base_path or "/", "description": "This mock"}
        document = {**spec.document, "servers": [here, *spec.document.get("servers", [])]}
        self._document = Reply(200, (("content-type", "application/json"),), json.dumps(document).encode())

    def page(self, path: str) -> Reply | None:
        """The page at a path; None where there is none."""
        if path == DOCS_PATH:
            return self._page
        if path == DOCS_PATH + "/":
            return Reply(308, (("location", ".." + DOCS_PATH),))
        if path == DOCS_PATH + "/openapi.json":
            return self._document
        return self._assets.get(path.removeprefix(DOCS_PATH + "/"))

    @cached_property
    def _assets(self) -> dict[str, Reply]:
        # Imported here: most mocks never show their documentation.
        from swagger_ui_bundle import (  # type: ignore[import-untyped] # pyright: ignore[reportMissingTypeStubs] - has none
            swagger_ui_path,
        )

        return {
            name: Reply(
                200,
                (
                    ("content-type", mimetypes.guess_type(name)[0] or "application/octet-stream"),
                    ("cache-control", "public, max-age=3600"),
                ),
                (swagger_ui_path / name).read_bytes(),
            )
            for name in _ASSETS
        }
