"""The client of outgoing calls, on real sockets: it reaches what is allowed and nothing else (design §4.10)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.config import BadSetting, load
from hundi.http import outgoing
from hundi.http.outgoing import CallFailed, Outgoing, TargetRefused
from hundi.kit.addresses import BadAllowList, is_public, parse_allow, read_address
from hundi.kit.targets import BadTarget, read_target
from mailroom import certificate, free_port
from receiver import hang_up, receiving, silent, slow_body, status

REFUSED = [
    "127.1", "127.0.0.1", "0x7f000001", "2130706433", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]", "[64:ff9b::8.8.8.8]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "169.254.169.254", "100.64.0.1",
    "100.127.255.255", "198.18.0.1", "198.19.255.255", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "192.168.255.255", "[fc00::1]", "[fdff::1]", "[fe80::1]", "[fe80::1%25eth0]", "0.0.0.0", "[::]",
    "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "[2001:db8::1]", "[ff02::1]", "[2001::1]", "[fec0::1]",
    "127.0.0.1.", "0x7f.1", "1", "0", "①②⑦.0.0.1", "[::127.0.0.1]",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "[2606:4700:4700::1111]", "[2a00:1450:4001:81b::200e]"]


def resolving(*answers: Sequence[str]) -> tuple[outgoing.Resolver, list[str]]:
    """Give a resolver that answers with one list after the other, the last again and again, and its diary."""
    asked: list[str] = []

    async def resolver(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return resolver, asked


async def refused(url: str, client: Outgoing) -> str:
    with pytest.raises(TargetRefused) as caught:
        await client.call("POST", url, content=b"x", timeout_s=3)
    assert caught.value.sent is False
    return caught.value.code


@pytest.mark.parametrize("host", REFUSED)
@pytest.mark.parametrize("form", ["https://{}/", "http://{}/", "https://{}:8443/x"])
async def test_a_private_address_is_refused_in_every_writing(host: str, form: str) -> None:
    """The machine's own resolver is behind this: what a form might come to is what it says."""
    client = Outgoing()
    assert await refused(form.format(host), client) in {"PRIVATE_ADDRESS", "BAD_HOST", "BAD_URL"}
    await client.aclose()


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_address_is_let_through(host: str) -> None:
    target = read_target(f"https://{host}/", frozenset())
    assert target.port == 443
    address = read_address(target.host)
    assert address is not None
    assert is_public(address)


@given(st.ip_addresses())
def test_nothing_that_python_calls_private_counts_as_public(address: object) -> None:
    found = ip_address(str(address))
    if is_public(found):
        assert found.is_global
        kinds = ("is_private", "is_loopback", "is_link_local", "is_multicast", "is_reserved", "is_unspecified")
        assert [kind for kind in kinds if getattr(found, kind)] == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://user:secret@example.com/", "CREDENTIALS_IN_URL"),
        ("https://example.com@10.0.0.1/", "CREDENTIALS_IN_URL"),
        ("ftp://example.com/", "BAD_SCHEME"),
        ("file:///etc/passwd", "BAD_SCHEME"),
        ("gopher://127.0.0.1:25/", "BAD_SCHEME"),
        ("http://example.com/", "NOT_HTTPS"),
        ("https://", "BAD_HOST"),
        ("https:///x", "BAD_HOST"),
        ("//example.com/", "BAD_SCHEME"),
        ("example.com", "BAD_SCHEME"),
        ("https://exa mple.com/", "BAD_URL"),
        ("https://example.com\\@10.0.0.1/", "BAD_URL"),
        ("https://example.com/\r\nx: y", "BAD_URL"),
        ("https://example.com:0/", "BAD_URL"),
        ("https://example.com:99999/", "BAD_URL"),
        ("https://example.com:port/", "BAD_URL"),
        ("https://" + "a" * 2000, "BAD_URL"),
        ("https://ex_ample!.com/", "BAD_HOST"),
        ("https://-a.com/", "BAD_HOST"),
    ],
)
def test_a_url_is_refused_with_its_reason(url: str, code: str) -> None:
    with pytest.raises(BadTarget) as caught:
        read_target(url, frozenset())
    assert caught.value.code == code
    assert caught.value.detail[0].isupper() or caught.value.detail[0].isdigit()


