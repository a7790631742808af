"""Approval policies: which amounts need whose approval (domain §4). Of one seller no two active bands overlap."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.invoices.errors import PolicyNotFound, PolicyOverlaps
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import new_id
from hundi.kit.money import format_inr, shown

STEP_LISTS: Final = (
    ("MAKER", "CHECKER", "APPROVER"), ("MAKER", "APPROVER"), ("CHECKER", "APPROVER"), ("APPROVER",),
)  # fmt: skip
"""The steps a policy may ask for; the approver always has the last word."""

_COLUMNS: Final = "policy_id, name, from_amount, to_amount, steps, active, created_at, created_by"
_ALL: Final = f"SELECT {_COLUMNS} FROM approval_policies WHERE seller_id = $1 ORDER BY from_amount, policy_id"
_ACTIVE: Final = f"""
    SELECT {_COLUMNS} FROM approval_policies WHERE seller_id = $1 AND active ORDER BY from_amount, policy_id"""
# Who changes policies waits here for whoever else does, so that two bands that overlap cannot pass each other by.
_ONE_AT_A_TIME: Final = "SELECT 1 FROM sellers WHERE seller_id = $1 FOR UPDATE"
_INSERT: Final = """
    INSERT INTO approval_policies (seller_id, policy_id, name, from_amount, to_amount, steps, active, created_at, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, true, $7, $8)"""
_UPDATE: Final = """
    UPDATE approval_policies SET name = $3, from_amount = $4, to_amount = $5, steps = $6, active = $7
     WHERE seller_id = $1 AND policy_id = $2"""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Net amounts from ``from_amount`` up to but without ``to_amount`` (None: no end) need ``steps``, in this order."""

    policy_id: str
    name: str
    from_amount: Decimal
    to_amount: Decimal | None
    steps: tuple[str, ...]
    active: bool = True
    created_at: datetime
    created_by: str

    def holds(self, net_amount: Decimal) -> bool:
        """Tell whether an amount lies in the band of an active policy."""
        return (
            self.active and self.from_amount <= net_amount and (self.to_amount is None or net_amount < self.to_amount)
        )


def steps_for(net_amount: Decimal, policies: Sequence[Policy]) -> tuple[str, ...]:
    """Give the steps an amount needs; empty: none."""
    return next((policy.steps for policy in policies if policy.holds(net_amount)), ())


async def every(tx: Transaction) -> list[Policy]:
    """Give all policies, the lowest band first."""
    return [_policy(dict(row)) for row in await tx.fetch(_ALL, tx.seller_id)]


async def active(tx: Transaction) -> list[Policy]:
    """Give the policies in force, the lowest band first."""
    return [_policy(dict(row)) for row in await tx.fetch(_ACTIVE, tx.seller_id)]


async def create(
    tx: Transaction, who: Actor, *, name: str, from_amount: Decimal, to_amount: Decimal | None, steps: Sequence[str]
) -> Policy:
    """Put a policy in force. Raises :class:`Invalid` (400) and :class:`PolicyOverlaps` (422).

    It holds for invoices born or changed from now on; those that wait go on through the steps that are then in force.
    """
    made = Policy(
        policy_id=new_id("pol", tx.now), name=name.strip(), from_amount=from_amount, to_amount=to_amount,
        steps=tuple(steps), created_at=tx.now, created_by=who.subject,
    )  # fmt: skip
    await tx.fetchval(_ONE_AT_A_TIME, tx.seller_id)
    _check(made, await every(tx))
    await tx.execute(
        _INSERT, tx.seller_id, made.policy_id, made.name, made.from_amount, made.to_amount, list(made.steps), tx.now,
        who.subject,
    )  # fmt: skip
    await audit.record(tx, who, "policy.create", kind="policy", object_id=made.policy_id, after=_facts(made))
    await audit.emit(tx, "policy.created", kind="policy", object_id=made.policy_id, data=_facts(made))
    return made


async def change(tx: Transaction, who: Actor, policy_id: str, changes: dict[str, object]) -> Policy:
    """Change a policy's ``name``, ``from_amount``, ``to_amount``, ``steps`` or ``active``; refusals as at create."""
    await tx.fetchval(_ONE_AT_A_TIME, tx.seller_id)
    known = await every(tx)
    before = next((policy for policy in known if policy.policy_id == policy_id), None)
    if before is None:
        raise PolicyNotFound
    after = msgspec.structs.replace(before, **changes)
    _check(after, known)
    if after == before:
        return after
    await tx.execute(
        _UPDATE,
        tx.seller_id,
        policy_id,
        after.name,
        after.from_amount,
        after.to_amount,
        list(after.steps),
        after.active,
    )
    await audit.record(
        tx, who, "policy.update", kind="policy", object_id=policy_id, before=_facts(before), after=_facts(after)
    )
    await audit.emit(tx, "policy.updated", kind="policy", object_id=policy_id, data=_facts(after))
    return after


def _policy(row: dict[str, object]) -> Policy:
    return msgspec.convert(row, Policy)


def _check(made: Policy, known: Sequence[Policy]) -> None:
    problems = []
    if not made.name.strip():
        problems.append(FieldProblem("name", "REQUIRED", "Give the policy a name."))
    if made.steps not in STEP_LISTS:
        lists = "; ".join(", ".join(steps) for steps in STEP_LISTS)
        problems.append(FieldProblem("steps", "UNKNOWN_VALUE", f"Send one of: {lists}.", shown(", ".join(made.steps))))
    if made.to_amount is not None and made.to_amount <= made.from_amount:
        message = f"Send an amount above fromAmount, {format_inr(made.from_amount)}, or leave toAmount out."
        problems.append(FieldProblem("toAmount", "BAND_EMPTY", message, str(made.to_amount)))
    if problems:
        raise Invalid(problems=problems)
    for other in known:
        if made.active and other.active and other.policy_id != made.policy_id and _overlap(made, other):
            upper = "any amount" if other.to_amount is None else f"below {format_inr(other.to_amount)}"
            message = f"Policy {other.name} holds from {format_inr(other.from_amount)} to {upper}."
            raise PolicyOverlaps(problems=[FieldProblem("fromAmount", PolicyOverlaps.code, message, other.policy_id)])


def _overlap(one: Policy, other: Policy) -> bool:
    return (other.to_amount is None or one.from_amount < other.to_amount) and (
        one.to_amount is None or other.from_amount < one.to_amount
    )


def _facts(policy: Policy) -> dict[str, object]:
    return {
        "name": policy.name, "fromAmount": policy.from_amount, "toAmount": policy.to_amount,
        "steps": list(policy.steps), "active": policy.active,
    }  # fmt: skip
