"""What `hundi network …` and `hundi doctor` say when something between servers is wrong: which file, which key, which server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

import make
from hundi.cli import centre, doctor
from hundi.cli.main import app
from hundi.cli.output import Refused
from hundi.cli.parts import check_settings
from hundi.config import BadSetting, Settings
from hundi.db.embedded import Urls
from hundi.network.membership import membership
from network_peers import Network, member_of, taken
from receiver import receiving


@pytest.fixture(autouse=True)
def logs_stay_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a command from turning this process's log to the streams it has while it runs here."""
    monkeypatch.setattr("hundi.log.configure", lambda _: None)


KEYS = {
    "empty": (b"", "it is empty or too short"), "cut off": (b"short", "it is empty or too short"),
    "no text": (b"\xff\xfe" * 20, "it is not text"),
}  # fmt: skip


@pytest.mark.parametrize(
    "words", [["network", "server-key"], ["network", "centre", "key"], ["network", "serve"], ["up"]]
)
@pytest.mark.parametrize("kind", KEYS)
def test_a_key_file_that_holds_no_key_is_named(tmp_path: Path, words: list[str], kind: str) -> None:
    content, why = KEYS[kind]
    (tmp_path / "secret.key").write_bytes(content)
    more = ["--port", "0"] if words[-1] in {"serve", "up"} else []
    done = CliRunner().invoke(app, [*words, "--data-dir", str(tmp_path), *more])
    assert done.exit_code == 1
    assert f"{tmp_path / 'secret.key'} is no key of Hundi: {why}. Put it back from your backup" in done.stderr
    assert (tmp_path / "secret.key").read_bytes() == content, "it is never made anew"


def test_a_secret_that_is_too_short_is_a_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["network", "server-key", "--data-dir", str(tmp_path)], env={"HUNDI_SECRET_KEY": "short"}
    )
    assert (done.exit_code, done.stderr.startswith("HUNDI_SECRET_KEY must have at least 32 characters")) == (1, True)


@pytest.mark.parametrize("words", [["network", "centre", "servers"], ["network", "outbox"], ["doctor"]])
def test_where_nothing_runs_the_command_says_what_to_start(tmp_path: Path, words: list[str]) -> None:
    done = CliRunner().invoke(app, [*words, "--data-dir", str(tmp_path)])
    assert done.exit_code == 1
    assert "Start `hundi up` (a central unit by itself: `hundi network serve`), or name the database." in done.stderr


def test_a_portal_s_key_file_that_is_none_is_named_before_anything_starts(tmp_path: Path) -> None:
    for file in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        (tmp_path / "empty.pem").write_text("")
        settings = Settings(data_dir=tmp_path, secret_key="a secret of the operator and nobody else", irp_keys=file)
        with pytest.raises(BadSetting, match=f"HUNDI_IRP_KEYS: .*{file.name}"):
            check_settings(settings)


async def test_a_file_s_name_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r'From a file: --key "\$\(cat server.key\)"'):
        await centre.enrol(Settings(data_dir=tmp_path), "alpha", "alpha.key", "https://alpha.example.com")
    of_a_file = {
        "network_centre_url": "https://c.example.com",
        "network_server": "a",
        "network_centre_key": "centre.key",
    }
    with pytest.raises(BadSetting, match="the text itself and no file's name"):
        membership(Settings(**of_a_file))


async def test_the_first_of_a_lane_says_why_all_of_it_waits(
    db: Any, clock: Any, database_urls: Urls, tmp_path: Path
) -> None:
    """What waits its turn has no reason of its own."""
    name = make.number("srv").lower()
    async with db.unbound() as tx:
        await tx.execute(
            "INSERT INTO central.homes (home, public_key, address, created_at) VALUES ($1, $2, $3, $4)", name, b"k" * 32,
            "https://srv.example.com", clock.now(),
        )  # fmt: skip
        for at, problem in enumerate(["BAD_SIGNATURE: The keys differ.", "WAITS_ITS_TURN: It waits for MSG1."]):
            await tx.execute(
                "INSERT INTO central.outbox (parcel_id, receiver, parcel, due, attempts, problem)"
                " VALUES ($1, $2, '', $3, 1, $4)", f"MSG{name}{at}", f"{name}/CEK0000001", clock.now(), problem,
            )  # fmt: skip
    settings = Settings(
        database_url=database_urls.app, secret_key="a secret of the operator and nobody else", data_dir=tmp_path
    )
    found = {one["home"]: one for one in (await centre.servers(settings))["servers"]}[name]
    async with db.unbound() as tx:
        await tx.execute("DELETE FROM central.outbox WHERE receiver LIKE $1", f"{name}/%")
    assert (found["count"], found["problem"]) == (2, "BAD_SIGNATURE: The keys differ.")


async def test_doctor_finds_a_message_that_is_never_answered(db: Any, clock: Any, database_urls: Urls) -> None:
    """The centre took it, and what it answers is not believed here, or never comes: the outbox is empty and all looks well."""
    settings = Settings(database_url=database_urls.app, owner_url=database_urls.owner)
    async with receiving(taken) as unit, member_of(unit, db, clock) as trader:
        message_id = await trader.check()
        await trader.drain()
        assert await trader.outbox() == []
        found = [one for one in (await doctor.examine(settings)).findings if one.seller_id == trader.company.seller_id]
        assert [(one.check, one.object_id) for one in found] == [("a message has its answer within a day", message_id)]
        assert "do the servers know each other's keys?" in found[0].what


async def test_what_is_not_believed_is_in_the_log_with_the_reason(db: Any, clock: Any) -> None:
    network = Network(db, clock)
    try:
        await network.start()
        supplier, _ = await network.pair()
        await supplier.check()
        clock.move(minutes=6)
        async with db.unbound() as tx:
            wrong = b"x" * 32
            await tx.execute("UPDATE central.homes SET public_key = $2 WHERE home = $1", supplier.server.name, wrong)
        with capture_logs() as logs:
            await supplier.drain()
        [said] = [one for one in logs if one["event"] == "a parcel was not believed"]
        assert (said["sender"], said["log_level"]) == (supplier.home, "warning")
        assert said["why"].startswith("BAD_SIGNATURE: ")
        [row] = await supplier.outbox()
        assert "with the key that is known of you" in row["problem"]
    finally:
        await network.close()