def test_a_name_in_another_script_is_called_by_its_ascii_form() -> None:
    assert read_target("https://BÜCHER.example/a?b=c#d", frozenset()).host == "xn--bcher-kva.example"
    assert read_target("https://bücher.example/a?b=c#d", frozenset()).path == "/a?b=c"


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["2606:4700:4700::1111", "::1"],
     ["::ffff:10.0.0.1"], ["fe80::1%lo"], ["169.254.169.254"], ["nonsense"]],
)  # fmt: skip
async def test_a_name_that_leads_to_a_private_address_is_refused_even_among_public_ones(addresses: list[str]) -> None:
    resolver, asked = resolving(addresses)
    client = Outgoing(resolver=resolver)
    assert await refused("https://rebound.example/", client) == "PRIVATE_ADDRESS"
    assert asked == ["rebound.example"]
    await client.aclose()


async def test_a_refusal_does_not_tell_where_a_name_leads() -> None:
    resolver, _ = resolving(["10.20.30.40"])
    client = Outgoing(resolver=resolver)
    with pytest.raises(TargetRefused) as caught:
        await client.call("GET", "https://intern.example/")
    assert "10.20.30.40" not in caught.value.detail
    await client.aclose()


async def test_a_name_that_changes_between_check_and_connect_is_asked_once() -> None:
    """The first answer is checked and called; the second, which is private, is never asked for."""
    async with receiving() as receiver:
        resolver, asked = resolving(["127.0.0.1"], ["10.0.0.1"])
        client = Outgoing(parse_allow(f"127.0.0.1:{receiver.port},flip.example:{receiver.port}"), resolver=resolver)
        reply = await client.call("POST", f"http://flip.example:{receiver.port}/a", content=b"hello")
        assert (reply.status, asked) == (200, ["flip.example"])
        assert receiver.got[0].headers["host"] == f"flip.example:{receiver.port}"
        await client.aclose()


async def test_a_name_that_turns_private_is_refused_at_the_next_connection() -> None:
    async with receiving() as receiver:
        resolver, asked = resolving(["127.0.0.1"], ["127.0.0.2"])
        client = Outgoing(parse_allow(f"127.0.0.1:{receiver.port}"), resolver=resolver)
        url = f"https://flip.example:{receiver.port}/"
        with pytest.raises(CallFailed, match="No connection"):
            await client.call("POST", url)  # the receiver speaks no TLS; it was reached, and that is the point
        assert receiver.connections == 1
        assert await refused(url, client) == "PRIVATE_ADDRESS"
        assert receiver.connections == 1
        assert len(asked) == 2
        await client.aclose()


async def test_tls_and_host_keep_the_name_while_the_address_is_pinned(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path)
    async with receiving(tls=server) as receiver:
        resolver, _ = resolving(["127.0.0.1"])
        client = Outgoing(parse_allow(f"localhost:{receiver.port}"), resolver=resolver, tls=trusting)
        assert (await client.call("GET", f"https://localhost:{receiver.port}/")).status == 200
        assert receiver.got[0].headers["host"] == f"localhost:{receiver.port}"
        await client.aclose()
        # The certificate is for localhost: another name at the same address does not get through.
        other = Outgoing(parse_allow(f"other.example:{receiver.port}"), resolver=resolver, tls=trusting)
        with pytest.raises(CallFailed) as caught:
            await other.call("GET", f"https://other.example:{receiver.port}/")
        assert caught.value.sent is False
        await other.aclose()
        stranger = Outgoing(parse_allow(f"localhost:{receiver.port}"), resolver=resolver)
        with pytest.raises(CallFailed, match="No connection"):
            await stranger.call("GET", f"https://localhost:{receiver.port}/")
        await stranger.aclose()
        assert len(receiver.got) == 1


async def test_what_the_operator_allowed_is_called_and_its_neighbours_are_not() -> None:
    async with receiving() as receiver, receiving() as neighbour:
        client = Outgoing(parse_allow(f"LocalHost:{receiver.port}"))
        assert (await client.call("POST", f"http://localhost:{receiver.port}/x?y=1", content=b"abc")).status == 200
        got = receiver.got[0]
        assert (got.method, got.path, got.body) == ("POST", "/x?y=1", b"abc")
        assert await refused(f"http://127.0.0.1:{receiver.port}/", client) == "PRIVATE_ADDRESS"
        assert await refused(f"https://localhost:{neighbour.port}/", client) == "PRIVATE_ADDRESS"
        assert neighbour.connections == 0
        await client.aclose()


async def test_a_redirect_is_an_answer() -> None:
    async with receiving(status(307, location="http://127.0.0.1:1/")) as receiver:
        client = Outgoing(parse_allow(f"127.0.0.1:{receiver.port}"))
        reply = await client.call("POST", receiver.url())
        assert (reply.status, reply.headers["location"], len(receiver.got)) == (307, "http://127.0.0.1:1/", 1)
        await client.aclose()


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver, receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        client = Outgoing(parse_allow(f"127.0.0.1:{receiver.port}"))
        await client.call("GET", receiver.url())
        assert (len(receiver.got), proxy.connections) == (1, 0)
        await client.aclose()


