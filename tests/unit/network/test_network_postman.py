"""Which parcels may go at the same time, what settings make a server a member, and how long a silent peer is left alone."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from hundi.config import BadSetting, Settings
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring
from hundi.network.ends import home_of
from hundi.network.keys import HomeSigner, KnownKeys, ServerSigner, read_public_key
from hundi.network.membership import membership
from hundi.network.pause import Pause
from hundi.network.postman import Outcome, Verdict, by_lane
from hundi.network.protocol.parcels import CENTRE, Parcel, Position
from hundi.network.protocol.store import Outgoing

NOW = datetime(2026, 11, 16, tzinfo=UTC)
KEY = base64.b64encode(HomeSigner(Keyring(["c" * 40]), CENTRE).public_key()).decode()
MEMBER = {"network_centre_url": "https://centre.example.com/", "network_centre_key": KEY, "network_server": "alpha"}


def letter(name: str, lanes: str, sender: str = "a/CEK1") -> tuple[Outgoing, Parcel]:
    positions = tuple(Position(lane, 1) for lane in lanes)
    parcel = Parcel(id=name, sender=sender, receiver=CENTRE, positions=positions)
    return Outgoing(id=name, receiver=CENTRE, parcel=b"", due=NOW), parcel


@pytest.mark.parametrize(
    ("lanes", "groups"),
    [
        ([], []),
        (["A", "B", "C"], ["1", "2", "3"]),
        (["A", "A", "B", "A"], ["124", "3"]),
        (["A", "B", "AB", "C"], ["123", "4"]),
        (["A", "B", "C", "CB", "BA"], ["12345"]),
        (["", "", "A"], ["1", "2", "3"]),
        (["AB", "CD", "B", "D", "E"], ["13", "24", "5"]),
    ],
)
def test_what_shares_a_lane_goes_in_turn(lanes: list[str], groups: list[str]) -> None:
    letters = [letter(str(at), lane) for at, lane in enumerate(lanes, 1)]
    for given in (letters, letters[::-1]):
        assert sorted("".join(one.id for one, _ in group) for group in by_lane(given)) == sorted(groups)


def test_the_same_lane_of_another_company_is_another() -> None:
    assert len(by_lane([letter("1", "A"), letter("2", "A", "a/CEK2")])) == 2


def test_three_settings_make_a_member() -> None:
    assert membership(Settings()) is None
    assert home_of(Settings(), SellerId("CEK1")) == "CEK1"
    found = membership(Settings(**MEMBER))
    assert found is not None
    assert (found.server, found.address, len(found.keys)) == ("alpha", "https://centre.example.com", 1)
    assert home_of(Settings(**MEMBER), SellerId("CEK1")) == "alpha/CEK1"
    both = membership(Settings(**MEMBER | {"network_centre_key": f"{KEY}, {KEY}"}))
    assert both is not None
    assert len(both.keys) == 2


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"network_centre_url": None}, "HUNDI_NETWORK_CENTRE_URL must be set"),
        ({"network_centre_key": ""}, "HUNDI_NETWORK_CENTRE_KEY must be set"),
        (
            {"network_server": None, "network_centre_key": None},
            "HUNDI_NETWORK_CENTRE_KEY and HUNDI_NETWORK_SERVER must be set",
        ),
        ({"network_server": "CENTRE"}, "HUNDI_NETWORK_SERVER: "),
        ({"network_server": "a/b"}, "HUNDI_NETWORK_SERVER: "),
        ({"network_centre_key": "c2hvcnQ="}, "HUNDI_NETWORK_CENTRE_KEY: "),
        ({"network_centre_key": f"{KEY},x"}, "HUNDI_NETWORK_CENTRE_KEY: "),
        ({"network_centre_url": "http://centre.example.com"}, "HUNDI_NETWORK_CENTRE_URL: .*https"),
        ({"network_centre_url": "https://10.0.0.1"}, "HUNDI_NETWORK_CENTRE_URL: .*HUNDI_OUTGOING_ALLOW"),
    ],
)
def test_what_is_missing_or_wrong_is_named(changes: dict[str, str | None], named: str) -> None:
    with pytest.raises(BadSetting, match=named):
        membership(Settings(**MEMBER | changes))


def test_known_keys_are_believed_and_no_others() -> None:
    old, new, other = (Keyring([letter * 40]) for letter in "onx")
    known = KnownKeys({CENTRE: [HomeSigner(new, CENTRE).public_key(), HomeSigner(old, CENTRE).public_key()]})
    for keys in (old, new):
        assert known.verify(CENTRE, b"text", HomeSigner(keys, CENTRE).sign(b"text")) is True
    assert known.verify(CENTRE, b"text", HomeSigner(other, CENTRE).sign(b"text")) is False
    assert known.verify(CENTRE, b"other", HomeSigner(new, CENTRE).sign(b"text")) is False
    assert known.verify(CENTRE, b"text", "not base64") is False
    assert known.verify("a/CEK1", b"text", ServerSigner(new).sign(b"text")) is None
    assert read_public_key(f" {KEY}\n") == base64.b64decode(KEY)
    assert read_public_key("") is read_public_key("é") is None


def test_a_silent_peer_is_left_alone_longer_and_longer_but_not_for_long() -> None:
    pause = Pause()
    outgoing = letter("1", "A")[0]
    silence = [Outcome(outgoing=outgoing, verdict=Verdict.UNKNOWN, code="NO_REPLY", reached=False)]
    answer = [*silence, Outcome(outgoing=outgoing, verdict=Verdict.UNKNOWN, code="HTTP_500")]
    waits = []
    at = NOW
    for _ in range(7):
        assert pause.learn(silence, at) is False
        until = at
        while pause.on(until):
            until += timedelta(seconds=1)
        waits.append((until - at).seconds)
        at = until
    assert waits == [1, 2, 4, 8, 10, 10, 10]
    assert pause.learn(answer, at) is True, "it is back"
    assert not pause.on(at)
    assert pause.learn(answer, at) is False
