"""The `hundi` command. Each verb imports what it needs when it runs, so that `--help` is quick."""

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="hundi",
    help="Receivables server and B2B invoice-network gateway for Indian business.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
db_app = typer.Typer(help="The database: schema and status.", no_args_is_help=True)
admin_app = typer.Typer(help="Companies and people.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit trail.", no_args_is_help=True)
config_app = typer.Typer(help="Settings.", no_args_is_help=True)
app.add_typer(db_app, name="db")
app.add_typer(admin_app, name="admin")
app.add_typer(audit_app, name="audit")
app.add_typer(config_app, name="config")

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where everything is kept. Default: ./data")]
DatabaseUrl = Annotated[str | None, typer.Option("--database-url", help="A PostgreSQL of your own, 15 or newer.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def _settings(**overrides: Any) -> Any:
    from hundi.cli.output import refuse
    from hundi.config import BadSetting, load
    from hundi.log import configure

    try:
        settings = load(**overrides)
    except BadSetting as error:
        refuse(str(error))
    configure(settings.log_level)
    return settings


def _beside(data_dir: Path | None, database_url: str | None) -> Any:
    """Read settings for a command that works beside a running `hundi up`."""
    from hundi.cli.output import refuse
    from hundi.cli.parts import with_running_database
    from hundi.config import BadSetting

    try:
        return with_running_database(_settings(data_dir=data_dir, database_url=database_url))
    except BadSetting as error:
        refuse(str(error))


@app.command()
def up(
    demo: Annotated[bool, typer.Option("--demo", help="Create a demo seller with customers and invoices.")] = False,
    data_dir: DataDir = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one. Default: 8000")] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Run everything in one command: PostgreSQL, migrations, server and worker."""
    from hundi.cli.output import run
    from hundi.cli.up import up as run_up

    settings = _settings(data_dir=data_dir, host=host, port=port, database_url=database_url)
    run(run_up(settings, demo=demo))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port.")] = None,
) -> None:
    """Answer HTTP. Needs HUNDI_DATABASE_URL and HUNDI_SECRET_KEY."""
    from hundi.cli.alone import serve_alone
    from hundi.cli.output import run

    run(serve_alone(_settings(host=host, port=port)))


@app.command()
def worker() -> None:
    """Run jobs. Needs HUNDI_DATABASE_URL and HUNDI_SECRET_KEY."""
    from hundi.cli.alone import work_alone
    from hundi.cli.output import run

    run(work_alone(_settings()))


@db_app.command("upgrade")
def db_upgrade(data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Bring the database to the schema this version needs (HUNDI_OWNER_URL)."""
    from hundi.cli.database import bring_up_to_date
    from hundi.cli.output import result, run

    revision = run(bring_up_to_date(_beside(data_dir, database_url)))
    result({"revision": revision}, f"The database has schema {revision}.", as_json=as_json)


@db_app.command("status")
def db_status(data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Say which schema the database has; exit code 1 when it is not this version's."""
    from hundi.cli.database import status
    from hundi.cli.output import result, run

    found = run(status(_beside(data_dir, database_url)))
    text = f"PostgreSQL {found['server']}: schema {found['found'] or 'none'}, needed {found['needed']}."
    result(found, text, as_json=as_json)
    raise typer.Exit(0 if found["current"] else 1)


@app.command()
def doctor(data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Check money and state invariants in SQL; exit code 1 when something is wrong."""
    from hundi.cli.doctor import examine
    from hundi.cli.output import result, run

    report = run(examine(_beside(data_dir, database_url)))
    result(report.document(), report.text(), as_json=as_json)
    raise typer.Exit(0 if report.healthy else 1)


@audit_app.command("verify")
def audit_verify(
    seller: Annotated[str | None, typer.Option("--seller", help="Only this company.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Recompute the hash chain over the audit trail; exit code 1 where it breaks."""
    from hundi.cli.audit import verify
    from hundi.cli.output import result, run

    found = run(verify(_beside(data_dir, database_url), seller))
    result(found.document(), found.text(), as_json=as_json)
    raise typer.Exit(0 if found.intact else 1)


@config_app.command("check")
def config_check(as_json: Json = False) -> None:
    """Read all settings and say what they come to; secrets are not shown."""
    from hundi.cli.config import shown
    from hundi.cli.output import result

    document = shown(_settings())
    result(document, "\n".join(f"{name} = {value}" for name, value in document.items()), as_json=as_json)


@config_app.command("new-key")
def config_new_key() -> None:
    """Make a value for HUNDI_SECRET_KEY."""
    from hundi.kit.ids import new_secret

    print(new_secret(48))


@admin_app.command("create-seller")
def admin_create_seller(
    name: Annotated[str, typer.Option("--name", help="Legal name of the company.")],
    username: Annotated[str | None, typer.Option(help="The owner's sign-in. Default: owner@<seller id>.")] = None,
    gstin: Annotated[str | None, typer.Option(help="GSTIN of the first registration.")] = None,
    state: Annotated[str, typer.Option(help="State: name, letters or GST code.")] = "27",
    address: Annotated[str, typer.Option(help="Street address.")] = "-",
    city: Annotated[str, typer.Option(help="City.")] = "-",
    pin_code: Annotated[str, typer.Option(help="PIN code.")] = "400001",
    upi_vpa: Annotated[str | None, typer.Option(help="UPI id that is paid to.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Create a company with an owner and an API client; the secrets are shown this once."""
    from hundi.cli.admin import create_seller
    from hundi.cli.output import result, run

    made = run(
        create_seller(
            _beside(data_dir, database_url),
            name=name,
            username=username,
            gstin=gstin,
            state=state,
            address=address,
            city=city,
            pin_code=pin_code,
            upi_vpa=upi_vpa,
        )
    )
    result(made, "\n".join(f"{key}: {value}" for key, value in made.items()), as_json=as_json)


@admin_app.command("create-user")
def admin_create_user(
    seller: Annotated[str, typer.Option("--seller", help="Company id (CEK…).")],
    username: Annotated[str, typer.Option(help="Sign-in name, such as an e-mail address.")],
    role: Annotated[
        list[str], typer.Option("--role", help="owner, admin, maker, checker, approver, viewer, developer.")
    ],
    name: Annotated[str | None, typer.Option(help="Name shown to others.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Create a person in a company; the password is shown this once."""
    from hundi.cli.admin import create_user
    from hundi.cli.output import result, run

    made = run(create_user(_beside(data_dir, database_url), seller=seller, username=username, roles=role, name=name))
    result(made, "\n".join(f"{key}: {value}" for key, value in made.items()), as_json=as_json)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV of invoices.")],
    seller: Annotated[str | None, typer.Option("--seller", help="Company id; needed when there are several.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Import a file of invoices through the running worker, with a progress bar."""
    from hundi.cli.importing import import_invoices
    from hundi.cli.output import result, run

    report = run(import_invoices(_beside(data_dir, database_url), file, seller, quiet=as_json))
    text = (
        f"{report['success_count']} of {report['total_count']} rows imported, {report['failure_count']} failed, "
        f"{report['warn_count']} with warnings."
    )
    if report.get("failure_file_url"):
        text += f"\nFailures to correct and upload again: {report['failure_file_url']}"
    result(report, text, as_json=as_json)


@app.command()
def dispatch(
    invoice_id: Annotated[list[str] | None, typer.Argument(help="Invoice ids; none with --all.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All approved invoices that were not dispatched.")] = False,
    seller: Annotated[str | None, typer.Option("--seller", help="Company id; needed when there are several.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Queue invoices for delivery; the running worker sends them."""
    from hundi.cli.dispatching import dispatch_invoices
    from hundi.cli.output import result, run

    found = run(dispatch_invoices(_beside(data_dir, database_url), invoice_id or [], seller, everything=everything))
    lines = [f"{found['queued']} queued, {found['already']} already dispatched, {len(found['refused'])} refused."]
    lines += [f"  {one['field']}: {one['message']}" for one in found["refused"]]
    result(found, "\n".join(lines), as_json=as_json)
    raise typer.Exit(0 if found["queued"] or found["already"] or not found["refused"] else 1)


@app.command()
def bench(
    name: Annotated[str | None, typer.Argument(help="create_invoice or bulk_csv; all when left out.")] = None,
) -> None:
    """Run the benchmarks of a source checkout."""
    from hundi.cli.benchmarks import run_benchmarks

    run_benchmarks(name)


if __name__ == "__main__":
    app()
