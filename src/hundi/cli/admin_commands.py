"""`hundi admin …`: companies, people, API clients and partners, for the operator of the machine."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from hundi.cli.options import DatabaseUrl, DataDir, Json, Seller, beside

app = typer.Typer(help="Companies, people, API clients and partners.", no_args_is_help=True)

Username = Annotated[str, typer.Argument(help="Sign-in name.")]
ClientId = Annotated[str, typer.Argument(help="API client id (cli_…).")]
RoleList = Annotated[
    list[str],
    typer.Option("--role", help="owner, admin, maker, checker, approver, viewer, developer; may be repeated."),
]


def done(
    work: Callable[[Any], Coroutine[Any, Any, Any]], data_dir: Path | None, database_url: str | None, *, as_json: bool
) -> None:
    """Run a verb and print what it gives: a document as lines, a list as one line each."""
    from hundi.cli.output import result, run

    found = run(work(beside(data_dir, database_url)))
    if isinstance(found, list):
        text = "\n".join("  ".join(f"{key}={value}" for key, value in one.items()) for one in found) or "None."
    else:
        text = "\n".join(f"{key}: {value}" for key, value in found.items())
    result(found, text, as_json=as_json)


@app.command("create-seller")
def create_seller(
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
    from hundi.cli import admin

    done(
        lambda settings: admin.create_seller(
            settings, name=name, username=username, gstin=gstin, state=state, address=address, city=city,
            pin_code=pin_code, upi_vpa=upi_vpa,
        ),
        data_dir, database_url, as_json=as_json,
    )  # fmt: skip


@app.command("show-seller")
def show_seller(
    seller: Seller = None, data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: Json = False
) -> None:
    """Show a company's settings."""
    from hundi.cli import admin

    done(lambda settings: admin.show_seller(settings, seller), data_dir, database_url, as_json=as_json)


