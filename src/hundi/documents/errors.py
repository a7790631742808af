"""Refusals about the documents of an invoice."""

from hundi.kit.errors import NotFound


class DocumentNotFound(NotFound):
    """This invoice has no such version of its document. List its documents to see which there are; 0 is as it stands now."""

    code = "DOCUMENT_VERSION_NOT_FOUND"
