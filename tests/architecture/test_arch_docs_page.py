"""The page at /schema shows the API from our own static folder; the browser is sent to no other host."""

from __future__ import annotations

import re

import httpx2


async def test_the_page_loads_from_this_server_only(client: httpx2.AsyncClient) -> None:
    page = await client.get("/schema")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r"""(?:src|href)=["']?([^"'\s>]+)""", page.text)
    assert [target for target in loaded if not target.startswith(("/", "data:,"))] == []
    assert "default-src 'none'" in page.text
    assert "//" not in re.sub(r"<!DOCTYPE[^>]*>", "", page.text), "no address of another host, not even a preconnect"
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.text), "no inline script"


async def test_what_the_page_loads_is_there(client: httpx2.AsyncClient) -> None:
    page = await client.get("/schema")
    assets = [
        target for target in re.findall(r"""(?:src|href)="(/[^"]+)""", page.text) if target.startswith("/static/")
    ]
    assert len(assets) == 3
    for target in assets:
        assert (await client.get(target)).status_code == 200, target
    description = await client.get("/schema/openapi.json")
    assert description.json()["openapi"].startswith("3.1")
