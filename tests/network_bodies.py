"""Bodies of the network's messages, one good one for each of the 20 calls; every published member stands in them."""

from __future__ import annotations

import itertools
import json
from datetime import date
from typing import Any

_count = itertools.count(1)

TS = "2026-11-16T09:57:35+05:30"
DAY = date(2026, 11, 16)
DEVICE = {"tag": {"name": "GEOCODE", "value": "19.0760,72.8777"}}
INFOS = [{"name": "department", "value": "purchase"}]
GSTIN = "27AAPFU0939F1ZV"
COLLECTOR = "27AAPFU0939F1C6"
BUYER_GSTIN = "29AAACG0569P1Z3"
"""In another state: what the bodies charge is IGST."""


def json_of(text: str) -> Any:
    """Read JSON that holds amounts."""
    return json.loads(text)


def object_id(prefix: str) -> str:
    """Give an id no test has used."""
    return f"{prefix}{next(_count):032d}"


def version(current: int = 1, new: int | None = None) -> dict[str, int]:
    return {"currentVersion": current, "newVersion": current if new is None else new}


def transition(current: str = "CREATED", new: str | None = None) -> dict[str, str]:
    return {"currentStatus": current, "newStatus": current if new is None else new}


def address() -> dict[str, str]:
    return {
        "type": "REGISTERED ADDRESS", "addressLine1": "14 Bhandup Works", "addressLine2": "LBS Marg", "city": "Mumbai",
        "state": "MAHARASHTRA", "country": "INDIA", "pincode": "400078",
    }  # fmt: skip


def contact() -> dict[str, str]:
    return {"type": "MOBILE", "countryCode": "+91", "phoneNumber": "9820000000"}


def party(b2b_id: str, **more: Any) -> dict[str, Any]:
    return {
        "b2bId": b2b_id, "gstin": GSTIN, "legalName": "Sahyadri Valves", "tradeName": "Sahyadri", "stateCode": "27",
        "address": address(), "contactNumber": contact(), "email": "accounts@example.com", **more,
    }  # fmt: skip


def buyer_party(b2b_id: str) -> dict[str, Any]:
    return party(b2b_id, gstin=BUYER_GSTIN, stateCode="29", placeOfSupply="29")


def net(total: float) -> float:
    """Give the taxable value of a total with 18% of tax."""
    return round(total / 1.18, 2)


def shipping() -> dict[str, Any]:
    found = party("x")
    del found["b2bId"]
    found["lglNm"] = found.pop("legalName")
    found["trdNm"] = found.pop("tradeName")
    return found


def item(amount: float = 1180, **more: Any) -> dict[str, Any]:
    taxable = net(amount)
    return {
        "serialno": "1", "productDescription": "Gate valve 50 mm", "isService": "NO", "hsnCode": "848180",
        "barCode": "8901234567890", "quantity": 10, "freeQuantity": 0, "unit": "NOS", "unitPrice": round(taxable / 10, 2),
        "totalAmt": taxable, "assessmentAmount": taxable, "gstRate": 18, "totalItemValue": amount,
        "orderLineReference": "1", "originCountry": "IN", "productSerialNumber": "GV-1",
        "itemValueDetails": [{"type": "IGST", "value": round(amount - taxable, 2)}], "rates": [{"type": "CESS", "value": 0}],
        "batchDetails": {"batchNumber": "B-100", "expiryDate": "31/12/2027", "batchWarrantyDate": "2027-12-31"},
        "attributeDetails": [{"name": "colour", "value": "red"}],
        "otherTaxes": [{"name": "toll", "rate": 1, "amount": 2.5}],
    } | more  # fmt: skip


