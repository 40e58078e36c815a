//! The demo shop and its buyers, as the contract has them: what a merchant's server, a browser and an operator ask for.

use crate::client::{Client, Response};
use crate::stack::Stack;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The demo merchant's secret key.
pub const SECRET_KEY: &str = "sk_test_demo";
/// The demo merchant's publishable key.
pub const PUBLISHABLE_KEY: &str = "pk_test_demo";
/// The deployment's operator key.
pub const OPERATOR_KEY: &str = "op_test_demo";

/// How often a state that is waited for is looked at.
const POLL: Duration = Duration::from_millis(20);

/// The shop, and where buyers authenticate. Each thread has its own.
pub struct Shop {
    /// The worker.
    pub worker: Client,
    /// Toss's stand-in.
    pub emulator: Client,
}

/// An order that was placed.
#[derive(Clone, Debug)]
pub struct Order {
    /// Our id.
    pub id: String,
    /// What the server priced it at.
    pub amount: i64,
    /// Its status token.
    pub token: String,
    success_url: String,
    fail_url: String,
}

/// A buyer's authentication at Toss.
#[derive(Clone, Debug)]
pub struct Authentication {
    /// Toss's key.
    pub payment_key: String,
    /// Where the browser is sent, path and query.
    pub path: String,
}

impl Shop {
    /// On a running stack.
    pub fn of(stack: &Stack) -> Shop {
        Shop::at(&stack.origin, &stack.emulator)
    }

    /// At given origins.
    pub fn at(origin: &str, emulator: &str) -> Shop {
        Shop { worker: Client::new(origin), emulator: Client::new(emulator) }
    }

