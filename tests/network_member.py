"""A company on the network as a client of the API sees it: it posts messages and reads objects."""

from __future__ import annotations

from typing import Any

import httpx2

import make


class Member:
    """A company with its B2B ID."""

    def __init__(self, company: make.Company, b2b_id: str) -> None:
        self.company = company
        self.b2b_id = b2b_id

    async def post(self, path: str, body: dict[str, Any], **more: Any) -> httpx2.Response:
        """Send one call over HTTP; nothing is carried."""
        return await self.company.http.post(f"/api/v0/{path}", json=body, **more)

    async def have(self, collection: str, object_id: str) -> dict[str, Any]:
        """Read one object over HTTP."""
        reply = await self.company.http.get(f"/api/v0/network/{collection}/{object_id}")
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()["payload"]
        return found

    async def status(self, collection: str, object_id: str) -> str:
        """Give the status of one object."""
        found: str = (await self.have(collection, object_id))["status"]
        return found
