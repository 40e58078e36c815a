//! What outlives a page view within the tab: the order id of the cart, and what the buyer has typed.
//!
//! The id makes `PUT /v1/orders/{orderId}` repeatable: the same cart in the same tab is the same order, however
//! often the buyer goes to the payment window and comes back.

use crate::browser;
use crate::json::{Json, Writer};
use gyesan_core::id::ulid;

const BUYER: &str = "gyesan:buyer";
const PAGE: &str = "gyesan:page";

/// The order of a cart.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// `ord_…`.
    pub id: String,
    /// Items, coupon and member: the order's content.
    pub cart: String,
    /// Reads the order, once the server has it.
    pub token: String,
    /// The order of the tab's former cart, which this one takes the place of; empty when there is none.
    pub replaces: String,
    /// Reads that one.
    pub replaces_token: String,
}

/// What the buyer typed.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// Name.
    pub name: String,
    /// E-mail.
    pub email: String,
    /// Phone.
    pub phone: String,
}

fn read(key: &str) -> Option<Json> {
    Json::parse(&browser::storage()?.get_item(key).ok()??)
}

fn write(key: &str, text: &str) {
    if let Some(storage) = browser::storage() {
        // A full or forbidden storage only costs the memory across page views.
        let _ = storage.set_item(key, text);
    }
}

fn remove(key: &str) {
    if let Some(storage) = browser::storage() {
        let _ = storage.remove_item(key);
    }
}

fn order_key(publishable_key: &str) -> String {
    format!("gyesan:order:{publishable_key}")
}

impl Order {
    /// The order of this cart: the stored one when it is the same cart, else a new one that replaces it.
    /// `None` in a browser without cryptographic randomness.
    pub fn of_cart(former: Option<Order>, cart: &str, new_id: bool) -> Option<Order> {
        match former {
            Some(order) if order.cart == cart && !new_id => Some(order),
            former => {
                let id = ulid("ord_", browser::now_ms(), browser::random()?);
                let former = former.unwrap_or_default();
                Some(Order {
                    id,
                    cart: cart.to_owned(),
                    token: String::new(),
                    replaces: former.id,
                    replaces_token: former.token,
                })
            }
        }
    }

    /// The stored order of the tab.
    pub fn load(publishable_key: &str) -> Option<Order> {
        let stored = read(&order_key(publishable_key))?;
        Some(Order {
            id: stored.get("id").text()?,
            cart: stored.text_of("cart"),
            token: stored.text_of("token"),
            replaces: stored.text_of("replaces"),
            replaces_token: stored.text_of("replacesToken"),
        })
    }

    /// Stores it for the tab.
    pub fn save(&self, publishable_key: &str) {
        let text = Writer::default()
            .set("id", self.id.as_str())
            .set("cart", self.cart.as_str())
            .set("token", self.token.as_str())
            .set("replaces", self.replaces.as_str())
            .set("replacesToken", self.replaces_token.as_str())
            .text();
        write(&order_key(publishable_key), &text);
    }

    /// Forgets the tab's order: the next one replaces nothing.
    pub fn forget(publishable_key: &str) {
        remove(&order_key(publishable_key));
    }
}

impl Typed {
    /// What the buyer typed on the former view of the page.
    pub fn load() -> Typed {
        let Some(stored) = read(BUYER) else { return Typed::default() };
        Typed { name: stored.text_of("name"), email: stored.text_of("email"), phone: stored.text_of("phone") }
    }

    /// Keeps it for a buyer who comes back from the payment window.
    pub fn save(&self) {
        let text = Writer::default()
            .set("name", self.name.as_str())
            .set("email", self.email.as_str())
            .set("phone", self.phone.as_str())
            .text();
        write(BUYER, &text);
    }
}

/// Where an order was paid from in this tab, and how it can be read.
pub struct PayingPage {
    /// The address of the page with the checkout.
    pub href: String,
    /// Reads the order.
    pub token: String,
}

impl PayingPage {
    /// Remembers it for the result page; works where both are on one origin.
    pub fn save(&self, order_id: &str) {
        let page = Writer::default().set("orderId", order_id).set("href", self.href.as_str());
        write(PAGE, &page.set("token", self.token.as_str()).text());
    }

    /// The page of an order, when it was paid in this tab.
    pub fn load(order_id: &str) -> Option<PayingPage> {
        let page = read(PAGE).filter(|page| page.text_of("orderId") == order_id)?;
        Some(PayingPage { href: page.get("href").text()?, token: page.text_of("token") })
    }
}

/// After the order is paid: the tab's next cart is an order of its own, whatever the key was.
pub fn forget_paid(order_id: &str) {
    let Some(storage) = browser::storage() else { return };
    let keys: Vec<String> =
        (0..storage.length().unwrap_or(0)).filter_map(|i| storage.key(i).ok().flatten()).collect();
    for key in keys {
        if key.starts_with("gyesan:order:") && read(&key).is_some_and(|order| order.text_of("id") == order_id)
        {
            remove(&key);
        }
    }
}
