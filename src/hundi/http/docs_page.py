"""The browsable API documentation at ``/schema``: Swagger UI from our own static folder, nothing from outside hosts."""

from typing import Any, Final

from litestar import Request
from litestar.enums import MediaType
from litestar.openapi.plugins import OpenAPIRenderPlugin

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<title>Hundi API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/vendor/swagger-ui/swagger-ui.css">
<script src="/static/vendor/swagger-ui/swagger-ui-bundle.js" defer></script>
<script src="/static/schema.js" defer></script>
</head>
<body>
<noscript>This page needs JavaScript. The description itself is at <a href="/schema/openapi.json">/schema/openapi.json</a>.</noscript>
<main id="api"></main>
</body>
</html>
"""


class DocsPage(OpenAPIRenderPlugin):
    """Shows the API's description and lets the reader try it; the browser asks no other host for anything.

    Styles may be inline because Swagger UI sets them so; scripts may not. Give it to ``OpenAPIConfig(render_plugins=…)``.
    """

    def __init__(self) -> None:
        super().__init__(path="/", media_type=MediaType.HTML)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002 - Litestar's signature
        """Give the page; it fetches the description from ``/schema/openapi.json``."""
        return _PAGE.encode()
