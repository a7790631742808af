"""The page of settings."""

from typing import get_type_hints

import msgspec

from hundi.config import PREFIX, Settings
from reference_pages.markdown import NOTE, table


def settings_page() -> str:
    """List every setting with its default and what it is for."""
    hints = get_type_hints(Settings, include_extras=True)
    rows: list[tuple[object, ...]] = []
    for field in msgspec.structs.fields(Settings):
        meta = next(part for part in hints[field.name].__metadata__ if isinstance(part, msgspec.Meta))
        bounds = [
            f"{word} {value}" for word, value in (("at least", meta.ge), ("at most", meta.le)) if value is not None
        ]
        description = (meta.description or "") + (f" ({', '.join(bounds)})" if bounds else "")
        default = "not set" if field.default is None else f"`{field.default}`" if str(field.default) else "empty"
        rows.append((f"`{PREFIX}{field.name.upper()}`", default, description))
    return (
        "# Settings\n\n"
        + NOTE
        + "Hundi reads these environment variables once, when it starts. A variable that begins "
        f"with `{PREFIX}` and is not in this list is refused, so that a misspelt one is noticed. Options of the command "
        "line win over the environment. `hundi config check` says what the settings come to. `DIR` is the data folder.\n\n"
        + table(("variable", "default", "what it is for"), rows)
    )
