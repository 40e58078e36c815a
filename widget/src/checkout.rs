//! The checkout: the page's state in signals, and the views over it.
//!
//! Presses and answers become events of [`gyesan_core::page`]; `perform` does what it asks for. The views
//! below only show the signals.

mod act;
mod buyer;
mod cart;
mod coupon;
mod frame;
mod pay;
mod totals;

use crate::browser;
use crate::client::{Client, Config, Order, Quote, Refusal};
use crate::language::Tongue;
use crate::options::{CartItem, Options};
use crate::session::Typed;
use crate::toss;
use gyesan_core::api::Buyer;
use gyesan_core::buyer as rules;
use gyesan_core::page::{Action, Event, Page, Phase, Standing};
use gyesan_core::pricing::{self, Item};
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use leptos::prelude::*;
use web_sys::HtmlElement;

pub(crate) use frame::languages;
pub(crate) use pay::skeleton;

/// A field of the buyer form: what is typed and what is wrong with it.
#[derive(Clone, Copy)]
struct Field {
    value: RwSignal<String>,
    fault: RwSignal<Option<Code>>,
}

/// What no view follows by itself; it is read when the page changes.
struct Held {
    options: Options,
    /// The element that the views are mounted in.
    host: HtmlElement,
    config: Option<Config>,
    window: Option<toss::Window>,
    terms_agreed: bool,
    /// Counts the quotes asked for: an answer to a former one is dropped.
    quotes_asked: u32,
    /// The order as the server has it, once it is placed.
    placed: Option<Order>,
    /// The last refusal, in the server's words.
    refusal: Option<Refusal>,
    /// The result page of the order that stands in the way.
    result_link: Option<String>,
}

/// The checkout's state: a bundle of handles that views and tasks copy.
#[derive(Clone, Copy)]
pub struct Checkout {
    held: StoredValue<Held, LocalStorage>,
    tongue: Tongue,
    page: RwSignal<Page>,
    cart: RwSignal<Vec<CartItem>>,
    quote: RwSignal<Option<Quote>>,
    /// The coupon that prices are asked with; empty when there is none.
    coupon: RwSignal<String>,
    /// What stands in the coupon's field.
    coupon_typed: RwSignal<String>,
    coupon_fault: RwSignal<Option<Code>>,
    name: Field,
    email: Field,
    phone: Field,
}

impl Checkout {
    /// The state of a page that has just opened.
    pub fn new(options: Options, host: HtmlElement) -> Checkout {
        let typed = Typed::load();
        let field = |value| Field { value: RwSignal::new(value), fault: RwSignal::new(None) };
        Checkout {
            tongue: Tongue(RwSignal::new(options.language)),
            page: RwSignal::new(Page::default()),
            cart: RwSignal::new(options.items.clone()),
            quote: RwSignal::new(None),
            coupon: RwSignal::new(options.coupon.clone()),
            coupon_typed: RwSignal::new(String::new()),
            coupon_fault: RwSignal::new(None),
            name: field(typed.name),
            email: field(typed.email),
            phone: field(typed.phone),
            held: StoredValue::new_local(Held {
                options,
                host,
                config: None,
                window: None,
                terms_agreed: false,
                quotes_asked: 0,
                placed: None,
                refusal: None,
                result_link: None,
            }),
        }
    }

    /// Starts the requests, and listens for the browser bringing the page back from its cache.
    pub fn start(self) {
        self.perform(Action::Configure);
        self.perform(Action::Price);
        let listener = window_event_listener(leptos::ev::pageshow, move |event| {
            if event.persisted() {
                self.dispatch(Event::Restored);
            }
        });
        on_cleanup(move || {
            listener.remove();
            if let Some(window) = self.held.try_update_value(|held| held.window.take()).flatten() {
                browser::spawn(window.destroy());
            }
        });
    }

    /// The whole page.
    pub fn view(self) -> AnyView {
        frame::view(self)
    }

    /// An event: the page changes, and what follows is done.
    fn dispatch(self, event: Event) {
        // A late answer can come after the element has left the document.
        let Some(before) = self.page.try_get_untracked() else { return };
        let (after, action) = before.on(event);
        if after != before {
            self.page.set(after);
        }
        if after.phase != before.phase {
            self.held.with_value(|held| {
                let order_id = held.placed.as_ref().map(|order| order.order_id.as_str());
                browser::emit_status(&held.options.element, phase_name(after.phase), order_id);
            });
        }
        if let Some(action) = action {
            self.perform(action);
        }
    }

