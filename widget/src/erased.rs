//! Closures of one type each, for views.
//!
//! Leptos compiles an effect of its own for every closure type that a view contains, a kilobyte or so each. Behind these
//! every changing text, flag, handler and part of a view is one type, which keeps the download small.

use gyesan_core::page::Page;
use leptos::ev::{Event, MouseEvent};
use leptos::prelude::*;

/// A handler of clicks.
pub type OnClick = Box<dyn FnMut(MouseEvent) + Send>;
/// A handler of other events.
pub type OnEvent = Box<dyn FnMut(Event) + Send>;
/// A text that changes.
pub type ReadText = Box<dyn Fn() -> String + Send + Sync>;
/// One of a few fixed texts, which changes.
pub type ReadWord = Box<dyn Fn() -> &'static str + Send + Sync>;
/// A condition that changes.
pub type ReadFlag = Box<dyn Fn() -> bool + Send + Sync>;

/// A text that changes.
pub fn text(read: impl Fn() -> String + Send + Sync + 'static) -> ReadText {
    Box::new(read)
}

/// A condition that changes.
pub fn flag(read: impl Fn() -> bool + Send + Sync + 'static) -> ReadFlag {
    Box::new(read)
}

/// A condition that changes, for the attributes that want it written out: `true` or `false`.
pub fn written(read: impl Fn() -> bool + Send + Sync + 'static) -> ReadWord {
    Box::new(move || if read() { "true" } else { "false" })
}

/// What a click does.
pub fn click(mut act: impl FnMut() + Send + 'static) -> OnClick {
    Box::new(move |_| act())
}

/// What another event does.
pub fn event(act: impl FnMut(Event) + Send + 'static) -> OnEvent {
    Box::new(act)
}

/// A part of a view that is built anew when what it reads changes.
pub fn part(build: impl Fn() -> AnyView + Send + 'static) -> AnyView {
    again(Box::new(build))
}

/// Not generic, so that its effect exists once.
fn again(build: Box<dyn Fn() -> AnyView + Send>) -> AnyView {
    (move || build()).into_any()
}

/// A part of a view that is built anew when what `reduce` leaves of the page changes, and nothing else does.
pub fn part_of(
    page: RwSignal<Page>,
    reduce: impl Fn(Page) -> Page + Send + Sync + 'static,
    build: impl Fn(Page) -> AnyView + Send + 'static,
) -> AnyView {
    let reduced = Memo::new(move |_| reduce(page.get()));
    part(move || {
        let reduced = reduced.get();
        untrack(|| build(reduced))
    })
}
