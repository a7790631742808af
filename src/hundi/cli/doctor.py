"""`hundi doctor`: invariants of money and state, checked in SQL, seller by seller; each finding says what is wrong where."""

from datetime import timedelta
from typing import Any, Final

import asyncpg
import msgspec

from hundi.cli.operator import each_seller
from hundi.config import Settings
from hundi.db.pool import Transaction
from hundi.documents.glyphs import FontsMissing, font_folder
from hundi.kit.clock import SystemClock
from hundi.network.central import unit

_SHOWN: Final = 20
_MONEY: Final = "('RECEIPT', 'OPENING', 'ADVANCE', 'REVERSAL')"

# Each check gives (object id, what is wrong) of at most 20 offenders. $1 is the seller.
CHECKS: Final[dict[str, str]] = {
    "balance is net amount less entries": """
        SELECT i.invoice_id, format('balance %s, net amount %s, entries %s', i.balance, i.net_amount, coalesce(e.total, 0))
          FROM invoices i
          LEFT JOIN (SELECT invoice_id, sum(amount) AS total FROM invoice_entries WHERE seller_id = $1 GROUP BY 1) e
                 ON e.invoice_id = i.invoice_id
         WHERE i.seller_id = $1 AND i.balance <> i.net_amount - coalesce(e.total, 0) LIMIT 20""",
    "total received is the sum of money entries": f"""
        SELECT i.invoice_id, format('total received %s, money entries %s', i.total_received, coalesce(e.total, 0))
          FROM invoices i
          LEFT JOIN (SELECT invoice_id, sum(amount) AS total FROM invoice_entries
                      WHERE seller_id = $1 AND kind IN {_MONEY} GROUP BY 1) e ON e.invoice_id = i.invoice_id
         WHERE i.seller_id = $1 AND i.total_received <> coalesce(e.total, 0) LIMIT 20""",
    "net amount is invoice value less tds": """
        SELECT invoice_id, format('net %s, invoice value %s, tds %s', net_amount, invoice_value, tds)
          FROM invoices WHERE seller_id = $1 AND net_amount <> invoice_value - tds LIMIT 20""",
    "receivable status says what the money says": """
        SELECT invoice_id, format('%s with a balance of %s of %s', receivable_status, balance, net_amount)
          FROM invoices
         WHERE seller_id = $1 AND ((receivable_status = 'PAID') <> (balance = 0)
               AND receivable_status NOT IN ('WRITTEN_OFF', 'CANCELLED')
            OR receivable_status = 'PENDING' AND balance < net_amount
            OR receivable_status = 'PARTIALLY_PAID' AND (balance = 0 OR balance >= net_amount)) LIMIT 20""",
    "a dispatched invoice has a delivery that was sent": """
        SELECT i.invoice_id, 'dispatched, but no delivery of it was sent'
          FROM invoices i
         WHERE i.seller_id = $1 AND i.dispatch_status = 'DISPATCHED' AND NOT EXISTS (
               SELECT 1 FROM delivery_invoices d
                 JOIN deliveries x ON x.seller_id = $1 AND x.delivery_id = d.delivery_id
                WHERE d.seller_id = $1 AND d.invoice_id = i.invoice_id AND x.state = 'SENT') LIMIT 20""",
    "a queued invoice has a delivery under way": """
        SELECT i.invoice_id, 'queued, but none of its deliveries is'
          FROM invoices i
         WHERE i.seller_id = $1 AND i.dispatch_status = 'QUEUED' AND NOT EXISTS (
               SELECT 1 FROM delivery_invoices d
                 JOIN deliveries x ON x.seller_id = $1 AND x.delivery_id = d.delivery_id
                WHERE d.seller_id = $1 AND d.invoice_id = i.invoice_id AND x.state IN ('QUEUED', 'SENDING')) LIMIT 20""",
    "a delivery is not under way for a day": """
        SELECT delivery_id, format('%s since %s', state, created_at) FROM deliveries
         WHERE seller_id = $1 AND state IN ('QUEUED', 'SENDING') AND created_at < $2::timestamptz - interval '24 hours'
         LIMIT 20""",
    "a finished import accounts for every row": """
        SELECT i.import_id, format('%s rows, chunks account for %s', i.total_count, coalesce(c.rows, 0))
          FROM imports i
          LEFT JOIN (SELECT import_id, sum(success_count + failure_count) AS rows FROM import_chunks
                      WHERE seller_id = $1 GROUP BY 1) c ON c.import_id = i.import_id
         WHERE i.seller_id = $1 AND i.state = 'DONE' AND i.total_count <> coalesce(c.rows, 0) LIMIT 20""",
    "an import is not running for an hour": """
        SELECT import_id, format('%s since %s', state, created_at) FROM imports
         WHERE seller_id = $1 AND state IN ('RECEIVED', 'RUNNING') AND created_at < $2::timestamptz - interval '1 hour'
         LIMIT 20""",
    "a dispatch moves on": """
        SELECT dispatch_id, format('%s since %s, %s of %s looked at', state, changed_at, done, cardinality(invoice_ids))
          FROM dispatch_runs
         WHERE seller_id = $1 AND state IN ('ACCEPTED', 'RUNNING') AND changed_at < $2::timestamptz - interval '1 hour'
         LIMIT 20""",
    "an invoice shows what the network says of it": """
        SELECT i.invoice_id, format('it shows %s, the network says %s', i.network_status, o.status)
          FROM network_invoices l
          JOIN network_objects o ON o.seller_id = $1 AND o.object_id = l.object_id
          JOIN invoices i ON i.seller_id = $1 AND i.invoice_id = l.invoice_id
         WHERE l.seller_id = $1 AND i.network_status IS DISTINCT FROM o.status
           AND NOT EXISTS (SELECT 1 FROM network_invoices later WHERE later.seller_id = $1
                              AND later.invoice_id = l.invoice_id AND later.round > l.round) LIMIT 20""",
    "what was settled over the network stands in the books": """
        SELECT l.invoice_id, format('settled %s over the network, written down %s', o.total - o.due, coalesce(p.total, 0))
          FROM network_invoices l
          JOIN network_objects o ON o.seller_id = $1 AND o.object_id = l.object_id
          LEFT JOIN (SELECT invoice_id, sum(amount) AS total FROM network_postings WHERE seller_id = $1 GROUP BY 1) p
                 ON p.invoice_id = l.invoice_id
         WHERE l.seller_id = $1 AND o.status <> 'FAILED' AND o.total - o.due <> coalesce(p.total, 0) LIMIT 20""",
    "a payout is paid where nothing is owed": """
        SELECT invoice_id, format('payout %s, network %s, and %s is owed: PATCH the invoice with {} to set it right',
                                  payout_status, coalesce(network_status, 'none'), balance)
          FROM invoices
         WHERE seller_id = $1
           AND (payout_status = 'PAID' AND receivable_status IN ('PENDING', 'PARTIALLY_PAID', 'DISPUTED')
            OR payout_status IN ('NOT_INITIATED', 'FAILED') AND network_status IN ('PAID', 'CLOSED')
               AND receivable_status = 'PAID') LIMIT 20""",
    "what is kept on account is more than is owed": """
        SELECT i.invoice_id, format('%s of a payment over the network is kept, %s is owed', sum(p.excess), i.balance)
          FROM network_postings p
          JOIN invoices i ON i.seller_id = $1 AND i.invoice_id = p.invoice_id
         WHERE p.seller_id = $1 AND p.excess > 0 AND i.balance > 0
           AND i.receivable_status NOT IN ('CANCELLED', 'WRITTEN_OFF')
           AND i.modified_at < $2::timestamptz - interval '1 hour'
         GROUP BY i.invoice_id, i.balance LIMIT 20""",
    "the lines of an invoice add up": """
        SELECT i.invoice_id, format('taxable value %s, lines %s', i.taxable_value, l.total)
          FROM invoices i
          JOIN (SELECT invoice_id, sum(taxable_value) AS total, count(*) AS count FROM invoice_items
                 WHERE seller_id = $1 GROUP BY 1) l ON l.invoice_id = i.invoice_id
         WHERE i.seller_id = $1 AND abs(i.taxable_value - l.total) > greatest(1, l.count * 0.005) LIMIT 20""",
    "a message is not tried again and again": """
        SELECT parcel_id, format('%s attempts, the last: %s', attempts, problem) FROM network_outbox
         WHERE seller_id = $1 AND attempts >= 5 AND problem IS NOT NULL LIMIT 20""",
    "a message has its answer within a day": """
        SELECT a.message_id, format('sent %s about %s and not answered: do the servers know each other''s keys?', a.since, a.object_id)
          FROM network_awaiting a
         WHERE a.seller_id = $1 AND a.since < $2::timestamptz - interval '24 hours'
           AND NOT EXISTS (SELECT FROM network_outbox o WHERE o.seller_id = $1 AND o.parcel_id = a.message_id)
           AND NOT EXISTS (SELECT FROM network_messages m WHERE m.seller_id = $1 AND m.message_id = a.message_id) LIMIT 20""",
    "no message was refused for good in a week": """
        SELECT parcel_id, format('%s: %s', code, detail) FROM network_refused
         WHERE seller_id = $1 AND refused_at > $2::timestamptz - interval '7 days' LIMIT 20""",
}
_FAILED_JOBS: Final = "SELECT entrypoint, count(*) FROM pgqueuer WHERE status = 'failed' GROUP BY 1 ORDER BY 1"


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong."""

    check: str
    seller_id: str | None
    object_id: str
    what: str


class Report(msgspec.Struct, frozen=True):
    """What was looked at and what was found."""

    sellers: int
    checks: int
    findings: list[Finding]

    @property
    def healthy(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.findings

    def document(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {"healthy": self.healthy, **msgspec.to_builtins(self)}

    def text(self) -> str:
        """Give one line a finding, or that all is well."""
        if self.healthy:
            return f"All well: {self.checks} checks over {self.sellers} companies."
        return "\n".join(f"{f.seller_id or 'installation'}: {f.check}: {f.object_id}: {f.what}" for f in self.findings)


async def examine(settings: Settings) -> Report:
    """Run every check over every seller."""
    findings: list[Finding] = []
    sellers = 0
    async for tx in each_seller(settings, SystemClock()):
        sellers += 1
        for check, sql in CHECKS.items():
            args = [tx.seller_id, tx.now] if "$2" in sql else [tx.seller_id]
            rows = await tx.fetch(sql, *args)
            findings += [Finding(check, tx.seller_id, row[0], row[1]) for row in rows[:_SHOWN]]
    findings += await _installation(settings)
    return Report(sellers, len(CHECKS) + 4, findings)


async def _installation(settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    try:
        font_folder()
    except FontsMissing as error:
        found.append(Finding("fonts are there", None, "fonts", str(error)))
    connection = await asyncpg.connect(settings.owner_url)
    try:
        for name, count in await connection.fetch(_FAILED_JOBS):
            what = f"{count} jobs failed for good; their tracebacks are in pgqueuer_log"
            found.append(Finding("no job has failed for good", None, name, what))
        found += await _central_unit(Transaction(connection, None, SystemClock().now()))
    finally:
        await connection.close()
    return found


async def _central_unit(tx: Transaction) -> list[Finding]:
    """Look at what the central unit of this installation has for other servers."""
    found = [
        Finding(
            "a server takes what is for it", None, server.home, f"{server.count} wait, the last try: {server.problem}"
        )
        for server in await unit.servers(tx)
        if server.problem is not None
    ]
    for row in await unit.refused(tx, tx.now - timedelta(days=7), _SHOWN):
        what = f"{row.receiver} refused it: {row.code}: {row.detail}"
        found.append(Finding("no delivery was refused for good in a week", None, row.parcel_id, what))
    return found
