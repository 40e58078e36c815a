//! The routes of Gyesan that a browser calls: `checkout/config`, `quotes`, `orders`.

use crate::json::{Json, Writer, array};
use crate::options::CartItem;
use gloo_net::http::{RequestBuilder, Response};
use gyesan_core::api::{Line, OrderStatus, PaymentStatus};
use gyesan_core::id::SellerId;
use gyesan_core::money::Amount;
use gyesan_core::page::Failure;
use gyesan_core::problem::{Code, Language};
use js_sys::Promise;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

/// How long an answer is waited for, in milliseconds.
const ANSWER_MS: u32 = 15_000;

/// Where the API is, and who asks.
#[derive(Clone, Debug)]
pub struct Client {
    /// Origin of the API, without a slash at the end.
    pub api: String,
    /// The publishable key.
    pub key: String,
    /// The language of the problems' titles.
    pub language: Language,
}

/// A request that brought nothing.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What it means to the page.
    pub failure: Failure,
    /// The server's sentence for a person, in the client's language.
    pub title: String,
    /// The fields at fault: JSON pointer and code.
    pub errors: Vec<(String, Option<Code>)>,
}

/// What the page needs of `GET /v1/checkout/config`.
#[derive(Clone, Debug)]
pub struct Config {
    /// The shop's name.
    pub shop: String,
    /// The shop's id.
    pub merchant_id: String,
    /// The PSP's public key.
    pub client_key: String,
    /// The PSP's script.
    pub sdk_url: String,
    /// Who the buyer is to the PSP.
    pub customer_key: String,
}

/// What the page needs of `POST /v1/quotes`.
#[derive(Clone, Debug)]
pub struct Quote {
    /// The lines, in the order asked for.
    pub lines: Vec<Line>,
    /// Sum of the lines before the coupon.
    pub gross_amount: Amount,
    /// What the coupon takes off.
    pub discount: Amount,
    /// What the buyer pays.
    pub amount: Amount,
}

/// What the page needs of an order, placed or asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// The caller's id.
    pub order_id: String,
    /// As on the card statement.
    pub order_name: String,
    /// The order's price.
    pub quote: Quote,
    /// Where the payment stands.
    pub payment_status: PaymentStatus,
    /// Where the order stands.
    pub order_status: OrderStatus,
    /// Reads the order; empty in the answer of a GET.
    pub status_token: String,
    /// Where the PSP sends the buyer after authentication.
    pub success_url: String,
    /// Where the PSP sends the buyer after a refusal.
    pub fail_url: String,
    /// `카드`, when paid.
    pub method: Option<String>,
    /// RFC 3339, when paid.
    pub approved_at: Option<String>,
    /// The buyer's receipt at the PSP.
    pub receipt_url: Option<String>,
    /// The PSP's words about the last refusal.
    pub failure: Option<String>,
    /// Whether the same order can be tried again after it.
    pub retryable: bool,
    /// Where the merchant wants the buyer back.
    pub return_url: Option<String>,
}

/// What `PUT /v1/orders/{orderId}` is sent with.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// The items.
    pub items: Vec<CartItem>,
    /// The coupon.
    pub coupon: Option<String>,
    /// The merchant's member.
    pub member: Option<String>,
    /// Where the merchant wants the buyer back.
    pub return_url: Option<String>,
    /// Name, e-mail and phone.
    pub buyer: (String, String, String),
    /// The tab's former order.
    pub replaces: Option<String>,
}

impl Refusal {
    fn of(failure: Failure) -> Refusal {
        Refusal { failure, title: String::new(), errors: Vec::new() }
    }

    /// A refusal with one of the contract's codes.
    pub fn problem(code: Code) -> Refusal {
        Refusal::of(Failure::Problem(code))
    }

    /// The code, when it is one of the contract's.
    pub fn code(&self) -> Option<Code> {
        match self.failure {
            Failure::Problem(code) => Some(code),
            Failure::Offline | Failure::Unexpected => None,
        }
    }
}

