async def test_smoke(seller, client):
    r = await client.get("/readyz")
    assert r.status_code == 200, r.text
    inv = await seller.invoice()
    print(inv)
    r = await seller.http.get(f"/api/v0/invoice/{inv['invoiceId']}")
    assert r.json()["payload"] == inv