    /// Asks the worker with a bearer key or token.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn ask(&mut self, key: &str, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        let authorization = format!("Bearer {key}");
        let mut headers = vec![("authorization", authorization.as_str())];
        let idempotency_key = format!("e2e-{}", new_order_id());
        if method == "POST" {
            headers.push(("idempotency-key", &idempotency_key));
        }
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = body.map(Value::to_string);
        self.worker.send(method, path, &headers, body.as_deref().map(str::as_bytes))
    }

    /// Places an order of items such as `[("A", 2)]` as the merchant's server.
    ///
    /// # Errors
    /// When it is not created.
    pub fn place(&mut self, items: &[(&str, u32)]) -> Result<Order> {
        self.place_as(&new_order_id(), items)
    }

    /// The same with an id of the caller's; 201 and 200 are both right.
    ///
    /// # Errors
    /// When it is refused.
    pub fn place_as(&mut self, id: &str, items: &[(&str, u32)]) -> Result<Order> {
        let items: Vec<Value> = items
            .iter()
            .map(|(product, quantity)| json!({"productId": product, "quantity": quantity}))
            .collect();
        self.place_with(id, &json!({"items": items}))
    }

    /// The same with a body of the caller's.
    ///
    /// # Errors
    /// When it is refused.
    pub fn place_with(&mut self, id: &str, body: &Value) -> Result<Order> {
        let response = self.ask(SECRET_KEY, "PUT", &format!("/v1/orders/{id}"), Some(body))?;
        let placed = match response.status {
            200 | 201 => response.json()?,
            _ => response.expect(201)?,
        };
        let text = |pointer: &str| -> Result<String> {
            let value = placed.pointer(pointer).and_then(Value::as_str);
            Ok(value.with_context(|| format!("no {pointer} in {placed}"))?.to_owned())
        };
        Ok(Order {
            id: id.to_owned(),
            amount: placed.get("amount").and_then(Value::as_i64).context("no amount")?,
            token: text("/statusToken")?,
            success_url: text("/psp/successUrl")?,
            fail_url: text("/psp/failUrl")?,
        })
    }

    /// A buyer goes through Toss's window with the right amount.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub fn authenticate(&mut self, order: &Order) -> Result<Authentication> {
        self.authenticate_with(order, order.amount, "success")
    }

    /// The same with any amount, and `success`, `cancel` or `reject`.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub fn authenticate_with(&mut self, order: &Order, amount: i64, result: &str) -> Result<Authentication> {
        let answer = self.emulate(
            "authenticate",
            &json!({"orderId": order.id, "amount": amount, "result": result, "orderName": "상품",
                    "successUrl": order.success_url, "failUrl": order.fail_url}),
        )?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let redirect = text("redirect").context("no redirect")?;
        let path = redirect.splitn(4, '/').nth(3).map(|rest| format!("/{rest}"));
        let payment_key = text("paymentKey").unwrap_or_default();
        Ok(Authentication { payment_key, path: path.context("the redirect has no path")? })
    }

    /// The buyer's browser comes back; it must be sent on (303).
    ///
    /// # Errors
    /// When anything else is answered.
    pub fn come_back(&mut self, authentication: &Authentication) -> Result<String> {
        let response = self.worker.send("GET", &authentication.path, &[("accept", "text/html")], None)?;
        match (response.status, response.header("location")) {
            (303, Some(location)) => Ok(location.to_owned()),
            _ => bail!(
                "the return answered HTTP {}: {}",
                response.status,
                String::from_utf8_lossy(&response.body)
            ),
        }
    }

    /// Places, authenticates and comes back.
    ///
    /// # Errors
    /// When a step fails.
    pub fn buy(&mut self, items: &[(&str, u32)]) -> Result<Order> {
        let order = self.place(items)?;
        let authentication = self.authenticate(&order)?;
        self.come_back(&authentication)?;
        Ok(order)
    }

    /// The order as the merchant's server sees it.
    ///
    /// # Errors
    /// When it is not answered.
    pub fn view(&mut self, id: &str) -> Result<Value> {
        self.ask(SECRET_KEY, "GET", &format!("/v1/orders/{id}"), None)?.expect(200)
    }

    /// Looks at an order until it is as wanted.
    ///
    /// # Errors
    /// When it is not within `limit`; the error holds the last view.
    pub fn wait(&mut self, id: &str, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let since = Instant::now();
        loop {
            let view = self.view(id)?;
            if wanted(&view) {
                return Ok(view);
            }
            if since.elapsed() > limit {
                bail!("not within {limit:?}: {view}");
            }
            std::thread::sleep(POLL);
        }
    }

    /// Waits until an order is in a payment status.
    ///
    /// # Errors
    /// When it is not within `limit`.
    pub fn wait_for_status(&mut self, id: &str, status: &str, limit: Duration) -> Result<Value> {
        self.wait(id, limit, |view| view.get("paymentStatus").is_some_and(|is| is == status))
    }

    /// Asks an operator's question.
    ///
    /// # Errors
    /// When it is not answered.
    pub fn operate(&mut self, path: &str) -> Result<Value> {
        self.ask(OPERATOR_KEY, "GET", &format!("/v1/ops/{path}"), None)?.expect(200)
    }

    /// An admin call to the emulator.
    ///
    /// # Errors
    /// When it is refused.
    pub fn emulate(&mut self, path: &str, body: &Value) -> Result<Value> {
        let headers = [("content-type", "application/json")];
        let body = body.to_string();
        self.emulator
            .send("POST", &format!("/__emulator/{path}"), &headers, Some(body.as_bytes()))?
            .expect(200)
    }

    /// Arms a fault for the confirmations of one order.
    ///
    /// # Errors
    /// When it is refused.
    pub fn fault(&mut self, order: &Order, fault: &Value) -> Result<()> {
        let mut fault = fault.clone();
        let fields = fault.as_object_mut().context("a fault is an object")?;
        fields.insert("path".to_owned(), json!("/v1/payments/confirm"));
        fields.insert("orderId".to_owned(), json!(order.id));
        self.emulate("faults", &fault).map(drop)
    }

    /// The payments of an order at the emulator.
    ///
    /// # Errors
    /// When it is not answered.
    pub fn payments(&mut self, id: &str) -> Result<Vec<Value>> {
        self.emulator_list(&format!("payments?orderId={id}"), "payments")
    }

    /// The confirmations of an order that reached the emulator.
    ///
    /// # Errors
    /// When it is not answered.
    pub fn confirmations(&mut self, id: &str) -> Result<Vec<Value>> {
        let entries = self.emulator_list(&format!("journal?orderId={id}"), "entries")?;
        Ok(entries
            .into_iter()
            .filter(|entry| entry.get("path").is_some_and(|p| p == "/v1/payments/confirm"))
            .collect())
    }

    /// What all payments of an order have been charged less what was given back, in won, and how often they were charged.
    ///
    /// # Errors
    /// When it is not answered.
    pub fn charged(&mut self, id: &str) -> Result<(i64, u64)> {
        let payments = self.payments(id)?;
        let number = |payment: &Value, name: &str| payment.get(name).and_then(Value::as_i64).unwrap_or(0);
        let won = payments.iter().map(|p| number(p, "charged") - number(p, "refunded")).sum();
        let times: i64 = payments.iter().map(|p| number(p, "approvals")).sum();
        Ok((won, times.unsigned_abs()))
    }

    fn emulator_list(&mut self, path: &str, name: &str) -> Result<Vec<Value>> {
        let answer = self.emulator.send("GET", &format!("/__emulator/{path}"), &[], None)?.expect(200)?;
        Ok(answer.get(name).and_then(Value::as_array).cloned().unwrap_or_default())
    }
}

/// An order id that no other has.
pub fn new_order_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("ord_{:x}-{:x}-{count}", now.as_micros(), std::process::id())
}
