"""The bodies of the webhooks: the counterparty's message as it was sent, and the result of one's own (contract b2b §2).

``resp-…`` bodies hold ``resp`` and an echo of the request without its ``device``, as the one page that shows such a body
has it; the two onboarding answers hold what was found besides (contract b2b §4.1, §4.4).
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from hundi.network.protocol.decisions import Delivery, FoundBusiness, Resp

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_NOT_ECHOED: Final = frozenset({"device", "initiatorEntity"})


class RespOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``resp``: whose answer it is, and how it went."""

    reqMsgId: str
    result: str
    errorCd: str | None = None
    errorDtl: str | None = None
    errorField: str | None = None


class FoundB2BId(msgspec.Struct, kw_only=True):
    """A public B2B ID of a business that was found."""

    value: str
    description: str


class EntityInfo(msgspec.Struct, kw_only=True):
    """A business that a search found."""

    name: str
    alias: str
    state: str
    pincode: str
    b2bIds: list[FoundB2BId]


class InstituteStatus(msgspec.Struct, kw_only=True):
    """A business with the PAN that was asked about; the four names are not printed (docs/decisions/0015)."""

    isBusinessExist: str
    isMultipleOrgAllowed: str
    businessName: str
    b2bIds: list[str]


def hook_body(delivery: Delivery) -> dict[str, Any]:
    """Give the published body of a webhook."""
    body: dict[str, Any] = _DECODER.decode(delivery.body)
    if delivery.resp is None:
        return body
    echoed = {name: value for name, value in body.items() if name not in _NOT_ECHOED}
    return {"resp": msgspec.to_builtins(_resp(delivery.resp)), **echoed, **_found(delivery)}


def _resp(resp: Resp) -> RespOut:
    return RespOut(
        reqMsgId=resp.request_id,
        result="SUCCESS" if resp.success else "FAILURE",
        errorCd=resp.error_code,
        errorDtl=resp.error_detail,
        errorField=resp.error_field,
    )


def _found(delivery: Delivery) -> dict[str, Any]:
    if delivery.found is None:
        return {}
    if delivery.hook.endswith("respCheckEntity"):
        institutes = [_institute(one) for one in delivery.found]
        return {"instituteStatus": {"institutes": msgspec.to_builtins(institutes)}}
    return {"respParams": {"entityInfo": msgspec.to_builtins([_entity(one) for one in delivery.found])}}


def _institute(found: FoundBusiness) -> InstituteStatus:
    return InstituteStatus(
        isBusinessExist="YES",
        isMultipleOrgAllowed="NO",
        businessName=found.name,
        b2bIds=[value for value, _ in found.b2b_ids],
    )


def _entity(found: FoundBusiness) -> EntityInfo:
    return EntityInfo(
        name=found.name,
        alias=found.alias,
        state=found.state,
        pincode=found.pincode,
        b2bIds=[FoundB2BId(value=value, description=description) for value, description in found.b2b_ids],
    )
