"""Businesses and B2B IDs: checked, registered, searched; KYC and switching by the network (contract B2B §4, §8.7)."""

from typing import Final

import msgspec

from hundi.kit.gstin import is_pan, pan_fits
from hundi.network.protocol.decisions import Decision, Draft, FoundBusiness
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.identifiers import Prefix, b2b_key, is_b2b_id
from hundi.network.protocol.messages import (
    CheckEntity,
    DecideKyc,
    ObjectVersion,
    RegisterEntity,
    RegisterIds,
    SearchEntity,
    SwitchB2bId,
)
from hundi.network.protocol.objects import B2bIdFacts, BusinessFacts, Identifier, NetworkObject, facts_of
from hundi.network.protocol.statuses import Actor, B2bIdStatus, BusinessStatus, Event, Kind

SEVERAL_ALLOWED: Final = frozenset({"GOVERNEMNT AGENCY", "LOCAL AUTHORITY"})
"""Types that may register several businesses on one PAN: their departments keep their own books."""
SUPPLYING_IDENTIFIERS: Final = frozenset({"GSTIN", "UDYAM"})
"""A business whose primary identifier is another only buys (contract B2B §1.1)."""
SEARCH_PARAMETERS: Final = frozenset(
    {
        "PAN",
        "B2B ID",
        "GSTIN",
        "TAN",
        "FSSAI",
        "SHOP ESTABLISHMENT NUMBER",
        "UDYAM",
        "NAME",
        "EMAIL",
        "CONTACT NUMBER",
    }
)
_FIRST: Final = ObjectVersion(1, 1)


def _check_pan(pan: str, entity_type: str, field: str) -> None:
    if not is_pan(pan):
        raise MessageRefused(Fault.PAN_FORMAT, f"{field}.value", pan)
    if not pan_fits(pan, entity_type):
        raise MessageRefused(Fault.PAN_TYPE_DIFFERS, f"{field}.type", f"{entity_type}, {pan}")


def identifier_key(identifier: Identifier) -> str:
    """Give the key under which one business holds an identifier."""
    return f"IDENTIFIER|{identifier.document}|{identifier.value.upper()}"


def check_entity(draft: Draft, message: CheckEntity) -> Decision:
    """Answer whether businesses with this PAN are on the network."""
    _check_pan(message.pan, message.entity_type, "checkInstitute")
    return draft.decision(found=tuple(_found(draft, business) for business in draft.loaded.businesses))


def _found(draft: Draft, business: NetworkObject) -> FoundBusiness:
    facts = facts_of(business, BusinessFacts)
    shown = []
    for value in facts.b2b_ids:
        found = draft.get(b2b_key(value))
        if found is not None and found.status == B2bIdStatus.ACTIVE:
            address = facts_of(found, B2bIdFacts)
            if address.public:
                shown.append((value, address.description))
    return FoundBusiness(
        name=facts.name, alias=facts.alias, state=facts.state, pincode=facts.pincode,
        active=business.status == BusinessStatus.ACTIVE, b2b_ids=tuple(shown),
    )  # fmt: skip


def register_entity(draft: Draft, message: RegisterEntity) -> Decision:
    """Register a business and its first B2B ID, public and inactive until KYC is approved."""
    draft.check_new(message.business_id, Prefix.BUSINESS, "institute.objectId")
    _check_pan(message.pan, message.entity_type, "institute.lei")
    if draft.loaded.businesses and message.entity_type not in SEVERAL_ALLOWED:
        raise MessageRefused(Fault.PAN_TAKEN, "institute.lei.value", message.pan)
    _check_b2b_id(draft, message.b2b_id, "institute.defaultB2BId")
    for identifier in (message.primary, *message.others):
        key = identifier_key(identifier)
        draft.check_free(key, Fault.IDENTIFIER_TAKEN, "institute.primaryBusinessIdentifier", identifier.value)
        draft.claims[key] = message.business_id
    home = draft.context.home or ""
    facts = BusinessFacts(
        home=home, name=message.name, pan=message.pan.strip().upper(), entity_type=message.entity_type,
        default_b2b_id=message.b2b_id, primary=message.primary, others=message.others, alias=message.alias,
        state=message.state, pincode=message.pincode, emails=message.emails, contact_numbers=message.contact_numbers,
        b2b_ids=(message.b2b_id,),
    )  # fmt: skip
    new = NetworkObject(
        id=message.business_id, kind=Kind.BUSINESS, number=message.name, supplier="", buyer="", parties=(home,),
        version=1, status="", revision=0, facts=facts,
    )  # fmt: skip
    draft.create(new, Actor.OWNER, message.version, None, "institute")
    _create_id(draft, new, message.b2b_id, message.primary, public=True, description="")
    return draft.decision()


def _check_b2b_id(draft: Draft, value: str, field: str) -> None:
    if not is_b2b_id(value):
        raise MessageRefused(Fault.B2B_ID_FORMAT, field, value[:100])
    if draft.get(b2b_key(value)) is not None:
        raise MessageRefused(Fault.B2B_ID_TAKEN, field, value)


def _create_id(
    draft: Draft, business: NetworkObject, value: str, identifier: Identifier, *, public: bool, description: str
) -> NetworkObject:
    owner = facts_of(business, BusinessFacts)
    facts = B2bIdFacts(
        business_id=business.id, home=owner.home, public=public, supplies=owner.primary.document in SUPPLYING_IDENTIFIERS,
        description=description, identifier=identifier,
    )  # fmt: skip
    new = NetworkObject(
        id=b2b_key(value), kind=Kind.B2B_ID, number=value, supplier="", buyer="", parties=business.parties, version=1,
        status="", revision=0, facts=facts,
    )  # fmt: skip
    return draft.create(new, Actor.OWNER, _FIRST, None, "regB2BIds")


