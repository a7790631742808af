"""The network's simulator: seeds, the same bytes from the same seed, and a proof that it notices what is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from hundi.cli.main import app
from hundi.network.protocol import centre, party, payments
from hundi.network.protocol.memory import MemoryStore
from hundi.network.protocol.parcels import Parcel
from hundi.network.protocol.store import ConcurrentChange, Mailbox, Outgoing
from hundi.network.simulator.habits import Habits
from hundi.network.simulator.ledger import Outcome, document, simulate, text
from hundi.network.simulator.links import LEVELS, Keyed, Wire
from hundi.network.simulator.mischief import TRICKS
from hundi.network.simulator.world import Scenario

SEEDS = int(
    os.environ.get("TEST_SEEDS") or {"default": 10, "ci": 200, "soak": 10_000}[os.environ.get("TEST_TIER", "default")]
)
FAULTS = ("normal", "hard", "none")


def scenario(seed: int, faults: str | None = None) -> Scenario:
    """Give a small world of a seed; the faults alternate."""
    return Scenario(seed=seed, businesses=6 + seed % 9, days=8 + seed % 7, faults=faults or FAULTS[seed % 3])


@pytest.mark.parametrize("block", range(10))
async def test_every_seed_keeps_the_invariants(block: int) -> None:
    for seed in range(block, SEEDS, 10):
        outcome = await simulate(scenario(seed))
        assert outcome.broken == (), f"hundi network simulate --seed {seed}: {outcome.scenario}"
        assert outcome.figures["messages"] > 0


async def test_a_month_of_fifty_businesses_sees_everything() -> None:
    """Over a few seeds every kind of object is born, faults happen on the wire, and mischief is refused."""
    outcomes = [await simulate(Scenario(seed=seed, faults=faults)) for seed, faults in ((1, "normal"), (2, "hard"))]
    for outcome in outcomes:
        assert outcome.broken == ()
        kinds = {copy.object.kind for copy in outcome.accounts.centre.values()}
        assert len(kinds) == 8
        for name in ("lost", "repeated", "damaged", "crashes", "mischief", "envelopes refused"):
            assert outcome.figures[name] > 0, name
    assert len({code for outcome in outcomes for code in outcome.refused}) >= 6
    assert len(TRICKS) >= 10


async def test_the_friendly_sandbox_loses_nothing() -> None:
    outcome = await simulate(scenario(3, "none"))
    assert outcome.broken == ()
    assert [outcome.figures[name] for name in ("lost", "repeated", "damaged", "crashes", "envelopes refused")] == [
        0
    ] * 5
    # Every message is sent once and acknowledged once, and so is every delivery.
    assert outcome.figures["transmissions"] == 2 * (outcome.figures["messages"] + outcome.figures["deliveries"])


async def test_another_seed_is_another_run() -> None:
    one, other = await simulate(scenario(4)), await simulate(scenario(7))
    assert text(one).splitlines()[2:] != text(other).splitlines()[2:]


def command(*arguments: str, hash_seed: str) -> subprocess.CompletedProcess[bytes]:
    called = [sys.executable, "-m", "hundi", "network", "simulate", "--businesses", "9", "--days", "9", *arguments]
    return subprocess.run(called, capture_output=True, check=False, env={**os.environ, "PYTHONHASHSEED": hash_seed})


def test_the_same_seed_gives_the_same_bytes() -> None:
    """In two processes, whose sets and dictionaries are ordered differently."""
    printed = [command("--seed", "5", "--faults", "hard", "--json", hash_seed=seed) for seed in ("1", "2")]
    assert [one.returncode for one in printed] == [0, 0]
    assert printed[0].stdout == printed[1].stdout
    found = json.loads(printed[0].stdout)
    assert (found["seed"], found["broken"]) == (5, [])
    assert {entry["objectId"] for entry in found["parties"]["b000"]} & {entry["objectId"] for entry in found["centre"]}


def test_the_ledger_of_both_sides() -> None:
    printed = command("--seed", "6", hash_seed="0")
    assert printed.returncode == 0
    lines = printed.stdout.decode().splitlines()
    assert lines[0] == "9 businesses, 9 days, seed 6, faults normal"
    assert lines[-1] == "All invariants hold."
    assert any(line.startswith("B000") for line in lines)
    assert any(" / " in line and line.startswith("INV-") for line in lines)


def test_what_cannot_be_simulated_is_wrong_usage() -> None:
    for arguments in (("--businesses", "1"), ("--days", "0"), ("--faults", "some"), ("--seed", "-1")):
        assert CliRunner().invoke(app, ["network", "simulate", *arguments]).exit_code == 2


# ---------------------------------------------------------------- broken on purpose

Effect = Callable[[Parcel], Awaitable[None]]


async def no_memory(box: Mailbox, parcel: Parcel, data: bytes, at: datetime, effect: Effect) -> int:
    """Take everything in, as often as it comes."""
    await effect(parcel)
    return 1


async def no_order(box: Mailbox, parcel: Parcel, data: bytes, at: datetime, effect: Effect) -> int:
    """Take everything in once, in whatever order it comes."""
    if await box.seen(parcel.sender, parcel.id) is not None:
        return 0
    await box.mark_seen(parcel.sender, parcel.id, "", at)
    await effect(parcel)
    return 1


async def forgotten_post(self: MemoryStore, outgoing: Outgoing) -> None:
    """Lose what was to be sent on, now and then: as where the outbox is not in the same commit."""
    if not outgoing.id.endswith("7"):
        await PUT_OUTGOING(self, outgoing)


PUT_OUTGOING = MemoryStore.put_outgoing
MUTATIONS: dict[str, tuple[Any, str, Any]] = {
    "the centre forgets what it has seen": (centre, "take_in", no_memory),
    "the parties forget what they have seen": (party, "take_in", no_memory),
    "the centre does not keep the order": (centre, "take_in", no_order),
    "the parties do not keep the order": (party, "take_in", no_order),
    "over-payment is not looked at": (payments, "check_due", lambda *_: None),
    "credit notes are not given back": (payments, "_give_back", lambda *_: None),
    "liens stay on paid invoices": (payments, "release_lien", lambda *_: None),
    "damage is not noticed": (Keyed, "verify", lambda *_: True),
    "the outbox is not in the commit": (MemoryStore, "put_outgoing", forgotten_post),
}


async def noticed(scenario: Scenario) -> bool:
    """Tell whether the run breaks an invariant, or breaks down over one."""
    try:
        outcome: Outcome = await simulate(scenario)
    except (ConcurrentChange, LookupError, ValueError):
        return True
    return (
        bool(outcome.broken) and f"BROKEN: {outcome.broken[0]}" in text(outcome) and bool(document(outcome)["broken"])
    )


@pytest.mark.parametrize("name", MUTATIONS)
async def test_what_is_broken_on_purpose_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, what, instead = MUTATIONS[name]
    monkeypatch.setattr(where, what, instead)
    busy = Habits(new_invoice=150, new_note=400, new_financing=300, mischief=300, prompt=250)
    for seed in range(10):
        if await noticed(Scenario(seed=seed, businesses=8, days=15, faults="hard", habits=busy)):
            return
    pytest.fail("ten seeds, and nobody noticed")


async def test_a_wire_that_carries_nothing_leaves_everything_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wire, "carry", lambda *_: [])
    outcome = await simulate(Scenario(seed=1, businesses=3, days=1, faults="none"))
    assert sum("unanswered" in sentence for sentence in outcome.broken) == 3


def test_the_levels_are_ordered() -> None:
    none, normal, hard = (LEVELS[name] for name in ("none", "normal", "hard"))
    assert (none.loss, none.repetition, none.damage, none.crash) == (0, 0, 0, 0)
    assert normal.loss < hard.loss
    assert normal.crash < hard.crash
