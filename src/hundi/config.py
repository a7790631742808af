"""Settings: the only reader of the environment. Every field's description is its documentation (docs/reference/settings)."""

import os
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

import msgspec
from msgspec import Meta

from hundi.kit.addresses import BadAllowList, parse_allow

PREFIX: Final = "HUNDI_"
LOG_LEVELS: Final = ("debug", "info", "warning", "error")


class BadSetting(Exception):
    """A setting cannot be read; the sentence names it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an operator can set from outside, as ``HUNDI_<NAME>``. No secret has a default."""

    database_url: Annotated[
        str | None, Meta(description="PostgreSQL 15 or newer, as the app role. `up` makes its own.")
    ] = None
    owner_url: Annotated[str | None, Meta(description="The same database as the owner: for `db upgrade` only.")] = None
    loader_url: Annotated[
        str | None,
        Meta(description="The same database as the bulk loader. Without it imports go through a temp table."),
    ] = None
    direct_url: Annotated[
        str | None,
        Meta(description="Set when database_url is a PgBouncer in transaction mode: a direct address for LISTEN."),
    ] = None
    secret_key: Annotated[
        str | None,
        Meta(description="32 characters or more; several with commas, newest first. `up` makes DIR/secret.key."),
    ] = None
    smtp_url: Annotated[
        str | None,
        Meta(
            description="smtp://user:password@host:587 (STARTTLS) or smtps://…:465. Without it mail goes to DIR/outbox."
        ),
    ] = None
    mail_from: Annotated[str, Meta(description="The envelope sender and From address of mail.")] = (
        "invoices@example.com"
    )
    files_url: Annotated[str | None, Meta(description="file:///path or s3://bucket/prefix. Default: DIR/files.")] = None
    data_dir: Annotated[Path, Meta(description="DIR: where `up` keeps everything.")] = Path("data")
    base_url: Annotated[
        str | None, Meta(description="How customers reach this server; links in mails start with it.")
    ] = None
    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on.", ge=0, le=65535)] = 8000
    upload_limit_mb: Annotated[int, Meta(description="Largest upload in MiB.", ge=1, le=4096)] = 1024
    import_row_limit: Annotated[int, Meta(description="Most rows in one file.", ge=1)] = 5_000_000
    chunk_rows: Annotated[
        int, Meta(description="Rows of a bulk chunk: one transaction each.", ge=100, le=1_000_000)
    ] = 50_000
    imports_at_once: Annotated[
        int, Meta(description="Imports of one company that run at the same time.", ge=1, le=50)
    ] = 2
    result_days: Annotated[int, Meta(description="How many days uploads and result files are kept.", ge=1, le=365)] = 7
    worker_jobs: Annotated[int, Meta(description="Jobs one worker runs at the same time.", ge=1, le=200)] = 8
    pool_size: Annotated[int, Meta(description="Database connections of one process.", ge=2, le=500)] = 16
    outgoing_allow: Annotated[
        str, Meta(description="host:port list that outgoing calls may reach although private.")
    ] = ""
    webhook_disable_days: Annotated[
        int, Meta(description="An endpoint whose webhooks all failed for so many days is disabled.", ge=1, le=90)
    ] = 5
    webhook_keep_days: Annotated[
        int, Meta(description="How many days settled webhook deliveries stay in the log.", ge=4, le=3650)
    ] = 30
    proxy_hops: Annotated[
        int,
        Meta(
            description="Reverse proxies of yours in front: so many addresses of X-Forwarded-For are believed.",
            ge=0,
            le=10,
        ),
    ] = 0
    sign_in_rate: Annotated[
        int, Meta(description="Sign-ins a minute from one address; a tenth of it for one username.", ge=1, le=6_000_000)
    ] = 600
    page_rate: Annotated[
        int, Meta(description="Visits of hosted pages a minute from one address.", ge=1, le=6_000_000)
    ] = 1200
    network_proper_patterns: Annotated[
        bool, Meta(description="Refuse network ids and PANs that fit only the network's misprinted patterns.")
    ] = False
    network_sandbox: Annotated[
        bool,
        Meta(description="The central unit of this process approves KYC and settles on-platform payments by itself."),
    ] = True
    irp_keys: Annotated[
        Path | None,
        Meta(
            description="PEM file with the certificates or public keys of invoice registration portals. With it signed e-invoices "
            "and QRs on the network are verified."
        ),
    ] = None
    network_centre_url: Annotated[
        str | None, Meta(description="https://host of a central unit that runs elsewhere. Without it: the one in here.")
    ] = None
    network_centre_key: Annotated[
        str | None, Meta(description="That unit's public key (`hundi network centre key`); several with commas.")
    ] = None
    network_server: Annotated[
        str | None, Meta(description="This server's name on that network, as its operator enrolled it.")
    ] = None
    network_keep_days: Annotated[
        int,
        Meta(
            description="How many days settled messages to a provider and webhooks from it are kept; longer while an object of "
            "theirs is under way.",
            ge=30,
            le=3650,
        ),
    ] = 90
    log_level: Annotated[str, Meta(description="debug, info, warning or error.")] = "info"


def load(environment: dict[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the environment once; ``overrides`` (from the command line) win. Raises :class:`BadSetting`."""
    found = dict(os.environ if environment is None else environment)
    hints = get_type_hints(Settings, include_extras=True)
    known = {PREFIX + field.name.upper(): field.name for field in msgspec.structs.fields(Settings)}
    unknown = sorted(name for name in found if name.startswith(PREFIX) and name not in known)
    if unknown:
        message = f"{unknown[0]} is not a setting of Hundi. See docs/reference/settings.md for the list."
        raise BadSetting(message)
    values: dict[str, Any] = {}
    for variable, name in known.items():
        text = found.get(variable)
        if text:
            values[name] = _read(variable, text, hints[name])
    values.update({name: value for name, value in overrides.items() if value is not None})
    settings = Settings(**values)
    if settings.log_level not in LOG_LEVELS:
        message = f"{PREFIX}LOG_LEVEL: use {', '.join(LOG_LEVELS)}."
        raise BadSetting(message)
    try:
        parse_allow(settings.outgoing_allow)
    except BadAllowList as error:
        message = f"{PREFIX}OUTGOING_ALLOW: {error}"
        raise BadSetting(message) from error
    return settings


def address_of(settings: Settings) -> str:
    """Give how customers reach this server, without a slash at its end; an IPv6 host stands in brackets."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return (settings.base_url or f"http://{host}:{settings.port}").rstrip("/")


def _read(variable: str, text: str, kind: Any) -> Any:
    try:
        return msgspec.convert(text, kind, strict=False, dec_hook=_hook)
    except msgspec.ValidationError as error:
        message = f"{variable}: {error}."
        raise BadSetting(message) from error


def _hook(kind: type, raw: Any) -> Any:
    if kind is Path:
        return Path(raw)
    message = f"no reader for {kind}"
    raise TypeError(message)