def register_ids(draft: Draft, message: RegisterIds) -> Decision:
    """Give an active business further B2B IDs, each for an identifier of its own; they are active at once."""
    requestor = draft.active_b2b_id(message.requestor, "onboardingB2BIds.requestorB2BId")
    if requestor.home != draft.context.home or requestor.business_id != message.business_id:
        raise MessageRefused(Fault.B2B_ID_NOT_YOURS, "onboardingB2BIds.requestorB2BId", message.requestor)
    business = draft.need(message.business_id, Kind.BUSINESS, "objectId")
    if business.status != BusinessStatus.ACTIVE:
        raise MessageRefused(Fault.BUSINESS_INACTIVE, "objectId", business.status)
    facts = facts_of(business, BusinessFacts)
    own = {identifier_key(identifier) for identifier in (facts.primary, *facts.others)}
    for at, wanted in enumerate(message.ids):
        field = f"regB2BIds.ids[{at}]"
        _check_b2b_id(draft, wanted.value, f"{field}.value")
        if identifier_key(wanted.identifier) not in own:
            raise MessageRefused(Fault.IDENTIFIER_OF_OTHERS, f"{field}.businessIdentifier", wanted.identifier.value)
        born = _create_id(
            draft, business, wanted.value, wanted.identifier, public=wanted.public, description=wanted.description
        )
        draft.move(born, Event.ACTIVATE, Actor.NETWORK)
    after = msgspec.structs.replace(facts, b2b_ids=(*facts.b2b_ids, *(wanted.value for wanted in message.ids)))
    draft.move(business, Event.CHANGE, Actor.OWNER, facts=after)
    return draft.decision()


def search_entity(draft: Draft, message: SearchEntity) -> Decision:
    """Find active businesses that meet all criteria; private and inactive B2B IDs are not shown."""
    requestor = draft.active_b2b_id(message.requestor, "onboardingB2BIds.requestorB2BId")
    if requestor.home != draft.context.home:
        raise MessageRefused(Fault.B2B_ID_NOT_YOURS, "onboardingB2BIds.requestorB2BId", message.requestor)
    if not message.criteria:
        raise MessageRefused(Fault.SEARCH_PARAMETER, "search.criteria", "none is given")
    for at, criterion in enumerate(message.criteria):
        if criterion.parameter not in SEARCH_PARAMETERS or criterion.operator != "EXACT":
            detail = f"{criterion.parameter} {criterion.operator}"
            raise MessageRefused(Fault.SEARCH_PARAMETER, f"search.criteria[{at}].searchParameter", detail)
        asked = draft.get(b2b_key(criterion.value)) if criterion.parameter == "B2B ID" else None
        if asked is not None and not facts_of(asked, B2bIdFacts).public:
            raise MessageRefused(Fault.SEARCH_PRIVATE, f"search.criteria[{at}].value", criterion.value)
    found = [_found(draft, business) for business in draft.loaded.businesses]
    shown = tuple(one for one in found if one.active and one.b2b_ids)
    if not shown and draft.authoritative:
        raise MessageRefused(Fault.SEARCH_NOTHING, "search.criteria")
    return draft.decision(found=shown)


def meets(business: BusinessFacts, parameter: str, value: str) -> bool:
    """Tell whether a business meets one criterion of a search; texts are compared without regard to case."""
    wanted = value.strip().upper()
    by_parameter = {
        "PAN": (business.pan,),
        "B2B ID": business.b2b_ids,
        "NAME": (business.name, business.alias),
        "EMAIL": business.emails,
        "CONTACT NUMBER": business.contact_numbers,
    }
    if parameter in by_parameter:
        return bool(wanted) and wanted in {text.upper() for text in by_parameter[parameter]}
    identifiers = (business.primary, *business.others)
    return any(one.document == parameter and one.value.upper() == wanted for one in identifiers)


def decide_kyc(draft: Draft, order: DecideKyc) -> Decision:
    """Approve a business and put its B2B IDs into use, or take it and them out of use."""
    business = draft.need(order.business_id, Kind.BUSINESS, "objectId")
    draft.move(business, Event.APPROVE if order.approved else Event.REJECT, Actor.NETWORK, field="objectId")
    for value in facts_of(business, BusinessFacts).b2b_ids:
        found = draft.need(b2b_key(value), Kind.B2B_ID, "objectId")
        if order.approved and found.status == B2bIdStatus.INACTIVE:
            draft.move(found, Event.ACTIVATE, Actor.NETWORK)
        elif not order.approved and found.status == B2bIdStatus.ACTIVE:
            draft.move(found, Event.DEACTIVATE, Actor.NETWORK)
    return draft.decision()


def switch_b2b_id(draft: Draft, order: SwitchB2bId) -> Decision:
    """Put a B2B ID of an active business into use, or take one out of use: nothing new goes from it or to it then."""
    found = draft.need(b2b_key(order.b2b_id), Kind.B2B_ID, "b2bId")
    business = draft.need(facts_of(found, B2bIdFacts).business_id, Kind.BUSINESS, "b2bId")
    if order.active and business.status != BusinessStatus.ACTIVE:
        raise MessageRefused(Fault.BUSINESS_INACTIVE, "b2bId", business.status)
    draft.move(found, Event.ACTIVATE if order.active else Event.DEACTIVATE, Actor.NETWORK, field="b2bId")
    return draft.decision()
