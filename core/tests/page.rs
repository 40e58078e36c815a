//! The checkout page's state machine: one table for every phase and event, and what must never happen.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use gyesan_core::api::{OrderStatus, PaymentStatus};
use gyesan_core::money::Amount;
use gyesan_core::page::outcome::{Outcome, poll_delay_ms};
use gyesan_core::page::{
    Action, Event, Failure, Methods, Notice, PLACE_RETRIES_MAX, Page, Phase, Price, Standing, WindowEnd,
};
use gyesan_core::problem::Code;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const SHOWN: i64 = 6_500;

fn won(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

/// A page that is ready to pay, but in another phase.
fn page(phase: Phase) -> Page {
    Page { phase, price: Price::Known(won(SHOWN)), methods: Methods::Shown, notice: None }
}

fn placing(retries: u8, renewed: bool) -> Phase {
    Phase::Placing { retries, renewed }
}

fn placed(amount: i64, status: PaymentStatus) -> Event {
    Event::Placed { amount: won(amount), status }
}

fn pay(fields_valid: bool, terms_agreed: bool) -> Event {
    Event::PayPressed { fields_valid, terms_agreed }
}

fn problem(code: Code) -> Failure {
    Failure::Problem(code)
}

fn phases() -> Vec<Phase> {
    let mut phases = vec![
        Phase::Starting,
        Phase::Editing,
        placing(0, false),
        placing(1, true),
        placing(PLACE_RETRIES_MAX, false),
        Phase::Opening,
    ];
    phases
        .extend([Failure::Offline, Failure::Unexpected, problem(Code::OriginNotAllowed)].map(Phase::Stopped));
    phases.extend([Standing::Paid, Standing::InDoubt, Standing::Unpayable].map(Phase::Closed));
    phases
}

fn prices() -> [Price; 4] {
    [
        Price::Pending,
        Price::Known(won(SHOWN)),
        Price::Refused(Failure::Offline),
        Price::Refused(problem(Code::CouponExpired)),
    ]
}

const METHODS: [Methods; 4] = [Methods::Waiting, Methods::Loading, Methods::Shown, Methods::Failed];

fn events() -> Vec<Event> {
    let mut events = vec![
        Event::Configured,
        Event::CartChanged,
        Event::Priced(won(SHOWN)),
        Event::Priced(won(7_000)),
        Event::MethodsShown,
        Event::MethodsFailed,
        pay(true, true),
        pay(true, false),
        pay(false, true),
        Event::Restored,
        Event::RetryPressed,
        Event::MethodsRetryPressed,
        Event::NewOrderPressed,
    ];
    for failure in [Failure::Offline, Failure::Unexpected] {
        events.extend([
            Event::ConfigFailed(failure),
            Event::PriceFailed(failure),
            Event::PlaceFailed(failure),
        ]);
    }
    for code in Code::ALL {
        events.extend([
            Event::ConfigFailed(problem(*code)),
            Event::PriceFailed(problem(*code)),
            Event::PlaceFailed(problem(*code)),
        ]);
    }
    for status in [
        PaymentStatus::NotStarted,
        PaymentStatus::Executing,
        PaymentStatus::Success,
        PaymentStatus::Failure,
        PaymentStatus::Unknown,
    ] {
        events.extend([placed(SHOWN, status), placed(7_000, status)]);
    }
    for end in [
        WindowEnd::Canceled,
        WindowEnd::Refused,
        WindowEnd::TermsMissing,
        WindowEnd::MethodMissing,
        WindowEnd::Broken,
    ] {
        events.push(Event::WindowClosed(end));
    }
    events
}

/// Every page there can be, with every event.
fn everything() -> Vec<(Page, Event)> {
    let mut all = Vec::new();
    for phase in phases() {
        for price in prices() {
            for methods in METHODS {
                for event in events() {
                    all.push((Page { phase, price, methods, notice: None }, event));
                }
            }
        }
    }
    all
}

#[test]
fn each_phase_answers_each_event_as_the_table_says() {
    use Event as E;
    let again = |after_ms| Some(Action::Place { after_ms, new_id: false });
    let offline = Failure::Offline;
    let reused = E::PlaceFailed(problem(Code::OrderIdReused));
    let window = |end| Some(Notice::Window(end));
    // phase, event → phase, notice, action; what is not listed changes nothing.
    type Row = (Phase, Event, Phase, Option<Notice>, Option<Action>);
    let table: Vec<Row> = vec![
        (Phase::Starting, E::Configured, Phase::Editing, None, None),
        (Phase::Starting, E::ConfigFailed(offline), Phase::Stopped(offline), None, None),
        (
            Phase::Starting,
            E::WindowClosed(WindowEnd::Refused),
            Phase::Starting,
            window(WindowEnd::Refused),
            None,
        ),
        (Phase::Stopped(offline), E::RetryPressed, Phase::Starting, None, Some(Action::Configure)),
        (Phase::Editing, E::CartChanged, Phase::Editing, None, Some(Action::Price)),
        (Phase::Editing, pay(true, true), placing(0, false), None, again(0)),
        (
            Phase::Editing,
            pay(false, true),
            Phase::Editing,
            Some(Notice::CheckFields),
            Some(Action::FocusFault),
        ),
        (Phase::Editing, pay(true, false), Phase::Editing, window(WindowEnd::TermsMissing), None),
        (
            Phase::Editing,
            E::WindowClosed(WindowEnd::Canceled),
            Phase::Editing,
            window(WindowEnd::Canceled),
            None,
        ),
        (
            placing(0, false),
            placed(SHOWN, PaymentStatus::NotStarted),
            Phase::Opening,
            None,
            Some(Action::OpenWindow),
        ),
        (
            placing(0, false),
            placed(SHOWN, PaymentStatus::Failure),
            Phase::Opening,
            None,
            Some(Action::OpenWindow),
        ),
        (
            placing(0, false),
            placed(7_000, PaymentStatus::NotStarted),
            Phase::Editing,
            Some(Notice::PriceChanged),
            Some(Action::UpdateAmount),
        ),
        (placing(0, false), placed(SHOWN, PaymentStatus::Success), Phase::Closed(Standing::Paid), None, None),
        (
            placing(0, false),
            placed(SHOWN, PaymentStatus::Executing),
            Phase::Closed(Standing::InDoubt),
            None,
            None,
        ),
        (
            placing(0, false),
            placed(7_000, PaymentStatus::Unknown),
            Phase::Closed(Standing::InDoubt),
            None,
            None,
        ),
        (placing(0, false), E::PlaceFailed(offline), placing(1, false), None, again(1_000)),
        (placing(1, false), E::PlaceFailed(Failure::Unexpected), placing(2, false), None, again(2_000)),
        (
            placing(2, false),
            E::PlaceFailed(problem(Code::ServiceUnavailable)),
            placing(3, false),
            None,
            again(4_000),
        ),
        (placing(3, false), E::PlaceFailed(offline), Phase::Editing, Some(Notice::NotPlaced(offline)), None),
        (
            placing(0, false),
            reused,
            placing(0, true),
            None,
            Some(Action::Place { after_ms: 0, new_id: true }),
        ),
        (
            placing(0, true),
            reused,
            Phase::Editing,
            Some(Notice::NotPlaced(problem(Code::OrderIdReused))),
            None,
        ),
        (
            placing(0, true),
            E::PlaceFailed(problem(Code::PreviousPaymentInDoubt)),
            Phase::Closed(Standing::InDoubt),
            None,
            None,
        ),
        (
            placing(0, false),
            E::PlaceFailed(problem(Code::OrderNotPayable)),
            Phase::Closed(Standing::Unpayable),
            None,
            None,
        ),
        (
            placing(0, false),
            E::PlaceFailed(problem(Code::OrderExpired)),
            Phase::Closed(Standing::Unpayable),
            None,
            None,
        ),
        (
            placing(0, false),
            E::PlaceFailed(problem(Code::InvalidBuyer)),
            Phase::Editing,
            Some(Notice::NotPlaced(problem(Code::InvalidBuyer))),
            None,
        ),
        (placing(0, false), E::Restored, Phase::Editing, None, None),
        (
            Phase::Opening,
            E::WindowClosed(WindowEnd::Canceled),
            Phase::Editing,
            window(WindowEnd::Canceled),
            None,
        ),
        (Phase::Opening, E::WindowClosed(WindowEnd::Broken), Phase::Editing, window(WindowEnd::Broken), None),
        (Phase::Opening, E::Restored, Phase::Editing, None, None),
        (Phase::Closed(Standing::Paid), E::NewOrderPressed, Phase::Editing, None, Some(Action::ForgetOrder)),
        (
            Phase::Closed(Standing::Unpayable),
            E::NewOrderPressed,
            Phase::Editing,
            None,
            Some(Action::ForgetOrder),
        ),
    ];
    for (given, when, phase, notice, action) in table {
        let (after, did) = page(given).on(when);
        assert_eq!((after.phase, after.notice, did), (phase, notice, action), "{given:?} on {when:?}");
    }
}

#[test]
fn a_second_press_while_the_order_is_on_its_way_changes_nothing() {
    for phase in phases().into_iter().filter(|phase| *phase != Phase::Editing) {
        assert_eq!(page(phase).on(pay(true, true)), (page(phase), None), "{phase:?}");
    }
}

#[test]
fn the_order_is_sent_only_from_a_press_or_a_repeat_and_the_window_opens_only_for_the_price_shown() {
    for (before, event) in everything() {
        let (after, action) = before.on(event);
        match action {
            Some(Action::Place { .. }) => {
                assert!(
                    matches!(event, Event::PayPressed { .. } | Event::PlaceFailed(_)),
                    "{before:?} on {event:?}"
                );
                assert!(matches!(after.phase, Phase::Placing { .. }));
            }
            Some(Action::OpenWindow) => {
                assert!(matches!(before.phase, Phase::Placing { .. }));
                let Event::Placed { amount, status } = event else { panic!("{event:?}") };
                assert_eq!(before.price, Price::Known(amount));
                assert!(matches!(status, PaymentStatus::NotStarted | PaymentStatus::Failure));
            }
            _ => {}
        }
    }
}

#[test]
fn an_order_in_doubt_offers_no_way_to_pay_again() {
    for event in events() {
        let (after, action) = page(Phase::Closed(Standing::InDoubt)).on(event);
        assert_eq!(after.phase, Phase::Closed(Standing::InDoubt), "{event:?}");
        assert!(!after.may_pay());
        assert!(!matches!(action, Some(Action::Place { .. } | Action::OpenWindow | Action::ForgetOrder)));
    }
}

#[test]
fn every_wait_for_an_answer_has_a_way_on() {
    // From every page, pressing what is offered or getting the answer waited for changes something.
    for phase in phases() {
        for price in prices() {
            for methods in METHODS {
                let given = Page { phase, price, methods, notice: None };
                let can_move = events().into_iter().any(|event| given.on(event).0 != given);
                assert!(can_move || phase == Phase::Closed(Standing::InDoubt), "{given:?}");
            }
        }
    }
}

#[test]
fn the_methods_are_drawn_once_configuration_and_price_are_both_there_in_either_order() {
    let (page, action) = Page::default().on(Event::Configured);
    assert_eq!(action, None);
    assert_eq!(page.on(Event::Priced(won(SHOWN))).1, Some(Action::ShowMethods));

    let (page, action) = Page::default().on(Event::Priced(won(SHOWN)));
    assert_eq!(action, None);
    let (page, action) = page.on(Event::Configured);
    assert_eq!(action, Some(Action::ShowMethods));
    assert_eq!(page.methods, Methods::Loading);
    assert!(!page.may_pay());
    assert!(page.on(Event::MethodsShown).0.may_pay());
}

#[test]
fn the_methods_can_be_asked_for_again_after_a_failure() {
    let failed = Page { methods: Methods::Failed, ..page(Phase::Editing) };
    assert!(!failed.may_pay());
    let (after, action) = failed.on(Event::MethodsRetryPressed);
    assert_eq!((after.methods, action), (Methods::Loading, Some(Action::ShowMethods)));
}

#[test]
fn one_retry_brings_back_both_configuration_and_price() {
    let lost = Page {
        phase: Phase::Stopped(Failure::Offline),
        price: Price::Refused(Failure::Offline),
        ..Page::default()
    };
    let (page, action) = lost.on(Event::RetryPressed);
    assert_eq!(action, Some(Action::Configure));
    let (page, action) = page.on(Event::Configured);
    assert_eq!(action, Some(Action::Price));
    assert_eq!(page.on(Event::Priced(won(SHOWN))).1, Some(Action::ShowMethods));

    let refused = Page { price: Price::Refused(problem(Code::OrderEmpty)), ..Page::default() };
    assert_eq!(refused.on(Event::Configured).0.price, refused.price);
}

#[test]
fn nothing_can_be_paid_while_the_price_is_not_known() {
    for price in [Price::Pending, Price::Refused(Failure::Offline)] {
        let page = Page { price, ..page(Phase::Editing) };
        assert!(!page.may_pay());
        assert_eq!(page.on(pay(true, true)), (page, None));
    }
}

#[test]
fn the_price_is_asked_for_again_on_retry() {
    let refused = Page { price: Price::Refused(Failure::Offline), ..page(Phase::Editing) };
    let (after, action) = refused.on(Event::RetryPressed);
    assert_eq!((after.price, action), (Price::Pending, Some(Action::Price)));
}

#[test]
fn cancelling_is_the_same_on_both_of_the_psp_s_channels() {
    assert_eq!(WindowEnd::from_code("USER_CANCEL"), WindowEnd::Canceled);
    assert_eq!(WindowEnd::from_code("PAY_PROCESS_CANCELED"), WindowEnd::Canceled);
    assert_eq!(WindowEnd::from_code("REJECT_CARD_COMPANY"), WindowEnd::Refused);
    assert_eq!(WindowEnd::from_code("NEED_AGREEMENT_WITH_REQUIRED_TERMS"), WindowEnd::TermsMissing);
    assert_eq!(WindowEnd::from_code("NOT_SELECTED_PAYMENT_METHOD"), WindowEnd::MethodMissing);
    assert_eq!(WindowEnd::from_code("a code of tomorrow"), WindowEnd::Broken);
}

#[test]
fn a_payment_under_way_is_never_called_anything_but_checking() {
    for payment in [PaymentStatus::Executing, PaymentStatus::Unknown] {
        for order in [
            OrderStatus::Completed,
            OrderStatus::PaymentCompleted,
            OrderStatus::Canceled,
            OrderStatus::Expired,
        ] {
            let outcome = Outcome::of(payment, order, true);
            assert_eq!(outcome, Outcome::Checking);
            assert!(!outcome.is_final());
        }
    }
}

#[test]
fn an_outcome_follows_from_payment_and_order() {
    use OrderStatus as O;
    use PaymentStatus as P;
    let table = [
        (P::Success, O::PaymentCompleted, false, Outcome::Paid),
        (P::Success, O::Expired, false, Outcome::Paid),
        (P::Success, O::Canceled, false, Outcome::Canceled),
        (P::Failure, O::Completed, true, Outcome::Refused { payable: true }),
        (P::Failure, O::Completed, false, Outcome::Refused { payable: false }),
        (P::Failure, O::Expired, true, Outcome::Expired),
        (P::NotStarted, O::Completed, false, Outcome::Open),
        (P::NotStarted, O::Expired, false, Outcome::Expired),
        (P::NotStarted, O::Canceled, false, Outcome::Canceled),
    ];
    for (payment, order, retryable, outcome) in table {
        assert_eq!(Outcome::of(payment, order, retryable), outcome, "{payment:?} {order:?}");
    }
}

#[test]
fn the_result_page_asks_less_and_less_often() {
    let delays: Vec<u32> = (0..7).map(poll_delay_ms).collect();
    assert_eq!(delays, [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
}
