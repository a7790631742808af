"""Wire types of approvals, approval policies and the deletion of invoices."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hundi.http.envelope import in_ist
from hundi.http.wire import Money
from hundi.invoices.approvals import MAX_REMARKS, DecisionRow
from hundi.invoices.policies import Policy

Step = Literal["MAKER", "CHECKER", "APPROVER"]
Remarks = Annotated[str, Meta(max_length=MAX_REMARKS)]
PolicyName = Annotated[str, Meta(min_length=1, max_length=100)]
Ids = list[Annotated[str, Meta(max_length=200)]]


class ApprovalAct(msgspec.Struct, kw_only=True):
    """What goes with an approval: why, and which step is meant where the caller saw the invoice a while ago."""

    remarks: Remarks | None = None
    step: Step | None = None


class RejectionAct(msgspec.Struct, kw_only=True):
    """What goes with a rejection: the reason is asked for, because somebody has to put the invoice right."""

    remarks: Annotated[str, Meta(min_length=1, max_length=MAX_REMARKS)]
    step: Step | None = None


class BulkApproval(msgspec.Struct, kw_only=True):
    """The invoices to approve."""

    invoiceIds: Ids | None = None
    remarks: Remarks | None = None


class BulkDeletion(msgspec.Struct, kw_only=True):
    """The invoices to delete (contract §4.4)."""

    invoiceIds: Ids | None = None


class PolicyCreate(msgspec.Struct, kw_only=True):
    """An approval policy: net amounts from ``fromAmount`` up to but without ``toAmount`` need these steps."""

    name: PolicyName
    steps: Annotated[list[Step], Meta(max_length=3)]
    fromAmount: Money | None = None
    toAmount: Money | None = None


class PolicyPatch(msgspec.Struct, kw_only=True):
    """Changes of a policy; ``toAmount: null`` takes the upper end away."""

    name: PolicyName | UnsetType = UNSET
    steps: Annotated[list[Step], Meta(max_length=3)] | UnsetType = UNSET
    fromAmount: Money | UnsetType = UNSET
    toAmount: Money | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET


class PolicyResponse(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A policy as kept."""

    policyId: str
    name: str
    fromAmount: Decimal
    toAmount: Decimal | None = None
    steps: list[str]
    active: bool
    createdOn: datetime | None = None
    createdBy: str

    @classmethod
    def of(cls, policy: Policy) -> "PolicyResponse":
        """Show a policy."""
        return cls(
            policyId=policy.policy_id, name=policy.name, fromAmount=policy.from_amount, toAmount=policy.to_amount,
            steps=list(policy.steps), active=policy.active, createdOn=in_ist(policy.created_at),
            createdBy=policy.created_by,
        )  # fmt: skip


class DecisionResponse(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One decision on an invoice."""

    round: int
    step: str
    decision: str
    remarks: str | None = None
    decidedBy: str
    decidedByName: str | None = None
    decidedOn: datetime | None = None

    @classmethod
    def of(cls, row: DecisionRow) -> "DecisionResponse":
        """Show a decision."""
        return cls(
            round=row.round, step=row.step, decision=row.decision, remarks=row.remarks, decidedBy=row.decided_by,
            decidedByName=row.decided_by_name, decidedOn=in_ist(row.decided_at),
        )  # fmt: skip
