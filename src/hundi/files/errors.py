"""Refusals about files."""

from typing import Final

from hundi.kit.errors import ErrorType, FieldProblem, Invalid, Malformed, NotFound, Refusal

_MEBIBYTE: Final = 1024 * 1024


class LinkUnknown(NotFound):
    """This link is unknown or has expired. Ask for the import again to get a new one."""

    code = "LINK_UNKNOWN"


class FileAbsent(Invalid):
    """Send the file as the part named `file` of a multipart/form-data body."""

    code = "FILE_MISSING"

    def __init__(self, hint: str | None = None) -> None:
        message = hint or "Send the file as the part named 'file' of a multipart/form-data body."
        super().__init__(problems=[FieldProblem("file", self.code, message)])


class UploadTooLarge(Refusal):
    """The file is larger than this endpoint takes (imports: HUNDI_UPLOAD_LIMIT_MB): split it, or make it smaller."""

    code, status, error_type = "FILE_TOO_LARGE", 413, ErrorType.CLIENT_REQUEST_ERROR

    def __init__(self, limit: int) -> None:
        size = f"{limit / _MEBIBYTE:.1f} MiB" if limit >= _MEBIBYTE else f"{limit // 1024} KiB"
        message = f"The file is larger than this endpoint takes ({size}): split it, or make it smaller."
        # The rest of the body is not read, so the connection cannot be used again.
        super().__init__(message, problems=[FieldProblem("file", self.code, message)], headers={"Connection": "close"})


class UploadCutOff(Malformed):
    """The body ended before its last boundary: send the file again."""

    code = "UPLOAD_CUT_OFF"

    def __init__(self) -> None:
        message = "The body ended before its last boundary: send the file again."
        super().__init__(message, problems=[FieldProblem("file", self.code, message)])
