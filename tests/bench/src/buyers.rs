//! Buyers with their requests made in advance, so that a timed part does nothing but send and read.

use crate::load;
use anyhow::{Context, Result, ensure};
use gyesan_e2e::client::{Client, Response};
use gyesan_e2e::shop::{PUBLISHABLE_KEY, new_order_id};
use gyesan_e2e::stack::Stack;
use serde_json::{Value, json};
use std::sync::Mutex;

/// The keys of the demo merchant at Toss's stand-in, as `Authorization` has them.
const TOSS_AUTHORIZATION: &str = "Basic dGVzdF9nc2tfZGVtbzo=";
/// Connections that prepare.
const CONNECTIONS: usize = 8;

/// What a buyer has in the cart.
#[derive(Clone, Copy)]
pub enum Cart {
    /// One line of one seller.
    OneSeller,
    /// Two lines of two sellers.
    TwoSellers,
}

impl Cart {
    /// What it costs, in won, by the demo catalogue.
    const fn amount(self) -> i64 {
        match self {
            Cart::OneSeller => 1_000,
            Cart::TwoSellers => 6_500,
        }
    }

    fn items(self) -> Value {
        match self {
            Cart::OneSeller => json!([{"productId": "A", "quantity": 1}]),
            Cart::TwoSellers => json!([{"productId": "A", "quantity": 2}, {"productId": "D", "quantity": 1}]),
        }
    }
}

/// An order that is about to be placed.
pub struct Wanted {
    /// Its id.
    pub order_id: String,
    path: String,
    body: Vec<u8>,
}

/// An order whose buyer has authenticated at Toss already: the emulator's part in the timed work is the confirmation alone.
pub struct Authenticated {
    /// The order.
    pub wanted: Wanted,
    payment_key: String,
    amount: i64,
    return_path: String,
}

/// Makes buyers for a stack.
pub struct Buyers {
    worker: String,
    emulator: String,
}

impl Buyers {
    /// For this stack.
    pub fn of(stack: &Stack) -> Buyers {
        Buyers { worker: stack.origin.clone(), emulator: stack.emulator.clone() }
    }

    /// A connection to the worker.
    pub fn to_worker(&self) -> Client {
        Client::new(&self.worker)
    }

    /// A connection to the payment provider.
    pub fn to_psp(&self) -> Client {
        Client::new(&self.emulator)
    }

    /// Orders that nobody has placed.
    pub fn wanted(&self, count: usize, cart: Cart) -> Vec<Wanted> {
        let body = json!({
            "items": cart.items(),
            "buyer": {"name": "김토스", "email": "toss@example.com", "phone": "01012345678"},
        });
        let body = body.to_string().into_bytes();
        let wanted = |_| {
            let order_id = new_order_id();
            Wanted { path: format!("/v1/orders/{order_id}"), order_id, body: body.clone() }
        };
        (0..count).map(wanted).collect()
    }

    /// Orders that nobody has placed, with buyers who will have paid for them.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub fn authenticated(&self, count: usize, cart: Cart) -> Result<Vec<Authenticated>> {
        let wanted = self.wanted(count, cart);
        let made = Mutex::new(Vec::with_capacity(count));
        let authenticate = |client: &mut Client, wanted: &Wanted| {
            let body = json!({"orderId": wanted.order_id, "amount": cart.amount()}).to_string();
            let headers = [("content-type", "application/json")];
            let answer = client.send("POST", "/__emulator/authenticate", &headers, Some(body.as_bytes()))?;
            let answer = answer.expect(200)?;
            let text = |name: &str| {
                answer.get(name).and_then(Value::as_str).context("an authentication lacks a field")
            };
            let return_path = text("redirect")?.splitn(4, '/').nth(3).context("the redirect has no path")?;
            let found = (wanted.order_id.clone(), text("paymentKey")?.to_owned(), format!("/{return_path}"));
            made.lock().map_err(|_| anyhow::anyhow!("a thread ended"))?.push(found);
            Ok(())
        };
        load::closed(CONNECTIONS, &wanted, || self.to_psp(), authenticate)?;
        let made = made.into_inner().map_err(|_| anyhow::anyhow!("a thread ended"))?;
        ensure!(made.len() == count, "{} of {count} buyers authenticated", made.len());
        let mut by_id: std::collections::HashMap<String, (String, String)> =
            made.into_iter().map(|(id, key, path)| (id, (key, path))).collect();
        let with_key = |wanted: Wanted| {
            let (payment_key, return_path) =
                by_id.remove(&wanted.order_id).context("a buyer without a payment")?;
            Ok(Authenticated { wanted, payment_key, amount: cart.amount(), return_path })
        };
        wanted.into_iter().map(with_key).collect()
    }

    /// The checkout page places the order; it must be new.
    ///
    /// # Errors
    /// When it is not created.
    pub fn place(&self, worker: &mut Client, wanted: &Wanted) -> Result<()> {
        let authorization = format!("Bearer {PUBLISHABLE_KEY}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("origin", &self.worker),
            ("content-type", "application/json"),
        ];
        expect(&worker.send("PUT", &wanted.path, &headers, Some(&wanted.body))?, 201)
    }

    /// The buyer's browser comes back from Toss; it must be sent on to the order's result page.
    ///
    /// # Errors
    /// When it is not.
    pub fn come_back(&self, worker: &mut Client, buyer: &Authenticated) -> Result<()> {
        expect(&worker.send("GET", &buyer.return_path, &[("accept", "text/html")], None)?, 303)
    }

    /// Confirms at the payment provider, as the worker does, without the worker.
    ///
    /// # Errors
    /// When the payment is not approved.
    pub fn confirm_directly(&self, psp: &mut Client, buyer: &Authenticated) -> Result<()> {
        let body = json!({"paymentKey": buyer.payment_key, "orderId": buyer.wanted.order_id, "amount": buyer.amount});
        let headers = [
            ("authorization", TOSS_AUTHORIZATION),
            ("content-type", "application/json"),
            ("idempotency-key", buyer.wanted.order_id.as_str()),
        ];
        expect(&psp.send("POST", "/v1/payments/confirm", &headers, Some(body.to_string().as_bytes()))?, 200)
    }
}

fn expect(response: &Response, status: u16) -> Result<()> {
    let is = response.status;
    ensure!(is == status, "expected HTTP {status}, got {is}: {}", String::from_utf8_lossy(&response.body));
    Ok(())
}
