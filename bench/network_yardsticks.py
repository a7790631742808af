"""What bench/network.py sends, and what it holds its figures against: pgbench with as many rows, and the time of one hop."""

from __future__ import annotations

import json
import statistics
import time
from datetime import datetime
from typing import Any

import asyncpg

from hundi.kit.gstin import gstin_with_check
from hundi.network.protocol.messages import SendInvoice
from hundi.network.wire.invoice import SendInvoice as Body
from hundi.network.wire.meaning import message_of
from hundi.network.wire.reading import read

ITEMS = 10
DEVICE = {"tag": {"name": "GEOCODE", "value": "19.0760,72.8777"}}
PAN = {"SUP": "AAACS1234P", "BUY": "AAACB1234P"}
YARD = """
CREATE TABLE IF NOT EXISTS yardstick (
    seller_id text NOT NULL, row_id text NOT NULL, at timestamptz NOT NULL, data jsonb NOT NULL,
    CONSTRAINT yardstick_pk PRIMARY KEY (seller_id, row_id));
GRANT INSERT ON yardstick TO hundi_app;"""
WRITTEN = """
    SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables
     WHERE relname LIKE 'network%' OR schemaname = 'central' OR relname IN ('events', 'audit_log', 'idempotency_keys')"""


def party(b2b_id: str) -> dict[str, Any]:
    """Give a party of an invoice."""
    return {
        "b2bId": b2b_id, "gstin": gstin_with_check(f"27{PAN[b2b_id]}1Z"), "legalName": f"{b2b_id} Ltd", "stateCode": "27",
        "address": {"addressLine1": "14 LBS Marg", "city": "Mumbai", "state": "MAHARASHTRA", "pincode": "400078"},
        "email": "accounts@example.com",
    }  # fmt: skip


def item(number: int) -> dict[str, Any]:
    """Give a line over 1,180 rupees."""
    return {
        "serialno": str(number), "productDescription": "Gate valve 50 mm", "isService": "NO", "hsnCode": "848180",
        "quantity": 10, "unit": "NOS", "unitPrice": 100, "totalAmt": 1000, "assessmentAmount": 1000, "gstRate": 18,
        "totalItemValue": 1180, "itemValueDetails": [{"type": "CGST", "value": 90}, {"type": "SGST", "value": 90}],
    }  # fmt: skip


def versions(current: int = 1) -> dict[str, int]:
    """Give an objectVersion that stays."""
    return {"currentVersion": current, "newVersion": current}


def moves(status: str) -> dict[str, str]:
    """Give a statusTransition from a status."""
    return {"currentStatus": status, "newStatus": status}


def bodies(mark: str, count: int = ITEMS) -> list[dict[str, Any]]:
    """Give the four bodies of a cycle; ``mark`` is 32 letters and digits nobody else uses."""
    shared = {"device": DEVICE, "b2bIds": {"supplierB2BId": "SUP", "buyerB2BId": "BUY"}}
    named = {"objectId": f"INV{mark}", "supplierInvoiceNumber": f"N{mark[-20:]}", "objectVersion": versions()}
    total = 1180 * count
    amount = {"netPaidAmount": total, "netAdjustmentAmount": 0, "totalAmount": total, "currency": "INR"}
    stamp = "2026-11-16T09:57:35+05:30"
    paid = {"objectId": f"PMT{mark}", "ts": stamp, "type": "OFFPLATFORM"}
    line = named | {
        "statusTransition": moves("ACCEPTED"), "invoicePaymentAmount": amount | {"splits": []},
        "invoiceAmount": {"dueAmount": total, "totalAmount": total, "currency": "INR"},
    }  # fmt: skip
    invoice = named | {
        "ts": stamp, "statusTransition": moves("CREATED"), "supplierDetails": party("SUP"),
        "buyerDetails": party("BUY") | {"placeOfSupply": "27"},
        "transactionDetails": {"taxScheme": "GST", "supplyType": "B2B"},
        "itemLists": [item(number) for number in range(1, count + 1)],
        "valueDetails": {"assessmentValue": 1000 * count, "totalInvoiceValue": total},
        "supplierBankAccountDetails": {"maskedAccountNumber": "3307", "ifsc": "HDFC0000001"},
    }  # fmt: skip
    return [
        shared | {"invoice": invoice},
        shared | {"invoiceConfirmation": named | {
            "buyerResponse": "ACCEPT", "buyerRemarks": "seen", "statusTransition": moves("SENT TO BUYER"),
        }},
        shared | {"payment": paid | {
            "mode": "NEFT", "utr": f"U{mark[-20:]}", "currency": "INR", "paymentAmount": amount, "invoicesPayInfos": [line],
        }},
        shared | {"paymentConfirmation": paid | {
            "supplierResponse": "ACCEPT", "supplierRemarks": "received",
            "invoiceInfos": [named | {"statusTransition": moves("PAYMENT INITIATED")}],
        }},
    ]  # fmt: skip


