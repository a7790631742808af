"""`hundi admin` and `hundi audit export`: the same verbs as over HTTP, for the operator."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

import make
from hundi.cli import admin, audit
from hundi.cli.output import Refused
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.kit.errors import Invalid
from hundi.sellers.errors import ClientNotFound, LastOwner


@pytest.fixture
async def seller(new_seller: Any) -> make.Company:
    """Give a company without a bank account: the application's keys, which seal it, are not those of the commands."""
    made: make.Company = await new_seller(bank_account=None)
    return made


@pytest.fixture
def settings(database_urls: Urls, tmp_path: Path) -> Settings:
    return make.command_settings(database_urls, tmp_path)


async def test_settings_and_registrations(settings: Settings, seller: make.Company) -> None:
    name = seller.seller_id
    shown = await admin.set_seller(
        settings, name, ["amountMismatch=warn", "replyTo=ar@example.com", "eInvoiceFrom=2026-12-01"]
    )
    assert (shown["amountMismatch"], shown["replyTo"], shown["eInvoiceFrom"]) == (
        "warn",
        "ar@example.com",
        "2026-12-01",
    )
    assert "replyTo" not in await admin.set_seller(settings, name, ["replyTo="])
    assert (await admin.show_seller(settings, name))["amountMismatch"] == "warn"
    (one,) = await admin.list_registrations(settings, name)
    changed = await admin.set_registration(
        settings, name, one["registrationId"], ["upiVpa=new@example", "upiMaxAmount=50000.50", "isDefault=true"]
    )
    assert (changed["upiVpa"], changed["upiMaxAmount"]) == ("new@example", "50000.50")
    actor = "SELECT DISTINCT actor FROM audit_log WHERE seller_id = $1"
    assert await seller.value(actor) == "operator"
    for wrong in (["nothing=1"], ["replyTo"], ["unknownResends=ten"], ["unknownResends=99"], ["amountMismatch=shrug"]):
        with pytest.raises(Refused):
            await admin.set_seller(settings, name, wrong)
    with pytest.raises(Invalid):
        await admin.set_seller(settings, name, ["replyTo=nobody"])


async def test_people_clients_and_grants(settings: Settings, seller: make.Company, new_seller: Any) -> None:
    name = seller.seller_id
    username = f"{make.number('u')}@example.com"
    made = await admin.create_user(settings, seller=name, username=username, roles=["maker"], name=None)
    assert (made["username"], len(made["password"])) == (username.lower(), 24)
    changed = await admin.set_user(settings, name, username, roles=["viewer"], status=None)
    assert changed["roles"] == ["viewer"]
    reset = await admin.reset_password(settings, name, username)
    assert reset["password"] != made["password"]
    assert len(await admin.list_users(settings, name)) == 2
    with pytest.raises(Refused):
        await admin.set_user(settings, name, "nobody", roles=None, status="INACTIVE")
    with pytest.raises(Refused):
        await admin.set_user(settings, name, username, roles=None, status="GONE")
    with pytest.raises(LastOwner):
        await admin.set_user(settings, name, seller.credentials.username, roles=None, status="INACTIVE")
    with pytest.raises(Invalid):
        await admin.create_user(settings, seller=name, username="x", roles=["king"], name=None)
    client = await admin.create_client(settings, name, name="erp", roles=["developer"], per_minute=None, burst=None)
    limited = await admin.limit_client(settings, name, client["clientId"], per_minute=120, burst=None)
    assert (limited["ratePerMinute"], "clientSecret" in limited) == (120, False)
    rotated = await admin.rotate_client(settings, name, client["clientId"], overlap_minutes=5)
    assert rotated["clientSecret"] != client["clientSecret"]
    assert "revokedOn" in await admin.revoke_client(settings, name, client["clientId"])
    with pytest.raises(ClientNotFound):
        await admin.revoke_client(settings, name, client["clientId"])
    assert len(await admin.list_clients(settings, name)) == 2
    partner = await new_seller()
    assert (await admin.give_grant(settings, name, partner.seller_id, roles=["viewer"]))["roles"] == ["viewer"]
    assert "revokedOn" in await admin.end_grant(settings, name, partner.seller_id)
    assert len(await admin.list_grants(settings, name)) == 1


async def test_a_company_that_is_not_there_is_refused(settings: Settings) -> None:
    with pytest.raises(Refused, match="no company CEK0000000"):
        await admin.show_seller(settings, "CEK0000000")


async def test_the_trail_is_written_to_a_file_once(settings: Settings, seller: make.Company, tmp_path: Path) -> None:
    for _ in range(3):
        await seller.customer()
    # The trail's own clock is the tests', which is ahead of the machine's: what is written has an end of its own.
    file = tmp_path / "trail.jsonl"
    arguments: dict[str, Any] = {"file_format": "jsonl", "since": "2026-11-01", "until": None}
    found = await audit.export(settings, seller.seller_id, output=file, **arguments)
    written = [json.loads(line)["action"] for line in file.read_text().splitlines()]
    assert found["rows"] == len(written)
    assert set(written) <= {"customer.create"}
    with pytest.raises(FileExistsError):
        await audit.export(settings, seller.seller_id, output=file, **arguments)
    for wrong in ({"file_format": "xls"}, {"since": "then"}):
        with pytest.raises(Refused):
            await audit.export(settings, seller.seller_id, output=tmp_path / "no", **(arguments | wrong))
    assert not (tmp_path / "no").exists()


async def test_the_commands_print_one_document(
    database_urls: Urls, seller: make.Company, tmp_path: Path, client: httpx2.AsyncClient
) -> None:
    environment = {"HUNDI_SECRET_KEY": make.COMMANDS_SECRET, "PATH": "/usr/bin:/bin", "HUNDI_LOG_LEVEL": "error"}

    async def hundi(*words: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hundi", *words, env=environment, cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    beside = ("--database-url", database_urls.app, "--seller", seller.seller_id, "--json")
    done = await hundi("admin", "create-client", "--name", "erp", "--role", "viewer", "--burst", "7", *beside)
    assert done[0] == 0, done
    made = json.loads(done[1])
    token = await client.post(
        "/oauth/token", data={"grant_type": "client_credentials"},
        auth=httpx2.BasicAuth(made["clientId"], made["clientSecret"]),
    )  # fmt: skip
    assert token.status_code == 200
    code, out, err = await hundi("admin", "create-client", "--name", "erp", "--role", "king", *beside)
    assert (code, out) == (1, "")
    assert "roles[0]" in err
    listed = json.loads((await hundi("admin", "roles", "--json"))[1])
    assert {"role": "viewer", "permissions": ["customer.read", "invoice.read", "network.read"]} in listed
    assert (await hundi("admin", "limit-client"))[0] == 2
