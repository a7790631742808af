"""Refusals about the files of an invoice."""

from hundi.kit.errors import FieldProblem, Invalid, NotAllowedNow, NotFound


class AttachmentNotFound(NotFound):
    """There is no such attachment on this invoice."""

    code = "ATTACHMENT_NOT_FOUND"


class AttachmentRefused(Invalid):
    """An attachment is a PDF, PNG, JPEG, XLSX, XML, CSV or plain text, and is named as what it is."""

    code = "ATTACHMENT_REFUSED"

    def __init__(self, code: str, message: str, rejected: str | None = None) -> None:
        super().__init__(message, problems=[FieldProblem("file", code, message, rejected)])


class TooManyAttachments(NotAllowedNow):
    """An invoice has at most 20 attachments. Delete one that is not needed, then send this one again."""

    code = "TOO_MANY_ATTACHMENTS"


class NotFitAsPrimary(NotAllowedNow):
    """The primary attachment is what is mailed: a PDF, PNG or JPEG that is shared and not deleted."""

    code = "NOT_FIT_AS_PRIMARY"
