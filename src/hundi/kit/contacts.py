r"""E-mail addresses and telephone numbers: the contract's patterns, and what we accept of them.

The printed patterns stand in the OpenAPI document verbatim; reading uses tighter and faster ones, which also refuse the
line break that ``$`` lets through.
"""

import re
from typing import Final

PHONE_PATTERN: Final = r"^$|^((\+|00)(\d{1,3})[\s-]?)?(\d{10})$"
IFSC_PATTERN: Final = r"^$|^[A-Za-z]{4}0[A-Z0-9a-z]{6}$"
ACCOUNT_PATTERN: Final = r"^$|^[A-Za-z0-9]{9,36}$"

_PHONE: Final = re.compile(r"(?:(?:\+|00)(?P<country>[0-9]{1,3})[ -]?)?(?P<number>[0-9]{10})")
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LONGEST_ADDRESS: Final = 254
_LONGEST_LOCAL: Final = 64
_FEWEST_LABELS: Final = 2


def is_email(text: str) -> bool:
    """Tell whether mail can be addressed to the text: an ordinary ``local@domain.tld`` of at most 254 characters.

    Quoted local parts and addresses by number, which the printed pattern knows, are refused: nobody invoices them, and
    they are how header tricks are written.
    """
    local, at, domain = text.rpartition("@")
    if not at or len(text) > _LONGEST_ADDRESS or len(local) > _LONGEST_LOCAL or _LOCAL.fullmatch(local) is None:
        return False
    labels = domain.split(".")
    return len(labels) >= _FEWEST_LABELS and all(_LABEL.fullmatch(label) for label in labels)


def split_emails(text: str) -> list[str]:
    """Split addresses separated by comma, semicolon or blank, as people list them; each once, in order, unchecked."""
    return list(dict.fromkeys(part for part in re.split(r"[,;\s]+", text) if part))


def is_name(text: str) -> bool:
    """Tell whether a text names anybody: blanks and characters that nobody sees, such as U+200B, do not."""
    return any(char.isprintable() and not char.isspace() for char in text)


def is_phone(text: str) -> bool:
    """Tell whether the text is a telephone number of the contract: ten digits, perhaps after a country code."""
    return _PHONE.fullmatch(text) is not None
