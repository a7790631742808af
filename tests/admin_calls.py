"""How the operations on attachments, administration and audit are called, for the generated test of tenancy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import make
from hundi.kit.keys import hash_secret

PDF = {"files": {"file": ("bill.pdf", b"%PDF-1.7\n%%EOF\n")}}
PNG = {"files": {"file": ("logo.png", make.png())}}
GRANTEE = "CEKGRANTEE"
"""A company that is known to the directory and is nobody."""


def _new_user() -> dict[str, Any]:
    return {"json": {"username": f"{make.number('u').lower()}@example.com", "roles": ["viewer"]}}


def _new_registration() -> dict[str, Any]:
    place = {"legalName": "Branch", "addressLine1": "1 Road", "city": "Pune", "pinCode": "411001", "stateCode": "27"}
    return {"json": place}


CALLS: dict[str, Callable[[dict[str, str]], tuple[str, str, dict[str, Any]]]] = {
    "uploadInvoiceAttachment": lambda at: ("POST", f"/api/v0/invoice/{at['invoice']}/attachment", PDF),
    "getInvoiceAttachments": lambda at: ("GET", f"/api/v0/invoice/{at['invoice']}/attachment", {}),
    "getInvoiceAttachment": lambda at: ("GET", f"/api/v0/invoice/{at['invoice']}/attachment/{at['attachment']}", {}),
    "updateInvoiceAttachment": lambda at: (
        "PATCH", f"/api/v0/invoice/{at['invoice']}/attachment/{at['attachment']}", {"json": {"remarks": "seen"}}
    ),
    "getSeller": lambda at: ("GET", "/api/v0/admin/seller", {}),
    "updateSeller": lambda at: ("PATCH", "/api/v0/admin/seller", {"json": {"tradeName": "Seen"}}),
    "uploadLogo": lambda at: ("POST", "/api/v0/admin/seller/logo", PNG),
    "getLogo": lambda at: ("GET", "/api/v0/admin/seller/logo", {}),
    "deleteLogo": lambda at: ("DELETE", "/api/v0/admin/seller/logo", {}),
    "getRegistrations": lambda at: ("GET", "/api/v0/admin/registration", {}),
    "createRegistration": lambda at: ("POST", "/api/v0/admin/registration", _new_registration()),
    "updateRegistration": lambda at: ("PATCH", f"/api/v0/admin/registration/{at['registration']}", {"json": {"city": "Thane"}}),
    "getRoles": lambda at: ("GET", "/api/v0/admin/role", {}),
    "getUsers": lambda at: ("GET", "/api/v0/admin/user", {}),
    "createUser": lambda at: ("POST", "/api/v0/admin/user", _new_user()),
    "updateUser": lambda at: ("PATCH", f"/api/v0/admin/user/{at['user']}", {"json": {"displayName": "Seen"}}),
    "resetUserPassword": lambda at: ("POST", f"/api/v0/admin/user/{at['user']}/reset-password", {"json": {}}),
    "getApiClients": lambda at: ("GET", "/api/v0/admin/client", {}),
    "createApiClient": lambda at: ("POST", "/api/v0/admin/client", {"json": {"name": "another"}}),
    "updateApiClient": lambda at: ("PATCH", f"/api/v0/admin/client/{at['client']}", {"json": {"name": "seen"}}),
    "rotateApiClientSecret": lambda at: ("POST", f"/api/v0/admin/client/{at['client']}/rotate", {"json": {}}),
    "revokeApiClient": lambda at: ("DELETE", f"/api/v0/admin/client/{at['client']}", {}),
    "getPartnerGrants": lambda at: ("GET", "/api/v0/admin/grant", {}),
    "givePartnerGrant": lambda at: ("PUT", f"/api/v0/admin/grant/{GRANTEE}", {"json": {"roles": ["viewer"]}}),
    "revokePartnerGrant": lambda at: ("DELETE", f"/api/v0/admin/grant/{GRANTEE}", {}),
    "searchAudit": lambda at: ("GET", "/api/v0/audit", {}),
    "exportAudit": lambda at: ("GET", "/api/v0/audit/export", {}),
}  # fmt: skip
NAMED = {
    "uploadInvoiceAttachment", "getInvoiceAttachments", "getInvoiceAttachment", "updateInvoiceAttachment", "getLogo",
    "deleteLogo", "updateRegistration", "updateUser", "resetUserPassword", "updateApiClient", "rotateApiClientSecret",
    "revokeApiClient", "revokePartnerGrant",
}  # fmt: skip
ONCE = {"deleteLogo", "revokeApiClient", "revokePartnerGrant"}
OWN_PEOPLE = {
    "createUser", "updateUser", "resetUserPassword", "createApiClient", "updateApiClient", "rotateApiClientSecret",
    "revokeApiClient", "givePartnerGrant", "revokePartnerGrant",
}  # fmt: skip
"""What a partner may never do, whatever it was granted."""
NOBODYS = {"attachment": "att_x", "registration": "reg_x", "user": "usr_x", "client": "cli_x"}


async def objects(company: make.Company, invoice_id: str) -> dict[str, str]:
    """Make one object of each kind."""
    await company.run("SELECT directory_put('seller', $2) WHERE $1 <> ''", hash_secret(GRANTEE))
    made = {
        "attachment": (f"/api/v0/invoice/{invoice_id}/attachment", PDF, "invoiceAttachmentId"),
        "registration": ("/api/v0/admin/registration", _new_registration(), "registrationId"),
        "user": ("/api/v0/admin/user", _new_user(), "userId"),
        "client": ("/api/v0/admin/client", {"json": {"name": "one"}}, "clientId"),
    }
    found = {}
    for name, (path, body, key) in made.items():
        reply = await company.http.post(path, **body)
        assert reply.status_code == 200, reply.text
        found[name] = reply.json()["payload"][key]
    assert (await company.http.post("/api/v0/admin/seller/logo", **PNG)).status_code == 200
    granted = await company.http.put(f"/api/v0/admin/grant/{GRANTEE}", json={"roles": ["viewer"]})
    assert granted.status_code == 200, granted.text
    return found
