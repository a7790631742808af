"""`hundi config check`: what the settings come to."""

from typing import Any, Final

import msgspec

from hundi.config import PREFIX, Settings
from hundi.network.membership import membership

_SECRET: Final = frozenset(
    {"secret_key", "database_url", "owner_url", "loader_url", "direct_url", "smtp_url", "files_url"}
)


def checked(settings: Settings) -> None:
    """Look at settings that belong together; raises :class:`hundi.config.BadSetting` where one is missing or wrong."""
    membership(settings)


def shown(settings: Settings) -> dict[str, Any]:
    """Give every setting by its variable; of secrets and addresses (they hold passwords) only whether they are set."""
    return {
        PREFIX + field.name.upper(): _value(field.name, getattr(settings, field.name))
        for field in msgspec.structs.fields(settings)
    }


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    return "(set)" if name in _SECRET else str(value)
