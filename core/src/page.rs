//! The checkout page's own state machine: what is under way, what may be pressed, what is said.
//!
//! It does nothing itself. The widget turns presses and answers into an [`Event`], shows the [`Page`] that
//! comes out, and performs the [`Action`]. An answer that no longer fits (a late one, a second click)
//! changes nothing, which is what keeps a buyer from paying twice by pressing twice.

pub mod outcome;

use crate::api::PaymentStatus;
use crate::money::Amount;
use crate::problem::Code;

/// How often an order is sent again while there is no answer, before the buyer is asked to retry.
pub const PLACE_RETRIES_MAX: u8 = 3;
/// The wait before the first of these, in milliseconds; doubled each time.
const PLACE_RETRY_MS: u32 = 1_000;

/// Everything the views need to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// What is under way.
    pub phase: Phase,
    /// What the cart costs, by the server's word.
    pub price: Price,
    /// The PSP's choice of payment methods.
    pub methods: Methods,
    /// What is said above the pay button.
    pub notice: Option<Notice>,
}

/// What is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The configuration is being fetched.
    Starting,
    /// The page cannot be used.
    Stopped(Failure),
    /// The buyer chooses and types.
    Editing,
    /// The order is being sent.
    Placing {
        /// How often it was sent again without an answer.
        retries: u8,
        /// Whether its id was changed because the former one belongs to another cart.
        renewed: bool,
    },
    /// The payment window opens; the browser usually leaves the page here.
    Opening,
    /// The order of this cart takes no payment from this page.
    Closed(Standing),
}

/// Why an order takes no payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It is paid.
    Paid,
    /// It may be charged: the PSP has not said.
    InDoubt,
    /// It has expired, was canceled, or was tried too often.
    Unpayable,
}

/// What the cart costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Price {
    /// Asked for.
    Pending,
    /// By the server's word.
    Known(Amount),
    /// The server would not or could not say.
    Refused(Failure),
}

/// The PSP's choice of payment methods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Methods {
    /// Not asked for: it needs an amount first.
    Waiting,
    /// Being drawn.
    Loading,
    /// Drawn.
    Shown,
    /// The PSP's script could not be loaded, or refused.
    Failed,
}

/// Why a request brought nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// No answer: the network.
    Offline,
    /// Our own problem document.
    Problem(Code),
    /// An answer that is not ours: a proxy's error page, or a code of a later version.
    Unexpected,
}

impl Failure {
    /// Whether the same request may succeed later.
    pub const fn is_passing(self) -> bool {
        match self {
            Failure::Offline | Failure::Unexpected => true,
            Failure::Problem(code) => {
                matches!(code, Code::ServiceUnavailable | Code::RateLimited | Code::Internal)
            }
        }
    }
}

/// What is said above the pay button.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A field of the form is not right.
    CheckFields,
    /// The price is another than the one shown; the buyer presses again.
    PriceChanged,
    /// How the payment window closed.
    Window(WindowEnd),
    /// The order could not be sent.
    NotPlaced(Failure),
}

/// How the payment window closed without a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowEnd {
    /// By the buyer.
    Canceled,
    /// By the card company or the PSP.
    Refused,
    /// The buyer has not agreed to the required terms.
    TermsMissing,
    /// No method is chosen, or one of its details is missing.
    MethodMissing,
    /// The PSP's script failed.
    Broken,
}

impl WindowEnd {
    /// Reads the PSP's code, from the SDK's error or from the failure redirect (`toss.md` §1.3, §1.4).
    pub fn from_code(code: &str) -> WindowEnd {
        match code {
            "USER_CANCEL" | "PAY_PROCESS_CANCELED" | "PaymentRequestAborted" => WindowEnd::Canceled,
            "NEED_AGREEMENT_WITH_REQUIRED_TERMS" => WindowEnd::TermsMissing,
            "NOT_SELECTED_PAYMENT_METHOD" | "NEED_CARD_PAYMENT_DETAIL" | "NEED_REFUND_ACCOUNT_DETAIL" => {
                WindowEnd::MethodMissing
            }
            "REJECT_CARD_COMPANY" | "PAY_PROCESS_ABORTED" | "PaymentRequestFail" => WindowEnd::Refused,
            _ => WindowEnd::Broken,
        }
    }
}

