"""Refusals about files."""

from hundi.kit.errors import NotFound


class LinkUnknown(NotFound):
    """This link is unknown or has expired. Ask for the import again to get a new one."""

    code = "LINK_UNKNOWN"
