//! A payment as Toss's API shows it (`Payment`, version 2022-11-16).

use crate::moment::toss_time;
use crate::payment::{Cancel, Method, Payment, Status};
use serde_json::{Value, json};

/// The Payment object as it was after the first `cancels` refunds; `method` and its kin in English when asked for.
pub fn payment_json(payment: &Payment, cancels: usize, english: bool, public_origin: &str) -> Value {
    let balance = payment.balance_after(cancels);
    let refunds: Vec<&Cancel> = payment.cancels.iter().take(cancels).collect();
    let tax_free = payment.tax_free_amount - refunds.iter().map(|cancel| cancel.tax_free_amount).sum::<i64>();
    let vat = vat_of(balance - tax_free);
    let approved = payment.approved_at_ms.is_some();
    let last_key = refunds.last().map(|cancel| &cancel.transaction_key).or(payment.approval_key.as_ref());
    let known_method = payment.authenticated_at_ms.map(|_| payment.method);
    json!({
        "version": "2022-11-16",
        "mId": "gyesan_demo",
        "paymentKey": payment.payment_key,
        "type": "NORMAL",
        "orderId": payment.order_id,
        "orderName": payment.order_name,
        "currency": payment.currency,
        "country": "KR",
        "method": known_method.map(|method| method.label(english)),
        "status": payment.status_after(cancels),
        "requestedAt": toss_time(payment.requested_at_ms),
        "approvedAt": payment.approved_at_ms.filter(|_| !waiting(payment)).map(toss_time),
        "totalAmount": payment.total_amount,
        "balanceAmount": balance,
        "suppliedAmount": balance - tax_free - vat,
        "vat": vat,
        "taxFreeAmount": tax_free,
        "taxExemptionAmount": 0,
        "useEscrow": false,
        "cultureExpense": false,
        "isPartialCancelable": true,
        "lastTransactionKey": last_key,
        "transactionKey": last_key,
        "cancels": if refunds.is_empty() { Value::Null } else { cancels_json(payment, &refunds) },
        "card": card(payment, english),
        "easyPay": easy_pay(payment),
        "transfer": if known_method == Some(Method::Transfer) {
            json!({"bankCode": "92", "settlementStatus": "INCOMPLETED"})
        } else { Value::Null },
        "virtualAccount": if approved { virtual_account(payment, english) } else { Value::Null },
        "mobilePhone": if known_method == Some(Method::MobilePhone) {
            json!({"customerMobilePhone": "010****5678", "settlementStatus": "INCOMPLETED", "receiptUrl": null})
        } else { Value::Null },
        "giftCertificate": null,
        "cashReceipt": null,
        "cashReceipts": null,
        "discount": null,
        "secret": null,
        "metadata": payment.metadata,
        "failure": payment.failure,
        "receipt": if approved {
            json!({"url": format!("{public_origin}/receipt/{}", payment.payment_key)})
        } else { Value::Null },
        "checkout": {"url": format!("{public_origin}/window/{}", payment.session)},
    })
}

/// VAT is one eleventh of the taxed amount, rounded half up to the won.
fn vat_of(taxed: i64) -> i64 {
    (taxed * 2 + 11) / 22
}

fn waiting(payment: &Payment) -> bool {
    payment.approved_status() == Some(Status::WaitingForDeposit)
}

fn cancels_json(payment: &Payment, refunds: &[&Cancel]) -> Value {
    let mut left = payment.total_amount;
    refunds
        .iter()
        .map(|cancel| {
            left -= cancel.amount;
            json!({
                "transactionKey": cancel.transaction_key,
                "cancelReason": cancel.reason,
                "cancelAmount": cancel.amount,
                "taxFreeAmount": cancel.tax_free_amount,
                "taxExemptionAmount": 0,
                "refundableAmount": left,
                "cardDiscountAmount": 0,
                "transferDiscountAmount": 0,
                "easyPayDiscountAmount": 0,
                "canceledAt": toss_time(cancel.canceled_at_ms),
                "receiptKey": null,
                "cancelStatus": "DONE",
                "cancelRequestId": null,
            })
        })
        .collect()
}

fn card(payment: &Payment, english: bool) -> Value {
    if payment.method != Method::Card || payment.authenticated_at_ms.is_none() {
        return Value::Null;
    }
    json!({
        "amount": payment.total_amount,
        "issuerCode": "61",
        "acquirerCode": "31",
        "number": "43301234****123*",
        "installmentPlanMonths": 0,
        "approveNo": payment.approve_no.as_deref().unwrap_or("00000000"),
        "useCardPoint": false,
        "cardType": if english { "CREDIT" } else { "신용" },
        "ownerType": if english { "PERSONAL" } else { "개인" },
        "acquireStatus": "READY",
        "isInterestFree": false,
        "interestPayer": null,
    })
}

fn easy_pay(payment: &Payment) -> Value {
    let provider = match payment.method {
        Method::TossPay => "토스페이",
        Method::KakaoPay => "카카오페이",
        Method::Card | Method::Transfer | Method::VirtualAccount | Method::MobilePhone => return Value::Null,
    };
    json!({"provider": provider, "amount": payment.total_amount, "discountAmount": 0})
}

fn virtual_account(payment: &Payment, english: bool) -> Value {
    if payment.method != Method::VirtualAccount {
        return Value::Null;
    }
    json!({
        "accountType": if english { "NORMAL" } else { "일반" },
        "accountNumber": format!("X650{}", payment.approve_no.as_deref().unwrap_or("00000000")),
        "bankCode": "20",
        "customerName": null,
        "depositorName": null,
        "dueDate": toss_time(payment.requested_at_ms + 7 * 86_400_000).get(..19),
        "refundStatus": "NONE",
        "expired": false,
        "settlementStatus": "INCOMPLETED",
        "refundReceiveAccount": null,
    })
}