/// What happens to the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The configuration came.
    Configured,
    /// It did not.
    ConfigFailed(Failure),
    /// The buyer changed a quantity or the coupon.
    CartChanged,
    /// The server priced the cart as it is now.
    Priced(Amount),
    /// It did not.
    PriceFailed(Failure),
    /// The payment methods are drawn.
    MethodsShown,
    /// They are not.
    MethodsFailed,
    /// The buyer pressed the pay button.
    PayPressed {
        /// Whether the form is right.
        fields_valid: bool,
        /// Whether the required terms are agreed to.
        terms_agreed: bool,
    },
    /// The server has the order.
    Placed {
        /// What the server will charge.
        amount: Amount,
        /// Where its payment stands.
        status: PaymentStatus,
    },
    /// It has not, as far as is known.
    PlaceFailed(Failure),
    /// The payment window closed, and the buyer is still here or back.
    WindowClosed(WindowEnd),
    /// The browser brought the page back from its cache, after the buyer pressed "back" in the payment window.
    Restored,
    /// The buyer wants another try at what failed.
    RetryPressed,
    /// The buyer wants another try at the payment methods.
    MethodsRetryPressed,
    /// The buyer wants a new order instead of the closed one.
    NewOrderPressed,
}

/// What the widget does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Fetch the configuration.
    Configure,
    /// Ask for a quote of the cart.
    Price,
    /// Start the PSP's SDK and draw its payment methods.
    ShowMethods,
    /// Tell the SDK the new amount.
    UpdateAmount,
    /// Send the order.
    Place {
        /// After so many milliseconds.
        after_ms: u32,
        /// Under a new id that replaces the former one.
        new_id: bool,
    },
    /// Open the payment window.
    OpenWindow,
    /// Use a new order id from now on.
    ForgetOrder,
    /// Put the focus into the first field that is not right.
    FocusFault,
}

impl Default for Page {
    fn default() -> Page {
        Page { phase: Phase::Starting, price: Price::Pending, methods: Methods::Waiting, notice: None }
    }
}

impl Page {
    /// Whether quantities, coupon and form can be changed.
    pub const fn may_edit(&self) -> bool {
        matches!(self.phase, Phase::Editing)
    }

    /// Whether the pay button can be pressed.
    pub const fn may_pay(&self) -> bool {
        matches!((self.phase, self.price, self.methods), (Phase::Editing, Price::Known(_), Methods::Shown))
    }

    /// Whether the order is on its way: the button says so.
    pub const fn is_paying(&self) -> bool {
        matches!(self.phase, Phase::Placing { .. } | Phase::Opening)
    }

    /// What comes of an event: the next page, and what to do.
    pub fn on(self, event: Event) -> (Page, Option<Action>) {
        match event {
            Event::Configured => self.configured(),
            Event::ConfigFailed(failure) => match self.phase {
                Phase::Starting => (Page { phase: Phase::Stopped(failure), ..self }, None),
                _ => (self, None),
            },
            Event::CartChanged => match self.phase {
                Phase::Editing => (Page { price: Price::Pending, notice: None, ..self }, Some(Action::Price)),
                _ => (self, None),
            },
            Event::Priced(amount) => self.priced(amount),
            Event::PriceFailed(failure) => match self.price {
                Price::Pending => (Page { price: Price::Refused(failure), ..self }, None),
                Price::Known(_) | Price::Refused(_) => (self, None),
            },
            Event::MethodsShown => self.methods_ended(Methods::Shown),
            Event::MethodsFailed => self.methods_ended(Methods::Failed),
            Event::PayPressed { fields_valid, terms_agreed } => self.pay(fields_valid, terms_agreed),
            Event::Placed { amount, status } => self.placed(amount, status),
            Event::PlaceFailed(failure) => self.place_failed(failure),
            Event::WindowClosed(end) => match self.phase {
                Phase::Editing | Phase::Opening | Phase::Starting => {
                    let phase = if self.phase == Phase::Opening { Phase::Editing } else { self.phase };
                    (Page { phase, notice: Some(Notice::Window(end)), ..self }, None)
                }
                Phase::Stopped(_) | Phase::Placing { .. } | Phase::Closed(_) => (self, None),
            },
            Event::Restored => {
                let phase = if self.is_paying() { Phase::Editing } else { self.phase };
                (Page { phase, ..self }, None)
            }
            Event::RetryPressed => self.retry(),
            Event::MethodsRetryPressed => match (self.phase, self.methods) {
                (Phase::Editing, Methods::Failed) => {
                    Page { methods: Methods::Waiting, ..self }.draw_methods()
                }
                _ => (self, None),
            },
            Event::NewOrderPressed => match self.phase {
                Phase::Closed(Standing::Paid | Standing::Unpayable) => {
                    (Page { phase: Phase::Editing, notice: None, ..self }, Some(Action::ForgetOrder))
                }
                _ => (self, None),
            },
        }
    }

    /// What took the configuration away, the network, has usually taken the price as well: it is asked for again.
    fn configured(self) -> (Page, Option<Action>) {
        match (self.phase, self.price) {
            (Phase::Starting, Price::Refused(failure)) if failure.is_passing() => {
                (Page { phase: Phase::Editing, price: Price::Pending, ..self }, Some(Action::Price))
            }
            (Phase::Starting, _) => Page { phase: Phase::Editing, ..self }.draw_methods(),
            _ => (self, None),
        }
    }

