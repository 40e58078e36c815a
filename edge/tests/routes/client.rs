//! A small client: sends a request to the world and reads the answer.

use crate::world::World;
use http::{HeaderMap, Request};
use serde_json::{Value, json};

pub const PK: &str = "pk_test_demo";
pub const SK: &str = "sk_test_demo";
pub const OP: &str = "op_test_demo";

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Pointers and codes of the faults of single fields.
    pub fn faults(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|fault| (text(&fault["pointer"]), text(&fault["code"]))).collect()
    }
}

impl World {
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.send(request.body(body).unwrap());
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(body).unwrap(),
        }
    }

    pub fn get(&self, path: &str, key: &str) -> Answer {
        self.request("GET", path, &[("authorization", &format!("Bearer {key}"))], Vec::new())
    }

    pub fn write(&self, method: &str, path: &str, key: &str, more: &[(&str, &str)], body: &Value) -> Answer {
        let authorization = format!("Bearer {key}");
        let mut headers =
            vec![("authorization", authorization.as_str()), ("content-type", "application/json")];
        headers.extend_from_slice(more);
        self.request(method, path, &headers, body.to_string().into_bytes())
    }

    pub fn put_order(&self, order_id: &str, body: &Value) -> Answer {
        self.write("PUT", &format!("/v1/orders/{order_id}"), PK, &[], body)
    }

    /// An order of two of A and one of D: 6,500 won. Returns its status token.
    pub fn order(&self, order_id: &str) -> String {
        let answer = self.put_order(order_id, &cart());
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["statusToken"].as_str().unwrap().to_owned()
    }

    pub fn confirm(
        &self,
        key: &str,
        idempotency_key: &str,
        payment_key: &str,
        order_id: &str,
        amount: i64,
    ) -> Answer {
        let body = json!({"paymentKey": payment_key, "orderId": order_id, "amount": amount});
        self.write("POST", "/v1/payments/confirm", key, &[("idempotency-key", idempotency_key)], &body)
    }

    pub fn come_back(&self, order_id: &str, payment_key: &str, amount: &str) -> Answer {
        let path = format!(
            "/payments/success?paymentType=NORMAL&orderId={order_id}&paymentKey={payment_key}&amount={amount}"
        );
        self.request("GET", &path, &[], Vec::new())
    }

    pub fn view(&self, order_id: &str) -> Value {
        let answer = self.get(&format!("/v1/orders/{order_id}"), SK);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    pub fn trial_balance(&self) -> Value {
        self.get("/v1/ops/ledger/trial-balance", OP).json()
    }
}

pub fn cart() -> Value {
    json!({"items": [{"productId": "A", "quantity": 2}, {"productId": "D", "quantity": 1}]})
}