@app.command("set-seller")
def set_seller(
    changes: Annotated[list[str], typer.Argument(help="name=value as in PATCH /api/v0/admin/seller; name= clears.")],
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Change a company's settings, such as `amountMismatch=warn`."""
    from hundi.cli import admin

    done(lambda settings: admin.set_seller(settings, seller, changes), data_dir, database_url, as_json=as_json)


@app.command("registrations")
def registrations(
    seller: Seller = None, data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: Json = False
) -> None:
    """List a company's registrations, the default first."""
    from hundi.cli import admin

    done(lambda settings: admin.list_registrations(settings, seller), data_dir, database_url, as_json=as_json)


@app.command("set-registration")
def set_registration(
    registration_id: Annotated[str, typer.Argument(help="Registration id (reg_…).")],
    changes: Annotated[list[str], typer.Argument(help="name=value as in PATCH …/registration; name= clears.")],
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Change a registration, such as `upiVpa=name@bank` or `isDefault=true`."""
    from hundi.cli import admin

    done(
        lambda settings: admin.set_registration(settings, seller, registration_id, changes),
        data_dir, database_url, as_json=as_json,
    )  # fmt: skip


@app.command("create-user")
def create_user(
    seller: Annotated[str, typer.Option("--seller", help="Company id (CEK…).")],
    username: Annotated[str, typer.Option(help="Sign-in name, such as an e-mail address.")],
    role: RoleList,
    name: Annotated[str | None, typer.Option(help="Name shown to others.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Create a person in a company; the password is shown this once."""
    from hundi.cli import admin

    done(
        lambda settings: admin.create_user(settings, seller=seller, username=username, roles=role, name=name),
        data_dir, database_url, as_json=as_json,
    )  # fmt: skip


@app.command("users")
def users(
    seller: Seller = None, data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: Json = False
) -> None:
    """List a company's people."""
    from hundi.cli import admin

    done(lambda settings: admin.list_users(settings, seller), data_dir, database_url, as_json=as_json)


@app.command("set-user")
def set_user(
    username: Username,
    role: Annotated[list[str] | None, typer.Option("--role", help="The roles from now on; may be repeated.")] = None,
    status: Annotated[str | None, typer.Option(help="ACTIVE or INACTIVE.")] = None,
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Change a person's roles or status; tokens with more rights are void at once."""
    from hundi.cli import admin

    done(
        lambda settings: admin.set_user(settings, seller, username, roles=role, status=status),
        data_dir, database_url, as_json=as_json,
    )  # fmt: skip


@app.command("reset-password")
def reset_password(
    username: Username,
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Give a person a new password, shown this once; ends a lock-out and all their tokens."""
    from hundi.cli import admin

    done(lambda settings: admin.reset_password(settings, seller, username), data_dir, database_url, as_json=as_json)


@app.command("clients")
def clients(
    seller: Seller = None, data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: Json = False
) -> None:
    """List a company's API clients."""
    from hundi.cli import admin

    done(lambda settings: admin.list_clients(settings, seller), data_dir, database_url, as_json=as_json)


@app.command("create-client")
def create_client(
    name: Annotated[str, typer.Option("--name", help="What the client is.")],
    role: RoleList,
    per_minute: Annotated[int | None, typer.Option(help="Requests a minute in the long run.")] = None,
    burst: Annotated[int | None, typer.Option(help="Requests at once after a pause.")] = None,
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Create an API client; its secret is shown this once."""
    from hundi.cli import admin

    done(
        lambda settings: admin.create_client(
            settings, seller, name=name, roles=role, per_minute=per_minute, burst=burst
        ),
        data_dir, database_url, as_json=as_json,
    )  # fmt: skip


@app.command("limit-client")
def limit_client(
    client_id: ClientId,
    per_minute: Annotated[int | None, typer.Option(help="Requests a minute in the long run.")] = None,
    burst: Annotated[int | None, typer.Option(help="Requests at once after a pause.")] = None,
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Set how many requests an API client may make; running servers follow within a minute."""
    from hundi.cli import admin

    done(
        lambda settings: admin.limit_client(settings, seller, client_id, per_minute=per_minute, burst=burst),
        data_dir, database_url, as_json=as_json,
    )  # fmt: skip


@app.command("rotate-client")
def rotate_client(
    client_id: ClientId,
    overlap_minutes: Annotated[
        int, typer.Option(help="How long the old secret stays good; 0 voids its tokens too.")
    ] = 0,
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Give an API client a new secret, shown this once."""
    from hundi.cli import admin

    done(
        lambda settings: admin.rotate_client(settings, seller, client_id, overlap_minutes=overlap_minutes),
        data_dir, database_url, as_json=as_json,
    )  # fmt: skip


@app.command("revoke-client")
def revoke_client(
    client_id: ClientId,
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Revoke an API client: its secrets and all tokens got through it are void at once."""
    from hundi.cli import admin

    done(lambda settings: admin.revoke_client(settings, seller, client_id), data_dir, database_url, as_json=as_json)


@app.command("grants")
def grants(
    seller: Seller = None, data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: Json = False
) -> None:
    """List which companies may act for a company."""
    from hundi.cli import admin

    done(lambda settings: admin.list_grants(settings, seller), data_dir, database_url, as_json=as_json)


@app.command("grant")
def grant(
    partner: Annotated[str, typer.Argument(help="The company that is to act for the other (CEK…).")],
    role: RoleList,
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Let another company act for a company, with any roles but owner."""
    from hundi.cli import admin

    done(
        lambda settings: admin.give_grant(settings, seller, partner, roles=role),
        data_dir,
        database_url,
        as_json=as_json,
    )


@app.command("revoke-grant")
def revoke_grant(
    partner: Annotated[str, typer.Argument(help="The company whose access ends (CEK…).")],
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """End another company's access to a company."""
    from hundi.cli import admin

    done(lambda settings: admin.end_grant(settings, seller, partner), data_dir, database_url, as_json=as_json)


@app.command("roles")
def roles(as_json: Json = False) -> None:
    """List the roles and what each may do."""
    from hundi.cli import admin
    from hundi.cli.output import result

    found = admin.list_roles()
    result(found, "\n".join(f"{one['role']}: {', '.join(one['permissions'])}" for one in found), as_json=as_json)