impl Client {
    /// The configuration; `sent` is the loader's own request for it.
    ///
    /// # Errors
    /// The server's refusal, or no answer.
    pub async fn config(&self, sent: Option<Promise>) -> Result<Config, Refusal> {
        let body = match sent {
            Some(sent) => read(arrived(sent).await?).await?,
            None => self.send(RequestBuilder::new(&self.url("/v1/checkout/config")), None).await?,
        };
        let psp = body.get("psp");
        let merchant = body.get("merchant");
        Ok(Config {
            shop: merchant.text_of("name"),
            merchant_id: merchant.text_of("id"),
            client_key: psp.get("clientKey").text().ok_or(Refusal::of(Failure::Unexpected))?,
            sdk_url: psp.text_of("sdkUrl"),
            customer_key: psp.text_of("customerKey"),
        })
    }

    /// The price of a cart; `sent` is the loader's own request for it.
    ///
    /// # Errors
    /// The server's refusal, or no answer.
    pub async fn quote(
        &self,
        sent: Option<Promise>,
        items: &[CartItem],
        coupon: Option<&str>,
    ) -> Result<Quote, Refusal> {
        let body = match sent {
            Some(sent) => read(arrived(sent).await?).await?,
            None => {
                let request =
                    Writer::default().set("items", items_json(items)).set_some("couponCode", coupon);
                let url = self.url("/v1/quotes");
                self.send(
                    RequestBuilder::new(&url).method(gloo_net::http::Method::POST),
                    Some(request.text()),
                )
                .await?
            }
        };
        quote(&body).ok_or(Refusal::of(Failure::Unexpected))
    }

    /// Places an order; may be repeated with the same id.
    ///
    /// # Errors
    /// The server's refusal, or no answer.
    pub async fn place(&self, order_id: &str, new: &NewOrder) -> Result<Order, Refusal> {
        let (name, email, phone) = &new.buyer;
        let buyer = Writer::default()
            .set("name", name.as_str())
            .set("email", email.as_str())
            .set("phone", phone.as_str());
        let request = Writer::default()
            .set("items", items_json(&new.items))
            .set("buyer", buyer.value())
            .set_some("couponCode", new.coupon.as_deref())
            .set_some("memberId", new.member.as_deref())
            .set_some("returnUrl", new.return_url.as_deref())
            .set_some("replaces", new.replaces.as_deref());
        let builder = RequestBuilder::new(&self.order_url(order_id)).method(gloo_net::http::Method::PUT);
        let body = self.send(builder, Some(request.text())).await?;
        order(&body).ok_or(Refusal::of(Failure::Unexpected))
    }

    /// The order, read with its status token.
    ///
    /// # Errors
    /// The server's refusal, or no answer.
    pub async fn order(&self, order_id: &str, token: &str) -> Result<Order, Refusal> {
        let client = Client { key: token.to_owned(), ..self.clone() };
        let body = client.send(RequestBuilder::new(&self.order_url(order_id)), None).await?;
        order(&body).ok_or(Refusal::of(Failure::Unexpected))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api)
    }

    fn order_url(&self, order_id: &str) -> String {
        self.url(&format!("/v1/orders/{}", String::from(js_sys::encode_uri_component(order_id))))
    }

    async fn send(&self, builder: RequestBuilder, body: Option<String>) -> Result<Json, Refusal> {
        let offline = |_| Refusal::of(Failure::Offline);
        let limit = web_sys::AbortSignal::timeout_with_u32(ANSWER_MS);
        let builder = builder
            .header("Authorization", &format!("Bearer {}", self.key))
            .header("Accept-Language", self.language.tag())
            .abort_signal(Some(&limit));
        let request = match body {
            Some(body) => builder.header("Content-Type", "application/json").body(body),
            None => builder.build(),
        };
        read(request.map_err(offline)?.send().await.map_err(offline)?).await
    }
}

