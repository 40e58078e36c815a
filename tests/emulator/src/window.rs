//! What a browser meets: the SDK script, its one call, the payment window and the receipt.

use crate::admin::is_order_id;
use crate::emulator::{AuthenticationResult, Emulator, Opened};
use crate::exchange::{Delivery, Request};
use crate::moment::toss_time;
use crate::payment::{Method, Payment, Status};
use serde::Deserialize;
use serde_json::{Value, json};

const SDK: &str = include_str!("window/sdk.js");
const PAGE: &str = include_str!("window/page.html");
const PAYING: &str = include_str!("window/paying.html");
const RECEIPT: &str = include_str!("window/receipt.html");

/// Takes one request of a browser.
pub fn handle(emulator: &mut Emulator, now_ms: i64, request: &Request) -> Delivery {
    let route = request.route().trim_start_matches('/');
    let segments: Vec<&str> = route.split('/').collect();
    let english = request.query("lang").as_deref() == Some("en");
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["v2", "standard"]) => {
            let script = SDK.replace("__PUBLIC_ORIGIN__", &emulator.settings.public_origin);
            Delivery::typed(200, "text/javascript; charset=utf-8", script)
                .with_header("access-control-allow-origin", "*")
                .with_header("cross-origin-resource-policy", "cross-origin")
        }
        ("OPTIONS", ["sdk", "payments"]) => {
            allow(emulator, Delivery::typed(204, "text/plain", String::new()))
        }
        ("POST", ["sdk", "payments"]) => {
            let answer = open(emulator, now_ms, request);
            allow(emulator, answer)
        }
        ("GET", ["window", session]) => show(emulator, now_ms, session, english),
        ("POST", ["window", session, "approve"]) => {
            leave(emulator, now_ms, session, AuthenticationResult::Success, english)
        }
        ("POST", ["window", session, "cancel"]) => {
            leave(emulator, now_ms, session, AuthenticationResult::Cancel, english)
        }
        ("POST", ["window", session, "decline"]) => {
            leave(emulator, now_ms, session, AuthenticationResult::Reject, english)
        }
        ("GET", ["receipt", payment_key]) => receipt(emulator, payment_key),
        _ => message(404, "페이지를 찾을 수 없어요", "Page not found", english),
    }
}

fn allow(emulator: &Emulator, delivery: Delivery) -> Delivery {
    delivery
        .with_header("access-control-allow-origin", &emulator.settings.allow_origin)
        .with_header("access-control-allow-methods", "POST, OPTIONS")
        .with_header("access-control-allow-headers", "content-type")
        .with_header("access-control-max-age", "600")
}

/// What the SDK sends; what it sends beyond this (card options, window target) changes nothing here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentRequest {
    client_key: String,
    order_id: String,
    order_name: String,
    amount: RequestedAmount,
    #[serde(default = "card")]
    method: Method,
    success_url: String,
    fail_url: String,
    metadata: Option<Value>,
    #[serde(default)]
    tax_free_amount: i64,
    #[serde(default)]
    language: String,
}

#[derive(Deserialize)]
struct RequestedAmount {
    currency: String,
    value: i64,
}

fn card() -> Method {
    Method::Card
}

/// The SDK's one call: opens a window and answers its address.
fn open(emulator: &mut Emulator, now_ms: i64, request: &Request) -> Delivery {
    let refuse = |status: u16, code: &str, message: &str| {
        Delivery::json(status, json!({"code": code, "message": message}).to_string())
    };
    let wanted: PaymentRequest = match serde_json::from_str(&request.body) {
        Ok(wanted) => wanted,
        Err(error) => return refuse(400, "INVALID_PARAMETER", &error.to_string()),
    };
    if wanted.client_key != emulator.settings.client_key {
        return refuse(401, "INVALID_CLIENT_KEY", "잘못된 클라이언트 연동 정보입니다.");
    }
    if !is_order_id(&wanted.order_id) {
        let message = "`orderId`는 영문 대소문자, 숫자, 특수문자(-, _)로 이루어진 6자 이상 64자 이하의 문자열이어야 합니다.";
        return refuse(400, "INVALID_ORDER_ID", message);
    }
    if wanted.amount.currency != "KRW" {
        return refuse(400, "INVALID_AMOUNT_CURRENCY", "지원하지 않는 통화입니다.");
    }
    if wanted.amount.value <= 0 {
        return refuse(400, "BELOW_ZERO_AMOUNT", "금액은 0보다 커야 합니다.");
    }
    let is_address = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    if !is_address(&wanted.success_url) {
        return refuse(400, "INCORRECT_SUCCESS_URL_FORMAT", "`successUrl`은 오리진을 포함해야 합니다.");
    }
    if !is_address(&wanted.fail_url) {
        return refuse(400, "INCORRECT_FAIL_URL_FORMAT", "`failUrl`은 오리진을 포함해야 합니다.");
    }
    let lang = if wanted.language.starts_with("en") { "en" } else { "ko" };
    let index = emulator.open(
        now_ms,
        Opened {
            order_id: wanted.order_id,
            order_name: wanted.order_name,
            amount: wanted.amount.value,
            tax_free_amount: wanted.tax_free_amount,
            method: wanted.method,
            success_url: wanted.success_url,
            fail_url: wanted.fail_url,
            metadata: wanted.metadata,
        },
    );
    let session = emulator.book.peek(index).map(|payment| payment.session.as_str()).unwrap_or_default();
    let url = format!("{}/window/{session}?lang={lang}", emulator.settings.public_origin);
    Delivery::json(200, json!({"url": url}).to_string())
}

