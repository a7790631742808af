"""`hundi webhook`: the same verbs as over HTTP, for the operator."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

import hooks
import make
from hundi.cli import webhooks
from hundi.cli.main import app
from hundi.cli.output import Refused
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.jobs.context import JobContext
from hundi.kit.clock import SystemClock
from hundi.kit.errors import Invalid
from hundi.webhooks.errors import EndpointNotFound
from receiver import Receiver, status


@pytest.fixture
def settings(database_urls: Urls, tmp_path: Path, receiver: Receiver) -> Settings:
    return make.command_settings(database_urls, tmp_path, outgoing_allow=f"127.0.0.1:{receiver.port}")


@pytest.fixture
async def context(settings: Settings, seller: make.Company, receiver: Receiver) -> AsyncIterator[JobContext]:
    """Give a worker's means under the machine's clock, which is the one of the commands."""
    seller.clock.reset(datetime.now(UTC))
    async with hooks.sender(seller, receiver, clock=SystemClock(), settings=settings) as found:
        yield found


async def test_an_endpoint_from_its_first_day_to_its_last(
    settings: Settings, seller: make.Company, receiver: Receiver, context: JobContext
) -> None:
    name = seller.seller_id
    made = await webhooks.create(
        settings, name, url=receiver.url(), types=["invoice.*"], description="ERP", secret=None
    )
    assert made["secret"].startswith("whsec_")
    one = made["endpointId"]
    assert [row["endpointId"] for row in await webhooks.endpoints(settings, name)] == [one]
    pinged = await webhooks.ping(settings, name, one)
    receiver.answers = [status(410)]
    seller.clock.reset(datetime.now(UTC))
    await hooks.work(seller, context)
    shown = await webhooks.show(settings, name, pinged["deliveryId"])
    assert (shown["state"], shown["attemptLog"][0]["status"]) == ("FAILED", 410)
    assert [
        row["deliveryId"] for row in await webhooks.deliveries(settings, name, endpoint_id=one, state="FAILED", limit=5)
    ] == [pinged["deliveryId"]]
    back = await webhooks.change(settings, name, one, url=None, types=["*"], description="", status="ENABLED")
    assert (back["status"], back["eventTypes"]) == ("ENABLED", ["*"])
    assert "description" not in back
    receiver.answers = [status(200)]
    again = await webhooks.replay_one(settings, name, pinged["deliveryId"])
    seller.clock.reset(datetime.now(UTC))
    await hooks.work(seller, context)
    assert (await webhooks.show(settings, name, again["deliveryId"]))["state"] == "DELIVERED"
    start, end = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    found = await webhooks.replay_period(
        settings, name, one, since=start.isoformat(), until=end.isoformat(), states=["DELIVERED"], unheard=False
    )
    assert found == {"again": 1, "unheard": 0}
    turned = await webhooks.rotate(settings, name, one)
    assert turned["secret"] != made["secret"]
    await webhooks.delete(settings, name, one)
    assert await webhooks.endpoints(settings, name) == []
    with pytest.raises(EndpointNotFound):
        await webhooks.ping(settings, name, one)


async def test_what_is_wrong_is_refused(settings: Settings, seller: make.Company, receiver: Receiver) -> None:
    name = seller.seller_id
    with pytest.raises(Invalid):
        await webhooks.create(settings, name, url="http://10.0.0.1/", types=[], description=None, secret=None)
    made = await webhooks.create(settings, name, url=receiver.url(), types=[], description=None, secret=None)
    one = made["endpointId"]
    assert made["eventTypes"] == ["*"]
    with pytest.raises(Refused, match="--status"):
        await webhooks.change(settings, name, one, url=None, types=[], description=None, status="off")
    with pytest.raises(Refused, match="--state"):
        await webhooks.deliveries(settings, name, endpoint_id=None, state="GONE", limit=5)
    for since, states, words in (("soon", [], "--from"), ("2026-11-01", ["GONE"], "--state")):
        with pytest.raises(Refused, match=words):
            await webhooks.replay_period(
                settings, name, one, since=since, until="2026-11-02", states=states, unheard=False
            )


def test_the_command_lists_event_types_and_refuses_a_replay_without_a_period() -> None:
    runner = CliRunner()
    done = runner.invoke(app, ["webhook", "event-types", "--json"])
    assert done.exit_code == 0
    assert {"invoice.created", "webhook.disabled"} <= {one["type"] for one in json.loads(done.stdout)}
    assert "invoice.dispatched: " in runner.invoke(app, ["webhook", "event-types"]).stdout
    for wrong in (
        ["whe_1"],
        ["whd_1", "--from", "2026-01-01", "--to", "2026-01-02"],
        ["whe_1", "--from", "2026-01-01"],
    ):
        assert runner.invoke(app, ["webhook", "replay", *wrong]).exit_code == 2
