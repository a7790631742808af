"""`hundi admin …`: companies, people, API clients and partners, for the operator of the machine."""

from typing import Annotated

import typer

from hundi.cli.options import Json, Seller
from hundi.cli.verb import Document, verb
from hundi.config import Settings

app = typer.Typer(help="Companies, people, API clients and partners.", no_args_is_help=True)

Username = Annotated[str, typer.Argument(help="Sign-in name.")]
ClientId = Annotated[str, typer.Argument(help="API client id (cli_…).")]
RoleList = Annotated[
    list[str],
    typer.Option("--role", help="owner, admin, maker, checker, approver, viewer, developer; may be repeated."),
]


@verb(app, "create-seller")
async def create_seller(
    settings: Settings,
    name: Annotated[str, typer.Option("--name", help="Legal name of the company.")],
    username: Annotated[str | None, typer.Option(help="The owner's sign-in. Default: owner@<seller id>.")] = None,
    gstin: Annotated[str | None, typer.Option(help="GSTIN of the first registration.")] = None,
    state: Annotated[str, typer.Option(help="State: name, letters or GST code.")] = "27",
    address: Annotated[str, typer.Option(help="Street address; a tax invoice needs it.")] = "-",
    city: Annotated[str, typer.Option(help="City.")] = "-",
    pin_code: Annotated[str, typer.Option(help="PIN code.")] = "400001",
    upi_vpa: Annotated[str | None, typer.Option(help="UPI id that is paid to.")] = None,
) -> Document:
    """Create a company with an owner and an API client; the secrets are shown this once."""
    from hundi.cli import admin

    return await admin.create_seller(
    settings, name=name, username=username, gstin=gstin, state=state, address=address, city=city,
    pin_code=pin_code, upi_vpa=upi_vpa,
)  # fmt: skip


@verb(app, "show-seller")
async def show_seller(settings: Settings, seller: Seller = None) -> Document:
    """Show a company's settings."""
    from hundi.cli import admin

    return await admin.show_seller(settings, seller)


@verb(app, "set-seller")
async def set_seller(
    settings: Settings,
    changes: Annotated[list[str], typer.Argument(help="name=value as in PATCH /api/v0/admin/seller; name= clears.")],
    seller: Seller = None,
) -> Document:
    """Change a company's settings, such as `amountMismatch=warn`."""
    from hundi.cli import admin

    return await admin.set_seller(settings, seller, changes)


@verb(app, "registrations")
async def registrations(settings: Settings, seller: Seller = None) -> Document:
    """List a company's registrations, the default first."""
    from hundi.cli import admin

    return await admin.list_registrations(settings, seller)


@verb(app, "set-registration")
async def set_registration(
    settings: Settings,
    registration_id: Annotated[str, typer.Argument(help="Registration id (reg_…).")],
    changes: Annotated[list[str], typer.Argument(help="name=value as in PATCH …/registration; name= clears.")],
    seller: Seller = None,
) -> Document:
    """Change a registration, such as `upiVpa=name@bank` or `isDefault=true`."""
    from hundi.cli import admin

    return await admin.set_registration(settings, seller, registration_id, changes)


@verb(app, "create-user")
async def create_user(
    settings: Settings,
    seller: Annotated[str, typer.Option("--seller", help="Company id (CEK…).")],
    username: Annotated[str, typer.Option(help="Sign-in name, such as an e-mail address.")],
    role: RoleList,
    name: Annotated[str | None, typer.Option(help="Name shown to others.")] = None,
) -> Document:
    """Create a person in a company; the password is shown this once."""
    from hundi.cli import admin

    return await admin.create_user(settings, seller=seller, username=username, roles=role, name=name)


@verb(app, "users")
async def users(settings: Settings, seller: Seller = None) -> Document:
    """List a company's people."""
    from hundi.cli import admin

    return await admin.list_users(settings, seller)


