//! The scenarios by name, in the order of their numbers.

mod crash;
mod faults;
mod input;
mod order_list;
mod paying;
mod tabs;

use anyhow::Result;
use gyesan_e2e::shop::Shop;
use gyesan_e2e::stack::Stack;

/// A scenario that minds its own orders only.
pub type SideBySide = (&'static str, fn(&mut Shop) -> Result<()>);
/// A scenario that needs the stack for itself.
pub type Alone = (&'static str, fn(&mut Stack) -> Result<()>);

/// Those that run at the same time; the longest come first.
pub const SIDE_BY_SIDE: &[SideBySide] = &[
    ("an_approval_whose_body_takes_90_s_is_paid_within_75_s", faults::slow_body),
    ("provider_error_twice_is_asked_again_with_a_new_key_each_time", faults::provider_error_twice),
    ("a_buyer_who_hangs_up_during_a_slow_confirmation_has_paid", faults::slow_and_hung_up),
    (
        "a_connection_dropped_before_anything_happened_is_asked_again_with_the_same_key",
        faults::dropped_before,
    ),
    ("approved_and_the_answer_lost_is_charged_once", faults::dropped_after),
    ("approved_and_answered_500_is_charged_once", faults::approved_and_500),
    ("approved_and_half_a_document_is_charged_once", faults::approved_and_garbage),
    ("a_refused_card_leaves_the_order_payable", faults::refused_card),
    ("a_lost_payment_session_leaves_the_order_payable", faults::lost_session),
    ("a_wrong_secret_key_fails_the_payment_and_calls_the_operator", faults::wrong_key),
    ("two_tabs_after_a_drop_before_charge_once", tabs::dropped_before),
    ("two_tabs_after_a_lost_answer_charge_once", tabs::dropped_after),
    ("two_tabs_after_a_500_charge_once", tabs::approved_and_500),
    ("two_tabs_after_half_a_document_charge_once", tabs::approved_and_garbage),
    ("two_tabs_during_a_slow_confirmation_charge_once", tabs::slow),
    ("two_tabs_after_provider_errors_charge_once", tabs::provider_error),
    ("two_tabs_after_a_refused_card_the_second_pays", tabs::refused_card),
    ("two_tabs_after_a_lost_session_the_second_pays", tabs::lost_session),
    ("a_purchase_of_two_sellers_credits_both_wallets_within_a_second", paying::two_sellers),
    ("an_order_placed_twice_is_one_order", paying::placed_twice),
    ("a_double_return_charges_once", paying::double_return),
    ("a_return_after_success_changes_nothing", paying::return_after_success),
    ("a_buyer_who_cancels_can_pay_later", paying::buyer_cancels),
    ("the_fail_url_changes_no_state", paying::fail_url_is_advisory),
    ("a_return_for_an_unknown_order_ends_on_a_page", paying::unknown_order),
    ("a_tampered_amount_in_the_url_changes_nothing", paying::tampered_url),
    ("a_tampered_amount_in_the_body_is_refused", paying::tampered_body),
    ("an_amount_changed_before_authentication_is_never_charged", paying::tampered_window),
    ("the_shop_that_confirms_itself_gets_the_order", paying::confirm_by_server),
    ("a_replaced_order_can_no_longer_be_paid", paying::replaced),
    ("the_order_list_follows_the_orders", order_list::follows_the_orders),
    ("a_repeated_idempotency_key_is_answered_with_the_same_bytes", input::idempotency),
    ("bad_input_gets_a_problem_that_names_it", input::bad_orders),
    ("only_a_secret_key_names_its_own_prices", input::own_prices),
    ("bad_requests_get_a_problem", input::bad_requests),
    ("keys_and_tokens_open_only_what_is_theirs", input::other_keys),
    ("the_routes_without_a_key_answer", input::open_routes),
];

/// Those that come last, one at a time.
pub const ALONE: &[Alone] = &[
    ("nothing_but_500_is_unknown_until_the_window_has_passed_and_then_a_failure", faults::nothing_but_500),
    ("killed_while_200_orders_are_being_paid_loses_nothing", crash::killed_while_paying),
    ("a_rebuilt_order_list_is_what_it_was", order_list::is_rebuilt),
    ("every_won_is_explained_at_the_end", crash::every_won_is_explained),
];
