import asyncio, time, sys
sys.path.insert(0,'/work/main/tests')
import make, pytest
from pathlib import Path
from mailroom import *
from hundi.config import Settings
from hundi.dispatch.mailers import OutboxMailer
PATH = "/api/v0/invoice/bulk/dispatch"
async def test_perf(seller, db, keyring, clock, tmp_path, database_urls):
    inv = await seller.invoice()
    n=10000
    await seller.run("""INSERT INTO invoices SELECT (jsonb_populate_record(i, jsonb_build_object('invoice_id','inv_'||lpad(g::text,32,'0'),'invoice_number','P-'||g,'number_key','P-'||g))).* FROM invoices i, generate_series(1,9999) g WHERE i.seller_id=$1""")
    ids=[r["invoice_id"] for r in await seller.rows("SELECT invoice_id FROM invoices WHERE seller_id=$1")]
    t=time.perf_counter()
    r=await seller.http.post(PATH,json={"invoiceIds":ids}, headers={"Idempotency-Key":"k"}, timeout=100)
    print("queue", len(ids), time.perf_counter()-t, r.json())
    t=time.perf_counter()
    r=await seller.http.post(PATH,json={"invoiceIds":ids}, timeout=100)
    print("again", time.perf_counter()-t, r.json()["payload"])
    ctx=JobContext(db=db,clock=clock,keyring=keyring,settings=Settings(base_url="http://hundi.test"),files=None,mailer=OutboxMailer(tmp_path))
    t=time.perf_counter()
    async with working(ctx,database_urls):
        await asyncio.sleep(20)
        done=await seller.value("SELECT count(*) FROM deliveries WHERE seller_id=$1 AND state='SENT'")
        print("delivered", done, time.perf_counter()-t)
    await seller.run("DELETE FROM pgqueuer WHERE convert_from(payload, 'UTF8') LIKE '%' || $1 || '%'")