@verb(app, "set-user")
async def set_user(
    settings: Settings,
    username: Username,
    role: Annotated[list[str] | None, typer.Option("--role", help="The roles from now on; may be repeated.")] = None,
    status: Annotated[str | None, typer.Option(help="ACTIVE or INACTIVE.")] = None,
    seller: Seller = None,
) -> Document:
    """Change a person's roles or status; tokens with more rights are void at once."""
    from hundi.cli import admin

    return await admin.set_user(settings, seller, username, roles=role, status=status)


@verb(app, "reset-password")
async def reset_password(
    settings: Settings,
    username: Username,
    seller: Seller = None,
) -> Document:
    """Give a person a new password, shown this once; ends a lock-out and all their tokens."""
    from hundi.cli import admin

    return await admin.reset_password(settings, seller, username)


@verb(app, "clients")
async def clients(settings: Settings, seller: Seller = None) -> Document:
    """List a company's API clients."""
    from hundi.cli import admin

    return await admin.list_clients(settings, seller)


@verb(app, "create-client")
async def create_client(
    settings: Settings,
    name: Annotated[str, typer.Option("--name", help="What the client is.")],
    role: RoleList,
    per_minute: Annotated[int | None, typer.Option(help="Requests a minute in the long run.")] = None,
    burst: Annotated[int | None, typer.Option(help="Requests at once after a pause.")] = None,
    seller: Seller = None,
) -> Document:
    """Create an API client; its secret is shown this once."""
    from hundi.cli import admin

    return await admin.create_client(
    settings, seller, name=name, roles=role, per_minute=per_minute, burst=burst
)  # fmt: skip


@verb(app, "limit-client")
async def limit_client(
    settings: Settings,
    client_id: ClientId,
    per_minute: Annotated[int | None, typer.Option(help="Requests a minute in the long run.")] = None,
    burst: Annotated[int | None, typer.Option(help="Requests at once after a pause.")] = None,
    seller: Seller = None,
) -> Document:
    """Set how many requests an API client may make; running servers follow within a minute."""
    from hundi.cli import admin

    return await admin.limit_client(settings, seller, client_id, per_minute=per_minute, burst=burst)


@verb(app, "rotate-client")
async def rotate_client(
    settings: Settings,
    client_id: ClientId,
    overlap_minutes: Annotated[
        int, typer.Option(help="How long the old secret stays good; 0 voids its tokens too.")
    ] = 0,
    seller: Seller = None,
) -> Document:
    """Give an API client a new secret, shown this once."""
    from hundi.cli import admin

    return await admin.rotate_client(settings, seller, client_id, overlap_minutes=overlap_minutes)


@verb(app, "revoke-client")
async def revoke_client(
    settings: Settings,
    client_id: ClientId,
    seller: Seller = None,
) -> Document:
    """Revoke an API client: its secrets and all tokens got through it are void at once."""
    from hundi.cli import admin

    return await admin.revoke_client(settings, seller, client_id)


@verb(app, "grants")
async def grants(settings: Settings, seller: Seller = None) -> Document:
    """List which companies may act for a company."""
    from hundi.cli import admin

    return await admin.list_grants(settings, seller)


@verb(app, "grant")
async def grant(
    settings: Settings,
    partner: Annotated[str, typer.Argument(help="The company that is to act for the other (CEK…).")],
    role: RoleList,
    seller: Seller = None,
) -> Document:
    """Let another company act for a company, with any roles but owner."""
    from hundi.cli import admin

    return await admin.give_grant(settings, seller, partner, roles=role)


@verb(app, "revoke-grant")
async def revoke_grant(
    settings: Settings,
    partner: Annotated[str, typer.Argument(help="The company whose access ends (CEK…).")],
    seller: Seller = None,
) -> Document:
    """End another company's access to a company."""
    from hundi.cli import admin

    return await admin.end_grant(settings, seller, partner)


@app.command("roles")
def roles(as_json: Json = False) -> None:
    """List the roles and what each may do."""
    from hundi.cli import admin
    from hundi.cli.output import result

    found = admin.list_roles()
    result(found, "\n".join(f"{one['role']}: {', '.join(one['permissions'])}" for one in found), as_json=as_json)
