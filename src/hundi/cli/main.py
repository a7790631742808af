"""The `hundi` command. Each verb imports what it needs when it runs, so that `--help` is quick."""

from pathlib import Path
from typing import Annotated

import typer

from hundi.cli import admin_commands, centre_commands, connection_commands, network_commands, webhook_commands
from hundi.cli.options import DatabaseUrl, DataDir, Host, Json, Port, Seller, Since, Until, beside, settings_from
from hundi.cli.verb import Told, verb
from hundi.config import Settings

app = typer.Typer(
    name="hundi",
    help="Receivables server and B2B invoice-network gateway for Indian business.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
db_app = typer.Typer(help="The database: schema and status.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit trail.", no_args_is_help=True)
config_app = typer.Typer(help="Settings.", no_args_is_help=True)
app.add_typer(db_app, name="db")
app.add_typer(admin_commands.app, name="admin")
app.add_typer(webhook_commands.app, name="webhook")
app.add_typer(audit_app, name="audit")
app.add_typer(config_app, name="config")
network_commands.app.add_typer(centre_commands.app, name="centre")
network_commands.app.add_typer(connection_commands.app, name="connection")
app.add_typer(network_commands.app, name="network")


def _tell_version(value: bool) -> None:
    if value:
        from hundi import __version__

        print(f"hundi {__version__}")
        raise typer.Exit


@app.callback()
def hundi(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Receivables server and B2B invoice-network gateway for Indian business."""


@app.command()
def up(
    demo: Annotated[bool, typer.Option("--demo", help="Create a demo seller with customers and invoices.")] = False,
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Run everything in one command: PostgreSQL, migrations, server and worker."""
    from hundi.cli.output import run
    from hundi.cli.up import up as run_up

    settings = settings_from(data_dir=data_dir, host=host, port=port, database_url=database_url)
    run(run_up(settings, demo=demo))


@app.command()
def serve(host: Host = None, port: Port = None) -> None:
    """Answer HTTP. Needs HUNDI_DATABASE_URL and HUNDI_SECRET_KEY."""
    from hundi.cli.alone import serve_alone
    from hundi.cli.output import run

    run(serve_alone(settings_from(host=host, port=port)))


@app.command()
def worker() -> None:
    """Run jobs. Needs HUNDI_DATABASE_URL and HUNDI_SECRET_KEY."""
    from hundi.cli.alone import work_alone
    from hundi.cli.output import run

    run(work_alone(settings_from()))


@verb(db_app, "upgrade")
async def db_upgrade(settings: Settings) -> Told:
    """Bring the database to the schema this version needs (HUNDI_OWNER_URL)."""
    from hundi.cli.database import bring_up_to_date

    revision = await bring_up_to_date(settings)
    return Told({"revision": revision}, f"The database has schema {revision}.")


@verb(db_app, "status")
async def db_status(settings: Settings) -> Told:
    """Say which schema the database has; exit code 1 when it is not this version's."""
    from hundi.cli.database import status

    found = await status(settings)
    text = f"PostgreSQL {found['server']}: schema {found['found'] or 'none'}, needed {found['needed']}."
    return Told(found, text, good=bool(found["current"]))


@verb(app, "doctor")
async def doctor(settings: Settings) -> Told:
    """Check money and state invariants in SQL; exit code 1 when something is wrong."""
    from hundi.cli.doctor import examine

    report = await examine(settings)
    return Told(report.document(), report.text(), good=report.healthy)


@verb(audit_app, "verify")
async def audit_verify(
    settings: Settings, seller: Annotated[str | None, typer.Option("--seller", help="Only this company.")] = None
) -> Told:
    """Recompute the hash chain over the audit trail; exit code 1 where it breaks."""
    from hundi.cli.audit import verify

    found = await verify(settings, seller)
    return Told(found.document(), found.text(), good=found.intact)


@verb(audit_app, "export")
async def audit_export(
    settings: Settings,
    output: Annotated[Path, typer.Option("--output", help="The file to write; it must not exist yet.")],
    file_format: Annotated[str, typer.Option("--format", help="csv or jsonl.")] = "csv",
    since: Since = None,
    until: Until = None,
    seller: Seller = None,
) -> Told:
    """Write a company's audit trail to a file, oldest first."""
    from hundi.cli.audit import export

    found = await export(settings, seller, output=output, file_format=file_format, since=since, until=until)
    return Told(found, f"{found['rows']} rows written to {found['file']}.")


@config_app.command("check")
def config_check(as_json: Json = False) -> None:
    """Read all settings and say what they come to, or which is missing; secrets are not shown."""
    from hundi.cli.config import checked, shown
    from hundi.cli.output import refuse, result
    from hundi.config import BadSetting

    settings = settings_from()
    try:
        checked(settings)
    except BadSetting as error:
        refuse(str(error))
    document = shown(settings)
    result(document, "\n".join(f"{name} = {value}" for name, value in document.items()), as_json=as_json)


@config_app.command("new-key")
def config_new_key() -> None:
    """Make a value for HUNDI_SECRET_KEY."""
    from hundi.kit.ids import new_secret

    print(new_secret(48))


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, XLSX, ODS or Tally XML; a ZIP of PDFs with --kind pdfs.")],
    kind: Annotated[str, typer.Option("--kind", help="invoices, customers, customer-updates or pdfs.")] = "invoices",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge and report every row, write nothing.")] = False,
    atomic: Annotated[bool, typer.Option("--atomic", help="All rows or none.")] = False,
    send: Annotated[bool, typer.Option("--dispatch", help="Send all imported invoices afterwards.")] = False,
    create_customers: Annotated[
        bool, typer.Option("--create-customers", help="Make customers that are unknown from the row's columns.")
    ] = False,
    failures: Annotated[
        Path | None, typer.Option("--failures", help="Write the failed rows to this file, to correct and import again.")
    ] = None,
    seller: Annotated[str | None, typer.Option("--seller", help="Company id; needed when there are several.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Import a file through the running worker, with a progress bar. Ctrl-C leaves the import running."""
    from hundi.cli.importing import Wish, words_for
    from hundi.cli.importing import import_file as hand_over
    from hundi.cli.output import result, run

    wish = Wish(
        kind=kind, dry_run=dry_run, atomic=atomic, dispatch=send, create_customers=create_customers, failures=failures
    )
    state, report, said = run(hand_over(beside(data_dir, database_url), file, seller, wish, quiet=as_json))
    result(report, words_for(state, report, wish, said), as_json=as_json)


@app.command()
def dispatch(
    invoice_id: Annotated[list[str] | None, typer.Argument(help="Invoice ids; none with --all.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All approved invoices that were not dispatched.")] = False,
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Queue invoices for delivery; the running worker sends them."""
    from hundi.cli.dispatching import dispatch_invoices
    from hundi.cli.output import result, run

    if bool(invoice_id) == everything:
        message = "Name invoices, or give --all: one of the two."
        raise typer.BadParameter(message)
    found = run(dispatch_invoices(beside(data_dir, database_url), invoice_id or [], seller, everything=everything))
    lines = [f"{found['queued']} queued, {found['already']} already dispatched, {len(found['refused'])} refused."]
    lines += [f"  {one['field']}: {one['message']}" for one in found["refused"]]
    result(found, "\n".join(lines), as_json=as_json)
    raise typer.Exit(0 if found["queued"] or found["already"] or not found["refused"] else 1)


@app.command()
def report(
    name: Annotated[str, typer.Argument(help="ageing or open-items.")],
    form: Annotated[str, typer.Option("--format", help="csv, xlsx or json.")] = "csv",
    output: Annotated[Path | None, typer.Option("--output", help="The file to write. Default: standard output")] = None,
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Say who has not paid: every open invoice, or what each customer owes by age."""
    from hundi.cli.output import result, run
    from hundi.cli.reporting import report as write

    wanted = "json" if as_json else form
    found = run(write(beside(data_dir, database_url), name, seller, wanted, output))
    if found is not None:
        result(found, "", as_json=True)


@app.command()
def bench(
    name: Annotated[str | None, typer.Argument(help="create_invoice, bulk, search …; all when left out.")] = None,
) -> None:
    """Run the benchmarks of a source checkout."""
    from hundi.cli.benchmarks import run_benchmarks

    run_benchmarks(name)


if __name__ == "__main__":
    app()