def invoice(supplier: str, buyer: str, total: float = 1180, **more: Any) -> dict[str, Any]:
    return {
        "objectId": object_id("INV"), "supplierInvoiceNumber": f"S/{next(_count)}", "objectVersion": version(), "ts": TS,
        "statusTransition": transition(),
        "transactionDetails": {
            "taxScheme": "GST", "supplyType": "B2B", "reverseChargeTax": "NO", "igstChargable": "NO", "ecommerceGstin": COLLECTOR,
        },
        "supplierDetails": party(supplier), "buyerDetails": buyer_party(buyer),
        "dispatchDetails": {k: v for k, v in party("x").items() if k != "b2bId"}, "shippingDetails": shipping(),
        "itemLists": [item(total)],
        "valueDetails": {
            "assessmentValue": net(total), "totalInvoiceValue": total, "otherValues": [{"type": "ROUND OFF", "value": -0.2}],
        },
        "supplierBankAccountDetails": {
            "maskedAccountNumber": "3307", "ifsc": "HDFC0000001", "beneficiaryName": "Sahyadri",
            "businessVPA": "sahyadri@example",
        },
        "advancePaymentDetails": {
            "payeeName": "Sahyadri", "mode": "NEFT", "paymentTerms": "30 days", "paymentInstruction": "quote the number",
            "creditTransfer": "yes", "directDebit": "no", "creditDays": 30, "paidAmount": 0, "pendingDueAmount": 0,
        },
        "invoiceReferenceDetails": {
            "invoiceRemarks": "as ordered", "invoiceStartDate": "01/11/2026", "invoiceEndDate": "30/11/2026",
        },
        "precedingInvoiceDetails": [{"invoiceNumber": "S/0", "date": "01/10/2026", "otherReferenceNo": "R1"}],
        "poDetails": [{"buyerPoId": "PO/1", "poDate": "01/11/2026"}],
        "contractReferenceDetails": [{
            "receiptAdviceNo": "RA1", "receiptAdviceDate": "01/11/2026", "batchReferenceNo": "B1",
            "contractReferenceNo": "C1", "extraReferenceNo": "E1", "projectReferenceNo": "P1",
        }],
        "additionalDocumentDetails": [{"url": "https://example.com/a.pdf", "document": "aGVsbG8=", "info": "drawing"}],
        "exportDetails": {
            "shipBillNo": "SB1", "shipBillDate": "01/11/2026", "port": "INBOM1", "refundClaim": "N",
            "foreignCurrency": "USD", "countryCode": "US", "exportDuty": 0,
        },
        "ewayBillDetail": {
            "transporterId": "T1", "transporterName": "Carriers", "transportMode": "1", "distance": 120,
            "transportDocumentNo": "LR1", "transportDocumentDate": "01/11/2026", "vehicleNo": "MH01AB1234",
            "vehicleType": "R",
        },
        "recurringPayments": {
            "originalInvoiceId": "S/0", "frequency": "MONTHLY", "startDate": "01/11/2026", "endDate": "01/11/2027",
            "mandateDetails": "none", "mandateExecutionDate": "05/11/2026", "mandateAmount": 100,
        },
        "paymentMilestones": [{"milestoneDate": "30/11/2026", "dueAmount": total}],
        "shippingTermsDetails": {"terms": "FOB", "bearingParty": "BUYER", "charges": 0},
        "invoiceFinancingDetails": {"dueAmount": total, "financingRequestAmount": 0},
        "einvoiceResponse": "signed", "eInvoiceInfo": {"schemaVersion": "1.1", "irnTs": TS},
    } | more  # fmt: skip


def ids(supplier: str, buyer: str) -> dict[str, str]:
    return {"buyerB2BId": buyer, "supplierB2BId": supplier}


def send_invoice(supplier: str = "SUP", buyer: str = "BUY", total: float = 1180, **more: Any) -> dict[str, Any]:
    return {
        "device": DEVICE, "b2bIds": ids(supplier, buyer), "invoice": invoice(supplier, buyer, total, **more),
        "additionalInfos": INFOS,
    }  # fmt: skip


def confirm_invoice(sent: dict[str, Any], response: str = "ACCEPT", **more: Any) -> dict[str, Any]:
    """Answer an invoice that was sent with :func:`send_invoice`."""
    made = sent["invoice"]
    return {
        "device": DEVICE, "b2bIds": sent["b2bIds"],
        "invoiceConfirmation": {
            "objectId": made["objectId"], "supplierInvoiceNumber": made["supplierInvoiceNumber"],
            "objectVersion": version(made["objectVersion"]["newVersion"]), "buyerResponse": response,
            "buyerRemarks": "seen", "statusTransition": transition("SENT TO BUYER"),
        } | more,
        "additionalInfos": INFOS,
    }  # fmt: skip


