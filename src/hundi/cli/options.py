"""What the commands have in common: options, and settings read from them. Light: `--help` loads this."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where everything is kept. Default: ./data")]
DatabaseUrl = Annotated[str | None, typer.Option("--database-url", help="A PostgreSQL of your own, 15 or newer.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Host = Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one. Default: 8000")]
Seller = Annotated[str | None, typer.Option("--seller", help="Company id; needed when there are several.")]

Since = Annotated[str | None, typer.Option("--from", help="An instant or a day; without an offset, in India.")]
Until = Annotated[str | None, typer.Option("--to", help="An instant, itself included.")]


def instant(option: str, text: str) -> datetime:
    """Read the value of an option that is an instant; raises :class:`Refused` naming the option."""
    from hundi.cli.output import Refused
    from hundi.kit.dates import NotADate, parse_instant

    try:
        return parse_instant(text)
    except NotADate as error:
        message = f"{option}: {error}"
        raise Refused(message) from error


def settings_from(**overrides: Any) -> Any:
    """Read settings, those of the command line first; a bad one ends the command with its sentence."""
    from hundi.cli.output import refuse
    from hundi.config import BadSetting, load
    from hundi.log import configure

    try:
        settings = load(**overrides)
    except BadSetting as error:
        refuse(str(error))
    configure(settings.log_level)
    return settings


def beside(data_dir: Path | None, database_url: str | None) -> Any:
    """Read settings for a command that works beside a running `hundi up`."""
    from hundi.cli.output import refuse
    from hundi.cli.parts import with_running_database
    from hundi.config import BadSetting
    from hundi.db.embedded import EmbeddedStartError

    try:
        return with_running_database(settings_from(data_dir=data_dir, database_url=database_url))
    except (BadSetting, EmbeddedStartError) as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename}: {error.strerror}. Run this as the user that runs `hundi up`.")


def with_secret(data_dir: Path | None) -> Any:
    """Read settings for a command that needs the installation's secret alone; one is made where there is none yet."""
    import msgspec

    from hundi.cli.keys import keyring_of, secret_of
    from hundi.cli.output import refuse
    from hundi.config import BadSetting

    settings = settings_from(data_dir=data_dir)
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        filled = msgspec.structs.replace(settings, secret_key=settings.secret_key or secret_of(settings.data_dir))
        keyring_of(filled)
    except BadSetting as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename}: {error.strerror}. Run this as the user that runs `hundi up`.")
    return filled