def row_script(rows: int, size: int) -> str:
    """Give pgbench a transaction that writes so many rows, each with a JSON text of so many bytes."""
    text = "x" * max(1, size - 12)
    values = ",\n".join(
        f"('CEKYARD0001', :client_id || '-' || :n || '-' || :m || '-{at}', now(), '{{\"body\": \"{text}\"}}')"
        for at in range(rows)
    )
    return (
        "\\set n random(1, 2000000000)\n\\set m random(1, 2000000000)\nbegin;\n"
        f"insert into yardstick (seller_id, row_id, at, data) values\n{values};\ncommit;\n"
    )


def send_script(seller: str, count: int) -> str:
    """Give pgbench the rows of one req-send-invoice: key, object, move, what is awaited, parcel, number, audit row, key."""
    document = json.dumps(bodies("0" * 32, count)[0]).replace("'", "''")
    own, key = f"'{seller}'", "'b-' || :client_id || '-' || :n || '-' || :m"
    invoice = f"'INVB-' || {key}"
    return (
        "\\set n random(1, 2000000000)\n\\set m random(1, 2000000000)\nbegin;\n"
        f"select bind_seller({own});\n"
        "insert into idempotency_keys (seller_id, subject, key, request_hash, created_at) "
        f"values ({own}, 'bench', {key}, '\\x00', now());\n"
        "insert into network_objects (seller_id, object_id, kind, status, version, revision, number, supplier, buyer, role, "
        "total, due, data, document, created_at, changed_at) "
        f"values ({own}, {invoice}, 'INVOICE', 'CREATED', 1, 1, {key}, 'SUP', 'BUY', 'SUPPLIER', 1, 1, '{{}}', "
        f"'{document}', now(), now());\n"
        "insert into network_events (seller_id, object_id, revision, event, actor, before, after, version, at, message_id) "
        f"values ({own}, {invoice}, 1, 'CREATE', 'SUPPLIER', '', 'CREATED', 1, now(), {key});\n"
        "insert into network_awaiting (seller_id, message_id, object_id, since) "
        f"values ({own}, {key}, {invoice}, now());\n"
        "insert into network_numbers (seller_id, receiver, lane, last) "
        f"values ({own}, 'NOBODY', {invoice}, 1);\n"
        # Due in a hundred years: the worker leaves these alone.
        "insert into network_outbox (seller_id, parcel_id, receiver, parcel, due, attempts) "
        f"values ({own}, {key}, 'NOBODY', '{document}'::text::bytea, now() + interval '100 years', 0);\n"
        "insert into audit_log (seller_id, audit_id, at, actor, action, object_kind, object_id, after, request_id) "
        f"values ({own}, 'aud_b' || {key}, now(), 'bench', 'network.bench', 'network', {invoice}, '{{}}', 'req_bench');\n"
        f"update idempotency_keys set status = 200, reply = '\\x00' where seller_id = {own} and subject = 'bench' "
        f"and key = {key};\ncommit;\n"
    )


def reading_ms(count: int, rounds: int = 9) -> float:
    """Give the milliseconds of processor time from the bytes of an invoice to the message the rules see."""
    body = json.dumps(bodies("0" * 32, count)[0]).encode()
    taken = []
    for _ in range(rounds):
        began = time.process_time_ns()
        for _ in range(50):
            message_of(read(body, Body), SendInvoice)
        taken.append((time.process_time_ns() - began) / 50 / 1e6)
    return statistics.median(taken)


HOPS = """
    WITH answers AS (
        SELECT r.xmin AS heard, r.type, r.object_id, r.data -> 'resp' ->> 'reqMsgId' AS message_id
          FROM events r WHERE r.at >= $1 AND r.at < $2 AND r.type LIKE 'network.%.resp-%'),
    taken AS (
        SELECT a.heard, a.type, a.object_id, i.xmin AS taken
          FROM answers a JOIN central.inbox i ON i.parcel_id = a.message_id)
    SELECT extract(epoch FROM pg_xact_commit_timestamp(h.heard) - pg_xact_commit_timestamp(h.taken))::float8 AS seconds
      FROM (SELECT heard, taken FROM taken
             UNION ALL
            SELECT q.xmin, t.taken
              FROM taken t
              JOIN events q ON q.object_id = t.object_id AND q.type = replace(t.type, '.resp-', '.req-')) AS h"""
"""One hop: from the commit in which the central unit took a message to the commits in which its sender had the answer and
the other company the word. PostgreSQL notes when each transaction committed (track_commit_timestamp)."""


async def hops(owner: asyncpg.Connection, since: datetime, until: datetime) -> list[float]:
    """Give the seconds of each hop whose delivery was taken in between the two instants."""
    return [row["seconds"] for row in await owner.fetch(HOPS, since, until)]


def percentile(values: list[float], share: float) -> float:
    """Give the milliseconds below which that share of some seconds lies."""
    return sorted(values)[int(len(values) * share)] * 1000