    /// A price that comes while the order is on its way belongs to a cart that is no longer shown.
    fn priced(self, amount: Amount) -> (Page, Option<Action>) {
        if self.price != Price::Pending {
            return (self, None);
        }
        let page = Page { price: Price::Known(amount), ..self };
        match page.methods {
            Methods::Shown => (page, Some(Action::UpdateAmount)),
            Methods::Waiting | Methods::Loading | Methods::Failed => page.draw_methods(),
        }
    }

    /// The SDK must know an amount before it draws (`NOT_SETUP_AMOUNT`), so it waits for both configuration and price.
    fn draw_methods(self) -> (Page, Option<Action>) {
        match (self.phase, self.price, self.methods) {
            (Phase::Editing, Price::Known(_), Methods::Waiting) => {
                (Page { methods: Methods::Loading, ..self }, Some(Action::ShowMethods))
            }
            _ => (self, None),
        }
    }

    fn methods_ended(self, methods: Methods) -> (Page, Option<Action>) {
        match self.methods {
            Methods::Loading => {
                // The cart may have changed while they were drawn with the former amount.
                let action = (methods == Methods::Shown && self.may_edit()).then_some(Action::UpdateAmount);
                (Page { methods, ..self }, action)
            }
            Methods::Waiting | Methods::Shown | Methods::Failed => (self, None),
        }
    }

    fn pay(self, fields_valid: bool, terms_agreed: bool) -> (Page, Option<Action>) {
        if !self.may_pay() {
            return (self, None);
        }
        if !fields_valid {
            return (Page { notice: Some(Notice::CheckFields), ..self }, Some(Action::FocusFault));
        }
        if !terms_agreed {
            return (Page { notice: Some(Notice::Window(WindowEnd::TermsMissing)), ..self }, None);
        }
        let phase = Phase::Placing { retries: 0, renewed: false };
        (Page { phase, notice: None, ..self }, Some(Action::Place { after_ms: 0, new_id: false }))
    }

    fn placed(self, amount: Amount, status: PaymentStatus) -> (Page, Option<Action>) {
        if !matches!(self.phase, Phase::Placing { .. }) {
            return (self, None);
        }
        match status {
            PaymentStatus::Success => (Page { phase: Phase::Closed(Standing::Paid), ..self }, None),
            PaymentStatus::Executing | PaymentStatus::Unknown => {
                (Page { phase: Phase::Closed(Standing::InDoubt), ..self }, None)
            }
            PaymentStatus::NotStarted | PaymentStatus::Failure if self.price == Price::Known(amount) => {
                (Page { phase: Phase::Opening, ..self }, Some(Action::OpenWindow))
            }
            PaymentStatus::NotStarted | PaymentStatus::Failure => {
                let notice = Some(Notice::PriceChanged);
                let page = Page { phase: Phase::Editing, price: Price::Known(amount), notice, ..self };
                (page, Some(Action::UpdateAmount))
            }
        }
    }

    fn place_failed(self, failure: Failure) -> (Page, Option<Action>) {
        let Phase::Placing { retries, renewed } = self.phase else { return (self, None) };
        let closed = |standing| (Page { phase: Phase::Closed(standing), ..self }, None);
        match failure {
            Failure::Problem(Code::PreviousPaymentInDoubt | Code::PaymentInProgress) => {
                closed(Standing::InDoubt)
            }
            Failure::Problem(Code::OrderNotPayable | Code::OrderExpired | Code::TooManyAttempts) => {
                closed(Standing::Unpayable)
            }
            Failure::Problem(Code::OrderIdReused) if !renewed => {
                let phase = Phase::Placing { retries, renewed: true };
                (Page { phase, ..self }, Some(Action::Place { after_ms: 0, new_id: true }))
            }
            _ if failure.is_passing() && retries < PLACE_RETRIES_MAX => {
                let phase = Phase::Placing { retries: retries + 1, renewed };
                let after_ms = PLACE_RETRY_MS << retries;
                (Page { phase, ..self }, Some(Action::Place { after_ms, new_id: false }))
            }
            _ => (Page { phase: Phase::Editing, notice: Some(Notice::NotPlaced(failure)), ..self }, None),
        }
    }

    fn retry(self) -> (Page, Option<Action>) {
        match (self.phase, self.price) {
            (Phase::Stopped(_), _) => (Page { phase: Phase::Starting, ..self }, Some(Action::Configure)),
            (Phase::Editing, Price::Refused(_)) => {
                (Page { price: Price::Pending, notice: None, ..self }, Some(Action::Price))
            }
            _ => (self, None),
        }
    }
}