fn show(emulator: &mut Emulator, now_ms: i64, session: &str, english: bool) -> Delivery {
    let clock_ms = emulator.clock(now_ms);
    let index = emulator.book.by_session(session);
    let Some(payment) = index.and_then(|index| emulator.book.at(index, clock_ms)) else {
        return message(404, "결제 정보를 찾을 수 없어요", "This payment does not exist", english);
    };
    match payment.status {
        Status::Ready | Status::InProgress => Delivery::html(200, page(&paying(payment, english), english)),
        Status::Expired => {
            message(410, "결제 시간이 지났어요", "The time for this payment has passed", english)
        }
        Status::Aborted => message(410, "거절된 결제예요", "This payment was declined", english),
        Status::Done | Status::WaitingForDeposit | Status::Canceled | Status::PartialCanceled => {
            message(200, "이미 끝난 결제예요", "This payment is already complete", english)
        }
    }
}

fn leave(
    emulator: &mut Emulator,
    now_ms: i64,
    session: &str,
    result: AuthenticationResult,
    english: bool,
) -> Delivery {
    let index = emulator.book.by_session(session);
    match index.and_then(|index| emulator.leave_window(now_ms, index, result)) {
        Some(address) => Delivery::see_other(address),
        None => show(emulator, now_ms, session, english),
    }
}

fn receipt(emulator: &Emulator, payment_key: &str) -> Delivery {
    let approved = emulator.payment(payment_key).and_then(|payment| Some((payment, payment.approved_at_ms?)));
    let Some((payment, approved_at_ms)) = approved else {
        return message(404, "영수증을 찾을 수 없어요", "There is no such receipt", false);
    };
    let content = fill(
        RECEIPT,
        &[
            ("ORDER_NAME", &payment.order_name),
            ("ORDER_ID", &payment.order_id),
            ("METHOD", payment.method.label(false)),
            ("APPROVED_AT", &toss_time(approved_at_ms)),
            ("APPROVE_NO", payment.approve_no.as_deref().unwrap_or("")),
            ("AMOUNT", &won(payment.total_amount)),
            ("BALANCE", &won(payment.balance())),
        ],
    );
    Delivery::html(200, page(&content, false))
}

fn paying(payment: &Payment, english: bool) -> String {
    let either = |korean: &'static str, other: &'static str| if english { other } else { korean };
    let method = match payment.method {
        Method::Card => either("신용·체크카드", "Credit or debit card"),
        Method::TossPay => either("토스페이", "Toss Pay"),
        Method::KakaoPay => either("카카오페이", "Kakao Pay"),
        Method::Transfer => either("계좌이체", "Account transfer"),
        Method::VirtualAccount => either("가상계좌", "Virtual account"),
        Method::MobilePhone => either("휴대폰", "Mobile phone"),
    };
    let shop = payment.success_url.split('/').nth(2).unwrap_or_default();
    let amount =
        if english { format!("₩{}", grouped(payment.total_amount)) } else { won(payment.total_amount) };
    fill(
        PAYING,
        &[
            ("SESSION", &payment.session),
            ("LANG", if english { "en" } else { "ko" }),
            ("OTHER_LANG", if english { "ko" } else { "en" }),
            ("OTHER_LANGUAGE", if english { "한국어" } else { "English" }),
            ("SHOP", shop),
            ("ORDER_NAME", &payment.order_name),
            ("ORDER_ID", &payment.order_id),
            ("METHOD", method),
            ("AMOUNT", &amount),
            ("T_SHOP", either("상점", "Shop")),
            ("T_ORDER", either("주문번호", "Order")),
            ("T_METHOD", either("결제수단", "Method")),
            ("T_APPROVE", either("결제하기", "Pay")),
            ("T_CANCEL", either("취소", "Cancel")),
            ("T_DECLINE", either("카드 거절", "Decline the card")),
            (
                "T_DECLINE_HINT",
                either("카드사가 거절한 것처럼 끝냅니다.", "Ends as if the card company had refused."),
            ),
            (
                "T_NOTICE",
                either(
                    "이 화면은 토스페이먼츠를 대신하는 로컬 모의 결제창이에요. 실제로 결제되지 않습니다.",
                    "This is a local stand-in for Toss Payments. No real money moves.",
                ),
            ),
        ],
    )
}

fn message(status: u16, korean: &str, english_text: &str, english: bool) -> Delivery {
    let hint = if english {
        "Please go back to the shop and start again."
    } else {
        "상점으로 돌아가서 다시 시도해 주세요."
    };
    let title = if english { english_text } else { korean };
    let content = format!("<h1>{}</h1><p class=\"hint\">{hint}</p>", escape(title));
    Delivery::html(status, page(&content, english))
}

fn page(content: &str, english: bool) -> String {
    let title = if english { "Payment (stand-in)" } else { "모의 결제창" };
    PAGE.replace("{{HTML_LANG}}", if english { "en" } else { "ko" })
        .replace("{{TITLE}}", title)
        .replace("{{CONTENT}}", content)
}

/// Puts escaped values into a template; a value cannot bring a placeholder of its own, because its braces are
/// escaped too.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{{{name}}}}}"), &escape(value))
    })
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '<' | '>' | '"' | '\'' | '{' | '}' => {
                escaped.push_str(&format!("&#{};", u32::from(letter)))
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}

fn won(amount: i64) -> String {
    format!("{}원", grouped(amount))
}

/// `1234567` as `1,234,567`.
fn grouped(amount: i64) -> String {
    let digits = amount.abs().to_string();
    let mut grouped = String::from(if amount < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
