//! All payments, found by key, order or window without a scan.

use crate::payment::Payment;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::HashMap;

/// Payments in the order in which they were opened, with their indexes.
#[derive(Default, Debug, Deserialize)]
#[serde(from = "Vec<Payment>")]
pub struct Book {
    payments: Vec<Payment>,
    by_key: HashMap<String, usize>,
    by_session: HashMap<String, usize>,
    by_order: HashMap<String, Vec<usize>>,
}

impl Serialize for Book {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.payments.serialize(serializer)
    }
}

impl From<Vec<Payment>> for Book {
    fn from(payments: Vec<Payment>) -> Book {
        let mut book = Book::default();
        for payment in payments {
            book.push(payment);
        }
        book
    }
}

impl Book {
    /// Adds a payment; its place in the book never changes.
    pub fn push(&mut self, payment: Payment) -> usize {
        let index = self.payments.len();
        self.by_key.insert(payment.payment_key.clone(), index);
        self.by_session.insert(payment.session.clone(), index);
        self.by_order.entry(payment.order_id.clone()).or_default().push(index);
        self.payments.push(payment);
        index
    }

    /// All payments, oldest first.
    pub fn all(&self) -> &[Payment] {
        &self.payments
    }

    /// The payment at this place, its windows brought up to date.
    pub fn at(&mut self, index: usize, clock_ms: i64) -> Option<&mut Payment> {
        let payment = self.payments.get_mut(index)?;
        payment.expire(clock_ms);
        Some(payment)
    }

    /// The payment at this place as it was last seen.
    pub fn peek(&self, index: usize) -> Option<&Payment> {
        self.payments.get(index)
    }

    /// Where the payment with this key is.
    pub fn by_key(&self, payment_key: &str) -> Option<usize> {
        self.by_key.get(payment_key).copied()
    }

    /// Where the payment of this window is.
    pub fn by_session(&self, session: &str) -> Option<usize> {
        self.by_session.get(session).copied()
    }

    /// Where the payments of this order are, oldest first.
    pub fn by_order(&self, order_id: &str) -> &[usize] {
        self.by_order.get(order_id).map_or(&[], Vec::as_slice)
    }

    /// The payment that a query by order id answers: an approved one if there is one, else the newest. Which one
    /// Toss answers when an order was authenticated more than once is not documented.
    pub fn answer_for_order(&self, order_id: &str) -> Option<usize> {
        let of_order = self.by_order(order_id);
        let approved =
            |index: &&usize| self.peek(**index).is_some_and(|payment| payment.approved_at_ms.is_some());
        of_order.iter().find(approved).or(of_order.last()).copied()
    }
}