/// The answer to a request that the loader has sent.
async fn arrived(sent: Promise) -> Result<Response, Refusal> {
    let response = JsFuture::from(sent).await.map_err(|_| Refusal::of(Failure::Offline))?;
    response.dyn_into::<web_sys::Response>().map(Response::from).map_err(|_| Refusal::of(Failure::Offline))
}

async fn read(response: Response) -> Result<Json, Refusal> {
    let text = response.text().await.map_err(|_| Refusal::of(Failure::Offline))?;
    let body = Json::parse(&text);
    if response.ok() {
        return body.ok_or(Refusal::of(Failure::Unexpected));
    }
    let Some(body) = body else { return Err(Refusal::of(Failure::Unexpected)) };
    Err(Refusal {
        failure: code(&body).map_or(Failure::Unexpected, Failure::Problem),
        title: body.text_of("title"),
        errors: body
            .get("errors")
            .items()
            .iter()
            .map(|error| (error.text_of("pointer"), code(error)))
            .collect(),
    })
}

fn code(problem: &Json) -> Option<Code> {
    let text = problem.get("code").text()?;
    Code::ALL.iter().find(|code| code.as_str() == text).copied()
}

fn items_json(items: &[CartItem]) -> wasm_bindgen::JsValue {
    array(items.iter().map(|item| {
        Writer::default().set("productId", item.product_id.as_str()).set("quantity", item.quantity).value()
    }))
}

fn quote(body: &Json) -> Option<Quote> {
    let lines = body.get("lines").items().iter().map(line).collect::<Option<Vec<Line>>>()?;
    Some(Quote {
        lines,
        gross_amount: body.get("grossAmount").amount()?,
        discount: body.get("discount").amount()?,
        amount: body.get("amount").amount()?,
    })
}

fn line(body: &Json) -> Option<Line> {
    Some(Line {
        product_id: body.get("productId").text(),
        name: body.get("name").text()?,
        unit_price: body.get("unitPrice").amount()?,
        quantity: body.get("quantity").count()?,
        gross_amount: body.get("grossAmount").amount()?,
        discount: body.get("discount").amount()?,
        amount: body.get("amount").amount()?,
        seller_id: SellerId(body.text_of("sellerId")),
    })
}

fn order(body: &Json) -> Option<Order> {
    let psp = body.get("psp");
    let failure = body.get("failure");
    Some(Order {
        order_id: body.get("orderId").text()?,
        order_name: body.text_of("orderName"),
        quote: quote(body)?,
        payment_status: payment_status(&body.text_of("paymentStatus"))?,
        order_status: order_status(&body.text_of("orderStatus")),
        status_token: body.text_of("statusToken"),
        success_url: psp.text_of("successUrl"),
        fail_url: psp.text_of("failUrl"),
        method: body.get("method").get("label").text(),
        approved_at: body.get("approvedAt").text(),
        receipt_url: body.get("receiptUrl").text().filter(|url| url.starts_with("http")),
        failure: failure.get("message").text(),
        retryable: failure.get("retryable").is_true(),
        return_url: body.get("returnUrl").text().filter(|url| url.starts_with("http")),
    })
}

fn payment_status(text: &str) -> Option<PaymentStatus> {
    match text {
        "NOT_STARTED" => Some(PaymentStatus::NotStarted),
        "EXECUTING" => Some(PaymentStatus::Executing),
        "SUCCESS" => Some(PaymentStatus::Success),
        "FAILURE" => Some(PaymentStatus::Failure),
        "UNKNOWN" => Some(PaymentStatus::Unknown),
        _ => None,
    }
}

/// Statuses after the payment (shipping and so on) are all "paid" to this page.
fn order_status(text: &str) -> OrderStatus {
    match text {
        "ORDER_COMPLETED" => OrderStatus::Completed,
        "ORDER_CANCELED" => OrderStatus::Canceled,
        "ORDER_EXPIRED" => OrderStatus::Expired,
        _ => OrderStatus::PaymentCompleted,
    }
}
