"""Versions of a record on the wire: ``ETag`` on what was read, ``If-Match`` on a change of it (RFC 9110 §8.8.3, §13.1.1).

The tag is the record's version number in quotes: every change of the record raises it, so equal tags mean equal content.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final

from litestar.params import HeaderParameter

from hundi.kit.errors import ErrorType, FieldProblem, Invalid, Refusal

_TAG: Final = re.compile(r'(?P<weak>W/)?"(?P<text>[\x21\x23-\x7e]*)"')
_LONGEST: Final = 1000
_MOST_TAGS: Final = 20

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        required=False,
        description='The ETag of what you read, such as "3": the change is made only while it still holds, else 412.',
    ),
]
VersionCheck = Callable[[int], None]
"""Raises :class:`StaleVersion` unless the record's present version is one the caller accepts."""


class StaleVersion(Refusal):
    """The record was changed after you read it. Read it again, and send the change with the new ETag."""

    code, status, error_type = "STALE_VERSION", 412, ErrorType.UNPROCESSABLE_REQUEST


def etag(version: int) -> str:
    """Write the ETag of a version: ``"3"``."""
    return f'"{version}"'


def headers(version: int) -> dict[str, str]:
    """Give the reply's headers for a record of this version."""
    return {"ETag": etag(version)}


def version_check(if_match: str | None) -> VersionCheck:
    """Read ``If-Match`` once, before the record is locked; what is given back is asked once its version is known.

    Without the header, or with ``*``, every version fits. Several tags with commas are allowed; one must fit. A weak tag
    never fits (RFC 9110 §13.1.1). Raises :class:`Invalid` where the header is no list of tags.
    """
    if if_match is None or if_match.strip() == "*":
        return _any_version
    parts = [part.strip() for part in if_match[:_LONGEST].split(",", _MOST_TAGS)]
    found = [_TAG.fullmatch(part) for part in parts]
    if len(if_match) > _LONGEST or len(parts) > _MOST_TAGS or not all(found):
        message = 'Send the ETag as you got it, with its quotes, such as "3".'
        raise Invalid(problems=[FieldProblem("If-Match", "BAD_FORMAT", message, if_match[:100])])
    accepted = {tag["text"] for tag in found if tag is not None and tag["weak"] is None}

    def check(version: int) -> None:
        if str(version) not in accepted:
            message = f"The record's version is now {version}. Read it again, and send the change with that ETag."
            problem = FieldProblem("If-Match", StaleVersion.code, message, if_match[:100])
            raise StaleVersion(problems=[problem], headers=headers(version))

    return check


def _any_version(_: int) -> None:
    """Accept whatever the version is: the caller asked for none."""
