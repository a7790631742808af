"""How a multipart form looks in the OpenAPI document; the handlers read it from the stream themselves."""

from collections.abc import Mapping

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema


def multipart(file: str, fields: Mapping[str, Schema] | None = None) -> type[Operation]:
    """Make the operation class of a form with a part ``file`` (what it is, in words) and small text fields."""
    content = Schema(type=OpenAPIType.STRING, content_media_type="application/octet-stream", description=file)
    form = Schema(type=OpenAPIType.OBJECT, required=["file"], properties={"file": content, **(fields or {})})
    body = RequestBody(required=True, content={"multipart/form-data": OpenAPIMediaType(schema=form)})

    class FormOperation(Operation):
        """Shows the form, whatever was derived from the handler's arguments."""

        def __post_init__(self) -> None:
            self.request_body = body

    return FormOperation
