"""Wire types of an invoice's documents."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta


class DocumentVersion(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One version of an invoice's document as it was sent."""

    version: Annotated[int, Meta(description="1 is what was sent first")] = msgspec.field(default=-1)
    template: Annotated[int, Meta(description="The form it is drawn in")] = msgspec.field(default=-1)
    createdOn: datetime | None = None
    deliveryIds: Annotated[
        list[str] | None, Meta(description="The deliveries that carried it, the first one first")
    ] = None
    url: Annotated[str | None, Meta(description="Where its PDF is fetched, with the same rights")] = None
