//! The checkout's views.
use leptos as _;