    fn client(self) -> Client {
        let language = self.tongue.0.get_untracked();
        self.held.with_value(|held| Client {
            api: held.options.api.clone(),
            key: held.options.key.clone(),
            language,
        })
    }

    fn buyer(self) -> Buyer {
        let text = |field: Field| Some(field.value.get_untracked());
        Buyer { name: text(self.name), email: text(self.email), phone: text(self.phone) }
    }

    /// Checks the form with the server's own rules, and says what is wrong beside each field.
    fn check_fields(self) -> bool {
        let faults = rules::faults(&self.buyer());
        for (pointer, field) in self.fields() {
            let fault = faults.iter().find(|fault| fault.pointer == pointer).map(|fault| fault.code);
            field.fault.set(fault);
        }
        faults.is_empty()
    }

    fn check_field(self, pointer: &str) {
        let faults = rules::faults(&self.buyer());
        for (_, field) in self.fields().into_iter().filter(|(name, _)| *name == pointer) {
            field.fault.set(faults.iter().find(|fault| fault.pointer == pointer).map(|fault| fault.code));
        }
    }

    fn fields(self) -> [(&'static str, Field); 3] {
        [("/name", self.name), ("/email", self.email), ("/phone", self.phone)]
    }

    /// Whether the merchant's server made the order, so that the cart cannot be changed here.
    fn is_fixed(self) -> bool {
        self.held.with_value(|held| held.options.order.is_some())
    }

    fn set_quantity(self, product_id: &str, quantity: u32) {
        if !self.page.get_untracked().may_edit() || !pricing::QUANTITY.contains(&quantity) {
            return;
        }
        self.cart.update(|cart| {
            for item in cart.iter_mut().filter(|item| item.product_id == product_id) {
                item.quantity = quantity;
            }
        });
        self.show_estimate();
        self.dispatch(Event::CartChanged);
    }

    /// Shows the new price at once, by the server's own rule, until the server has said it. With a coupon the page waits,
    /// because percentages would bring decimal arithmetic into the download.
    fn show_estimate(self) {
        if self.coupon.with_untracked(|code| !code.is_empty()) {
            return;
        }
        let cart = self.cart.get_untracked();
        let quantity = |id: &Option<String>| {
            cart.iter().find(|item| Some(&item.product_id) == id.as_ref()).map(|item| item.quantity)
        };
        self.quote.update(|quote| {
            let Some(quote) = quote else { return };
            let items: Vec<Item> = quote
                .lines
                .iter()
                .map(|line| Item {
                    product_id: line.product_id.clone(),
                    name: line.name.clone(),
                    unit_price: line.unit_price,
                    quantity: quantity(&line.product_id).unwrap_or(line.quantity),
                    seller_id: line.seller_id.clone(),
                })
                .collect();
            if let Ok(priced) = pricing::price(&items, None, Timestamp(0)) {
                *quote = Quote {
                    lines: priced.lines,
                    gross_amount: priced.gross_amount,
                    discount: priced.discount,
                    amount: priced.amount,
                };
            }
        });
    }

    /// Prices the cart with another coupon, or without one when the code is empty.
    fn set_coupon(self, code: String) {
        if !self.page.get_untracked().may_edit() {
            return;
        }
        self.coupon_fault.set(None);
        self.coupon.set(code);
        self.dispatch(Event::CartChanged);
    }

    fn pay(self) {
        let fields_valid = self.check_fields();
        if fields_valid {
            let value = |field: Field| field.value.get_untracked();
            Typed { name: value(self.name), email: value(self.email), phone: value(self.phone) }.save();
        }
        let terms_agreed = self.held.with_value(|held| held.terms_agreed);
        self.dispatch(Event::PayPressed { fields_valid, terms_agreed });
    }
}

/// What the merchant's page hears as `detail.status`.
fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Stopped(_) => "stopped",
        Phase::Editing => "editing",
        Phase::Placing { .. } => "placing",
        Phase::Opening => "opening",
        Phase::Closed(Standing::Paid) => "paid",
        Phase::Closed(Standing::InDoubt) => "checking",
        Phase::Closed(Standing::Unpayable) => "unpayable",
    }
}