def change_invoice_status(sent: dict[str, Any], action: str = "CANCEL", status: str = "ACCEPTED") -> dict[str, Any]:
    made = sent["invoice"]
    return {
        "device": DEVICE, "b2bIds": sent["b2bIds"],
        "invoiceStatus": {
            "objectId": made["objectId"], "supplierInvoiceNumber": made["supplierInvoiceNumber"],
            "objectVersion": version(made["objectVersion"]["newVersion"]), "supplierAction": action,
            "supplierRemarks": "a slip", "statusTransition": transition(status),
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def edit_invoice(sent: dict[str, Any], total: float, status: str = "RETURNED") -> dict[str, Any]:
    before = sent["invoice"]["objectVersion"]["newVersion"]
    changed = sent["invoice"] | {
        "objectVersion": version(before, before + 1), "statusTransition": transition(status),
        "itemLists": [item(total)], "valueDetails": {"totalInvoiceValue": total},
    }  # fmt: skip
    return sent | {"invoice": changed}


def amounts(paid: float, adjusted: float) -> dict[str, Any]:
    return {"netPaidAmount": paid, "netAdjustmentAmount": adjusted, "totalAmount": paid + adjusted, "currency": "INR"}


def pay(
    sent: dict[str, Any], paid: float, splits: list[dict[str, Any]] | None = None, due: float | None = None,
    status: str = "ACCEPTED", kind: str = "OFFPLATFORM",
) -> dict[str, Any]:  # fmt: skip
    made = sent["invoice"]
    total = made["valueDetails"]["totalInvoiceValue"]
    adjusted = sum(split["value"] for split in splits or [])
    return {
        "device": DEVICE, "b2bIds": sent["b2bIds"],
        "payment": {
            "objectId": object_id("PMT"), "ts": TS, "type": kind, "mode": "NEFT", "utr": f"UTR{next(_count)}",
            "currency": "INR", "paymentAmount": amounts(paid, adjusted),
            "invoicesPayInfos": [{
                "objectId": made["objectId"], "supplierInvoiceNumber": made["supplierInvoiceNumber"],
                "objectVersion": version(made["objectVersion"]["newVersion"]),
                "statusTransition": transition(status),
                "invoiceAmount": {"dueAmount": total if due is None else due, "totalAmount": total, "currency": "INR"},
                "invoicePaymentAmount": amounts(paid, adjusted) | {"splits": splits or []},
                "supplierBankAccountDetails": made["supplierBankAccountDetails"],
            }],
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def confirm_payment(sent: dict[str, Any], paid: dict[str, Any], response: str = "ACCEPT") -> dict[str, Any]:
    made, payment = sent["invoice"], paid["payment"]
    return {
        "device": DEVICE, "b2bIds": sent["b2bIds"],
        "paymentConfirmation": {
            "objectId": payment["objectId"], "ts": TS, "type": payment["type"], "supplierResponse": response,
            "supplierRemarks": "received",
            "invoiceInfos": [{
                "objectId": made["objectId"], "supplierInvoiceNumber": made["supplierInvoiceNumber"],
                "objectVersion": version(made["objectVersion"]["newVersion"]),
                "statusTransition": transition("PAYMENT INITIATED"),
            }],
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def send_order(supplier: str = "SUP", buyer: str = "BUY", total: float = 1180) -> dict[str, Any]:
    return {
        "device": DEVICE, "b2bIds": ids(supplier, buyer),
        "purchaseOrder": {
            "objectId": object_id("PUR"), "buyerPONumber": f"PO/{next(_count)}", "ts": TS, "orderDate": "01/11/2026",
            "deliveryDate": "30/11/2026", "subject": "Valves", "objectVersion": version(0),
            "poStatusTransition": transition(), "supplierDetails": party(supplier),
            "buyerDetails": buyer_party(buyer),
            "addressDetails": [{"addressType": "SHIP TO", "address": address()}], "itemLists": [item(total)],
            "poValueDetails": {"assessmentValue": 1000, "totalPOValue": total, "otherValues": []},
            "poInfos": INFOS, "contractReferenceDetails": [], "additionalDocumentDetails": [],
            "paymentMilestones": [], "shippingTermsDetails": {"terms": "FOB"}, "additionalInfos": INFOS,
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def confirm_order(sent: dict[str, Any], response: str = "ACCEPT") -> dict[str, Any]:
    made = sent["purchaseOrder"]
    return {
        "device": DEVICE, "b2bIds": sent["b2bIds"],
        "poConfirmation": {
            "objectId": made["objectId"], "buyerPONumber": made["buyerPONumber"], "supplierResponse": response,
            "supplierRemarks": "seen", "objectVersion": version(made["objectVersion"]["newVersion"]),
            "poStatusTransition": transition("SENT TO SUPPLIER"),
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def edit_order(sent: dict[str, Any], total: float, status: str = "SENT TO SUPPLIER") -> dict[str, Any]:
    before = sent["purchaseOrder"]["objectVersion"]["newVersion"]
    changed = sent["purchaseOrder"] | {
        "objectVersion": version(before, before + 1), "poStatusTransition": transition(status),
        "itemLists": [item(total)], "poValueDetails": {"totalPOValue": total},
    }  # fmt: skip
    return sent | {"purchaseOrder": changed}


def change_order_status(sent: dict[str, Any], action: str = "CLOSE", status: str = "ACCEPTED") -> dict[str, Any]:
    made = sent["purchaseOrder"]
    return {
        "device": DEVICE, "b2bIds": sent["b2bIds"],
        "poStatus": {
            "objectId": made["objectId"], "buyerPONumber": made["buyerPONumber"],
            "objectVersion": version(made["objectVersion"]["newVersion"]), "buyerAction": action,
            "buyerRemarks": "done", "poStatusTransition": transition(status),
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def send_note(supplier: str = "SUP", buyer: str = "BUY", total: float = 118) -> dict[str, Any]:
    shape = invoice(supplier, buyer, total)
    kept = {
        name: shape[name]
        for name in (
            "dispatchDetails", "shippingDetails", "supplierDetails", "buyerDetails", "itemLists",
            "supplierBankAccountDetails", "advancePaymentDetails", "invoiceReferenceDetails", "precedingInvoiceDetails",
            "poDetails", "contractReferenceDetails", "additionalDocumentDetails", "exportDetails", "ewayBillDetail",
            "recurringPayments", "paymentMilestones", "shippingTermsDetails",
        )
    }  # fmt: skip
    return {
        "device": DEVICE, "b2bIds": ids(supplier, buyer),
        "cdNote": {
            "objectId": object_id("CRN"), "noteType": "CREDIT", "supplierCDNoteNumber": f"CN/{next(_count)}",
            "objectVersion": version(0), "ts": TS, "cdNoteStatusTransition": transition(),
            "eInvoiceInfo": {"schemaVersion": "1.1"},
            "transactionDetails": {
                "taxScheme": "GST", "supplyType": "B2B", "reverseChargeTax": "NO", "igstChargable": "NO",
                "eCommerceGstin": COLLECTOR,
            },
            **kept, "cdNoteValueDetails": {"assessmentValue": net(total), "totalCDNoteValue": total, "otherValues": []},
            "additionalInfos": INFOS,
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def confirm_note(sent: dict[str, Any], response: str = "ACCEPT") -> dict[str, Any]:
    made = sent["cdNote"]
    return {
        "device": DEVICE, "b2bIds": sent["b2bIds"],
        "cdNoteConfirmation": {
            "objectId": made["objectId"], "noteType": "CREDIT", "supplierCDNoteNumber": made["supplierCDNoteNumber"],
            "objectVersion": version(made["objectVersion"]["newVersion"]), "buyerResponse": response,
            "buyerRemarks": "seen", "cdNoteStatusTransition": transition("SENT TO BUYER"),
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def change_note_status(sent: dict[str, Any]) -> dict[str, Any]:
    made = sent["cdNote"]
    return {
        "device": DEVICE, "b2bIds": sent["b2bIds"],
        "cdNoteStatus": {
            "objectId": made["objectId"], "noteType": "CREDIT", "supplierCDNoteNumber": made["supplierCDNoteNumber"],
            "objectVersion": version(made["objectVersion"]["newVersion"]), "supplierAction": "CANCEL",
            "supplierRemarks": "a slip", "cdNoteStatusTransition": transition("SENT TO BUYER"),
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def request_financing(sent: dict[str, Any], fa: str = "FA", amount: int = 1000) -> dict[str, Any]:
    return {
        "initiatorEntity": "HUND", "b2bIds": sent["b2bIds"], "device": DEVICE,
        "financeRequest": {
            "initiatorB2BId": sent["b2bIds"]["supplierB2BId"], "financingRequestId": object_id("FIN"),
            "financeId": [{"faId": fa, "financierId": ["BANK1"]}],
            "b2bPAN": {"buyerPAN": "AAPFU0939F", "supplierPAN": "AAACG0569P"}, "costOfFundBearer": "SUPPLIER",
            "financingRequestAmount": amount, "financingType": "INVOICE DISCOUNTING", "invoices": [sent["invoice"]],
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def share_bid(asked: dict[str, Any], amount: float = 1000) -> dict[str, Any]:
    request = asked["financeRequest"]
    return {
        "device": DEVICE,
        "bid": {
            "faId": request["financeId"][0]["faId"], "financingRequestId": request["financingRequestId"],
            "financingRequestAmount": request["financingRequestAmount"],
            "bidDetails": [{
                "bidId": object_id("BID"), "financierId": "BANK1", "approvedAmount": amount, "bidValue": 9.5,
                "invoiceFinDetails": [{
                    "objectId": request["invoices"][0]["objectId"], "approvedAmount": amount,
                    "financingRequestAmount": request["financingRequestAmount"],
                }],
                "financeTermDoc": "terms",
            }],
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def respond_bid(asked: dict[str, Any], bid: dict[str, Any], response: str = "ACCEPT") -> dict[str, Any]:
    request, offer = asked["financeRequest"], bid["bid"]
    return {
        "device": DEVICE,
        "bidResponse": {
            "initiatorB2BId": request["initiatorB2BId"], "financingRequestId": request["financingRequestId"],
            "faId": offer["faId"], "bidId": offer["bidDetails"][0]["bidId"],
            "financierId": offer["bidDetails"][0]["financierId"], "response": response, "remarks": "agreed",
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def identifier(value: str = GSTIN, name: str = "GSTIN") -> dict[str, str]:
    return {"documentName": name, "value": value, "registeredName": "Sahyadri Valves"}


def check_entity(pan: str = "AAACG0569P") -> dict[str, Any]:
    return {
        "initiatorEntity": "HUND", "objectId": object_id("ORG"), "device": DEVICE,
        "checkInstitute": {"docName": "PAN", "type": "COMPANY", "value": pan, "registeredName": "Sahyadri Valves"},
        "additionalInfos": INFOS,
    }  # fmt: skip


def register_entity(b2b_id: str = "SAHYADRI", pan: str = "AAACG0569P", gstin: str = GSTIN) -> dict[str, Any]:
    return {
        "initiatorEntity": "HUND", "device": DEVICE,
        "institute": {
            "objectId": object_id("ORG"), "objectVersion": version(), "name": "Sahyadri Valves", "alias": "Sahyadri",
            "defaultB2BId": b2b_id, "mccCode": "5085",
            "lei": {"documentName": "PAN", "type": "COMPANY", "value": pan, "registeredName": "Sahyadri Valves"},
            "primaryBusinessIdentifier": identifier(gstin), "otherBusinessIdentifiers": [],
            "addresses": [address()],
            "bankAccounts": [{
                "type": "DEFAULT", "accountNumber": "000111222333", "ifsc": "HDFC0000001",
                "beneficiaryName": "Sahyadri", "businessVPA": "sahyadri@example",
            }],
            "contactNumbers": [contact()], "primaryContactNumber": contact(), "emails": ["a@example.com"],
            "primaryEmail": "a@example.com", "cin": "U12345MH2020PTC123456", "dins": ["01234567"],
        },
        "additionalInfos": INFOS,
    }  # fmt: skip


def register_ids(registered: dict[str, Any], value: str = "SAHYADRI-2") -> dict[str, Any]:
    made = registered["institute"]
    return {
        "initiatorEntity": "HUND", "objectId": made["objectId"], "device": DEVICE,
        "onboardingB2BIds": {"requestorB2BId": made["defaultB2BId"]},
        "regB2BIds": {"ids": [{
            "value": value, "privacyType": "PRIVATE", "reason": "OTHER", "description": "for exports",
            "businessIdentifier": made["primaryBusinessIdentifier"],
        }]},
        "additionalInfos": INFOS,
    }  # fmt: skip


def search_entity(requestor: str = "SAHYADRI", parameter: str = "PAN", value: str = "AAACG0569P") -> dict[str, Any]:
    return {
        "initiatorEntity": "HUND", "device": DEVICE, "onboardingB2BIds": {"requestorB2BId": requestor},
        "search": {"criteria": [{"searchParameter": parameter, "operator": "EXACT", "value": value}]},
        "additionalInfos": INFOS,
    }  # fmt: skip


def every() -> dict[str, dict[str, Any]]:
    """Give one good body for each call, by the name of its protocol message."""
    sent, ordered, noted = send_invoice(), send_order(), send_note()
    asked = request_financing(sent)
    registered = register_entity()
    return {
        "CheckEntity": check_entity(), "RegisterEntity": registered, "RegisterIds": register_ids(registered),
        "SearchEntity": search_entity(), "SendInvoice": sent, "ConfirmInvoice": confirm_invoice(sent),
        "ChangeInvoiceStatus": change_invoice_status(sent), "EditInvoice": edit_invoice(sent, 590), "Pay": pay(sent, 100),
        "ConfirmPayment": confirm_payment(sent, pay(sent, 100)), "SendOrder": ordered,
        "ConfirmOrder": confirm_order(ordered), "EditOrder": edit_order(ordered, 590),
        "ChangeOrderStatus": change_order_status(ordered), "SendNote": noted, "ConfirmNote": confirm_note(noted),
        "ChangeNoteStatus": change_note_status(noted), "RequestFinancing": asked, "ShareBid": share_bid(asked),
        "RespondBid": respond_bid(asked, share_bid(asked)),
    }  # fmt: skip