async def test_a_big_answer_is_cut_and_the_connection_dropped() -> None:
    async with receiving(status(200, b"z" * 40_000_000), status(200, b"short")) as receiver:
        client = Outgoing(parse_allow(f"127.0.0.1:{receiver.port}"))
        reply = await client.call("GET", receiver.url(), most_bytes=1000)
        assert (reply.status, reply.body, reply.cut) == (200, b"z" * 1000, True)
        again = await client.call("GET", receiver.url())
        assert (again.body, again.cut, receiver.connections) == (b"short", False, 2)
        await client.aclose()


async def test_a_packed_answer_is_not_unpacked() -> None:
    async with receiving(status(200, b"\x1f\x8b\x08 not unpacked", content_encoding="gzip")) as receiver:
        client = Outgoing(parse_allow(f"127.0.0.1:{receiver.port}"))
        reply = await client.call("GET", receiver.url())
        assert reply.body == b"\x1f\x8b\x08 not unpacked"
        assert receiver.got[0].headers["accept-encoding"] == "identity"
        await client.aclose()


async def test_a_slow_answer_ends_in_time() -> None:
    async with receiving(slow_body, silent) as receiver:
        client = Outgoing(parse_allow(f"127.0.0.1:{receiver.port}"))
        reply = await client.call("GET", receiver.url(), timeout_s=1)
        assert (reply.status, reply.cut) == (200, True)
        assert 900 < reply.ms < 3000
        with pytest.raises(CallFailed) as caught:
            await client.call("GET", receiver.url(), timeout_s=1)
        assert (caught.value.sent, caught.value.detail) == (True, "No reply within 1 seconds.")
        await client.aclose()


async def test_a_failure_says_whether_anything_was_sent() -> None:
    async with receiving(hang_up) as receiver:
        client = Outgoing(parse_allow(f"127.0.0.1:{receiver.port}"))
        with pytest.raises(CallFailed) as caught:
            await client.call("POST", receiver.url(), content=b"x")
        assert caught.value.sent is True
        await client.aclose()
    port = free_port()
    client = Outgoing(parse_allow(f"127.0.0.1:{port},nowhere.example:{port}"))
    with pytest.raises(CallFailed) as caught:
        await client.call("POST", f"http://127.0.0.1:{port}/")
    assert caught.value.sent is False

    async def no_name(_: str, __: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    lost = Outgoing(parse_allow(f"nowhere.example:{port}"), resolver=no_name)
    with pytest.raises(CallFailed, match=r"nowhere\.example has no address") as caught:
        await lost.call("POST", f"http://nowhere.example:{port}/")
    assert caught.value.sent is False
    await lost.aclose()
    await client.aclose()


async def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    async def hanging(_: str, __: int) -> Sequence[str]:
        await asyncio.sleep(3600)
        return []

    client = Outgoing(resolver=hanging)
    with pytest.raises(CallFailed, match="No reply within 1 seconds") as caught:
        await client.call("GET", "https://example.com/", timeout_s=1)
    assert caught.value.sent is False
    await client.aclose()


async def test_the_second_address_is_tried_where_the_first_does_not_answer() -> None:
    async with receiving() as receiver:
        resolver, _ = resolving(["127.0.0.99", "127.0.0.1"])
        client = Outgoing(parse_allow(f"two.example:{receiver.port}"), resolver=resolver)
        assert (await client.call("GET", f"http://two.example:{receiver.port}/")).status == 200
        await client.aclose()


@pytest.mark.parametrize("text", ["", " ", "erp.lan:8443, [::1]:80 ,127.0.0.1:1,"])
def test_an_allow_list_is_read(text: str) -> None:
    assert parse_allow(text) == (
        frozenset({("erp.lan", 8443), ("::1", 80), ("127.0.0.1", 1)}) if "erp" in text else frozenset()
    )


@pytest.mark.parametrize(
    "text", ["erp.lan", "erp.lan:", "erp.lan:0", "erp.lan:70000", "http://erp.lan:80", "[zz]:1", "a b:1"]
)
def test_a_bad_allow_list_is_said_when_the_program_starts(text: str) -> None:
    with pytest.raises(BadAllowList):
        parse_allow(text)
    with pytest.raises(BadSetting, match="HUNDI_OUTGOING_ALLOW: "):
        load({"HUNDI_OUTGOING_ALLOW": text})
