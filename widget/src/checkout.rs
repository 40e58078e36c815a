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
use crate::session::{self, Typed};
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

/// The checkout's state: a bundle of handles that views and tasks copy.
#[derive(Clone, Copy)]
pub struct Checkout {
    options: StoredValue<Options, LocalStorage>,
    /// The element that the views are mounted in.
    host: StoredValue<HtmlElement, LocalStorage>,
    tongue: Tongue,
    page: RwSignal<Page>,
    config: RwSignal<Option<Config>>,
    cart: RwSignal<Vec<CartItem>>,
    quote: RwSignal<Option<Quote>>,
    /// Counts the quotes asked for: an answer to a former one is dropped.
    quotes_asked: StoredValue<u32>,
    /// The coupon that prices are asked with.
    coupon: RwSignal<Option<String>>,
    /// What stands in the coupon's field.
    coupon_typed: RwSignal<String>,
    coupon_fault: RwSignal<Option<Code>>,
    name: Field,
    email: Field,
    phone: Field,
    terms_agreed: RwSignal<bool>,
    window: StoredValue<Option<toss::Window>, LocalStorage>,
    /// The order as the server has it, once it is placed.
    placed: RwSignal<Option<Order>>,
    /// Why something was refused, in the server's words.
    refusal: RwSignal<Option<Refusal>>,
    /// The result page of the order that stands in the way.
    result_link: RwSignal<Option<String>>,
}

impl Checkout {
    /// The state of a page that has just opened.
    pub fn new(options: Options, host: HtmlElement) -> Checkout {
        let typed = Typed::load();
        let field = |value| Field { value: RwSignal::new(value), fault: RwSignal::new(None) };
        Checkout {
            tongue: Tongue(RwSignal::new(options.language)),
            page: RwSignal::new(Page::default()),
            config: RwSignal::new(None),
            cart: RwSignal::new(options.items.clone()),
            quote: RwSignal::new(None),
            quotes_asked: StoredValue::new(0),
            coupon: RwSignal::new(options.coupon.clone()),
            coupon_typed: RwSignal::new(String::new()),
            coupon_fault: RwSignal::new(None),
            name: field(typed.name),
            email: field(typed.email),
            phone: field(typed.phone),
            terms_agreed: RwSignal::new(false),
            window: StoredValue::new_local(None),
            placed: RwSignal::new(None),
            refusal: RwSignal::new(None),
            result_link: RwSignal::new(None),
            options: StoredValue::new_local(options),
            host: StoredValue::new_local(host),
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
            if let Some(Some(window)) = self.window.try_update_value(Option::take) {
                leptos::task::spawn_local(window.destroy());
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
            let order_id = self.placed.with_untracked(|order| order.as_ref().map(|order| order.order_id.clone()));
            self.options.with_value(|options| {
                browser::emit_status(&options.element, phase_name(after.phase), order_id.as_deref());
            });
        }
        if let Some(action) = action {
            self.perform(action);
        }
    }

    fn client(self) -> Client {
        let language = self.tongue.0.get_untracked();
        self.options.with_value(|options| Client { api: options.api.clone(), key: options.key.clone(), language })
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
        self.options.with_value(|options| options.order.is_some())
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
        if self.coupon.with_untracked(Option::is_some) {
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

    fn set_coupon(self, code: Option<String>) {
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
        let terms_agreed = self.terms_agreed.get_untracked();
        self.dispatch(Event::PayPressed { fields_valid, terms_agreed });
    }

    /// Remembers this page for the result page's way back.
    fn remember_page(self, order_id: &str) {
        if let Ok(href) = window().location().href() {
            session::save_page(order_id, &href);
        }
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
