"""Partner grants: which other company may act for this one, and as what (design §4.1)."""

from collections.abc import Sequence
from typing import Any, Final

from hundi.audit.service import emit, record
from hundi.auth import queries as directory
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.keys import hash_secret
from hundi.sellers import queries
from hundi.sellers.errors import GrantNotFound, SellerNotFound
from hundi.sellers.people import check_may_give, check_roles
from hundi.sellers.rows import GrantRow
from hundi.sellers.service import grant_partner

_END: Final = """
    UPDATE partner_grants SET revoked_at = $3 WHERE seller_id = $1 AND partner_seller_id = $2 AND revoked_at IS NULL
    RETURNING true"""


async def give(tx: Transaction, who: Actor, partner: str, roles: Sequence[str]) -> GrantRow:
    """Let another company of this installation act for this one; a grant there was is replaced.

    Raises ``Invalid`` (unknown roles, owner, this company itself), ``SellerNotFound``, ``OwnPeopleOnly``.
    """
    problems = check_roles(roles, grantable=True)
    if partner == tx.seller_id:
        message = "Name another company; this one needs no grant for itself."
        problems.append(FieldProblem("partnerSellerId", "OWN_COMPANY", message, partner))
    if problems:
        raise Invalid(problems=problems)
    check_may_give(who, roles)
    await queries.lock(tx)
    if await directory.seller_of(tx, "seller", hash_secret(partner)) is None:
        message = "There is no such company in this installation."
        raise SellerNotFound(problems=[FieldProblem("partnerSellerId", SellerNotFound.code, message, partner)])
    before = {row.partner_seller_id: row for row in await queries.grants(tx)}.get(partner)
    await grant_partner(tx, partner=partner, roles=sorted(set(roles)), granted_by=who.subject)
    after = await queries.grant(tx, partner)
    was = _facts(before) if before and before.revoked_at is None else None
    await record(tx, who, "grant.give", kind="grant", object_id=partner, before=was, after=_facts(after))
    await emit(tx, "grant.given", kind="grant", object_id=partner, data=_facts(after))
    return after


async def end(tx: Transaction, who: Actor, partner: str) -> GrantRow:
    """End another company's access; its next request is refused. Raises ``GrantNotFound``, ``OwnPeopleOnly``."""
    check_may_give(who, ())
    await queries.lock(tx)
    before = await queries.grant(tx, partner)
    if not await tx.fetchval(_END, tx.seller_id, partner, tx.now):
        raise GrantNotFound
    await record(tx, who, "grant.end", kind="grant", object_id=partner, before=_facts(before))
    await emit(tx, "grant.ended", kind="grant", object_id=partner, data=_facts(before))
    return await queries.grant(tx, partner)


def _facts(row: GrantRow) -> dict[str, Any]:
    return {"roles": row.roles}
