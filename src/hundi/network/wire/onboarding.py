"""The four onboarding messages (contract b2b §4)."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from hundi.network.wire.blocks import AdditionalInfos, Address, Block, ContactNumber, Device, ObjectVersion
from hundi.network.wire.values import (
    B2BId,
    Email,
    Ifsc,
    InstituteId,
    Mcc,
    Pan,
    Text20,
    Text50,
    Text100,
    Text256,
    Text300,
    Vpa,
    Word,
)


class PanDocument(StrEnum):
    """The one paper an entity is known by."""

    PAN = "PAN"


class EntityType(StrEnum):
    """The kinds of entity, one of them spelt as the page spells it."""

    SOLE_PROP = "SOLE PROP"
    BOI = "BOI"
    AOP = "AOP"
    HUF = "HUF"
    COMPANY = "COMPANY"
    LLP = "LLP"
    PARTNERSHIP_FIRM = "PARTNERSHIP FIRM"
    TRUST = "TRUST"
    GOVERNMENT_AGENCY = "GOVERNEMNT AGENCY"
    LOCAL_AUTHORITY = "LOCAL AUTHORITY"
    AJP = "AJP"


class IdentifierName(StrEnum):
    """The papers a business may be identified by."""

    GSTIN = "GSTIN"
    UDYAM = "UDYAM"
    SHOP = "SHOP ESTABLISHMENT NUMBER"
    TAN = "TAN"
    FSSAI = "FSSAI"


class PrivacyType(StrEnum):
    """Whether searches may find a B2B ID."""

    PUBLIC = "PUBLIC"
    PRIVATE = "PRIVATE"


class SearchParameter(StrEnum):
    """What a search may ask for (contract b2b §4.4)."""

    PAN = "PAN"
    B2B_ID = "B2B ID"
    GSTIN = "GSTIN"
    TAN = "TAN"
    FSSAI = "FSSAI"
    SHOP = "SHOP ESTABLISHMENT NUMBER"
    UDYAM = "UDYAM"
    NAME = "NAME"
    EMAIL = "EMAIL"
    CONTACT_NUMBER = "CONTACT NUMBER"


class SearchOperator(StrEnum):
    """How a search compares; only EXACT is published."""

    EXACT = "EXACT"


class CheckInstitute(Block):
    """The entity that is asked about."""

    docName: PanDocument
    type: EntityType
    value: Pan
    registeredName: Text256


class CheckEntity(Block):
    """Check Entity: is this PAN on the network already?"""

    initiatorEntity: Text100
    objectId: InstituteId
    device: Device
    checkInstitute: CheckInstitute
    additionalInfos: AdditionalInfos | None = None


class Lei(Block):
    """The legal entity's identifier: its PAN."""

    documentName: PanDocument
    type: EntityType
    value: Pan
    registeredName: Text256


class BusinessIdentifier(Block):
    """A paper and its number."""

    documentName: IdentifierName
    value: Text100
    registeredName: Text256


class BankAccount(Block):
    """An account of the business; the five names are not published (docs/decisions/0015)."""

    type: Word | None = None
    accountNumber: Text20 | None = None
    ifsc: Ifsc | None = None
    beneficiaryName: Text100 | None = None
    businessVPA: Vpa | None = None


class Institute(Block):
    """A business that joins the network."""

    objectId: InstituteId
    objectVersion: ObjectVersion
    name: Text256
    defaultB2BId: B2BId
    mccCode: Mcc
    lei: Lei
    primaryBusinessIdentifier: BusinessIdentifier
    addresses: Annotated[list[Address], Meta(min_length=1, max_length=50)]
    bankAccounts: Annotated[list[BankAccount], Meta(min_length=1, max_length=50)]
    alias: Text256 | None = None
    otherBusinessIdentifiers: Annotated[list[BusinessIdentifier], Meta(max_length=50)] | None = None
    contactNumbers: Annotated[list[ContactNumber], Meta(max_length=20)] | None = None
    primaryContactNumber: ContactNumber | None = None
    emails: Annotated[list[Email], Meta(max_length=20)] | None = None
    primaryEmail: Email | None = None
    cin: Text50 | None = None
    dins: Annotated[list[Text20], Meta(max_length=50)] | None = None


class RegisterEntity(Block):
    """Register Entity: a business joins, with its first B2B ID."""

    initiatorEntity: Text100
    device: Device
    institute: Institute
    additionalInfos: AdditionalInfos | None = None


class OnboardingB2BIds(Block):
    """Who asks, by B2B ID."""

    requestorB2BId: B2BId


class NewB2BId(Block):
    """A further B2B ID."""

    value: B2BId
    privacyType: PrivacyType
    reason: Word
    description: Text300
    businessIdentifier: BusinessIdentifier


class NewB2BIds(Block):
    """The further B2B IDs that are wanted."""

    ids: Annotated[list[NewB2BId], Meta(min_length=1, max_length=50)]


class RegisterIds(Block):
    """Registration ID: further B2B IDs for a business."""

    initiatorEntity: Text100
    objectId: InstituteId
    device: Device
    onboardingB2BIds: OnboardingB2BIds
    regB2BIds: NewB2BIds
    additionalInfos: AdditionalInfos | None = None


class Criterion(Block):
    """One condition of a search."""

    searchParameter: SearchParameter
    operator: SearchOperator
    value: Text100


class Search(Block):
    """The conditions of a search; all must hold."""

    criteria: Annotated[list[Criterion], Meta(min_length=1, max_length=10)]


class SearchEntity(Block):
    """Search Entity: find businesses and their public B2B IDs."""

    onboardingB2BIds: OnboardingB2BIds
    search: Search
    initiatorEntity: Text100 | None = None
    device: Device | None = None
    additionalInfos: AdditionalInfos | None = None
