//! What `checkout.js` hands to `mount`: the element's attributes, and the requests that it has already sent.

use crate::browser;
use crate::json::Json;
use gyesan_core::problem::Language;
use js_sys::{Function, Promise};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// A product and how many of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CartItem {
    /// The catalogue's id.
    pub product_id: String,
    /// How many.
    pub quantity: u32,
}

/// The loader's side of the page.
#[derive(Clone)]
pub struct Options {
    /// The custom element, on which events are raised.
    pub element: HtmlElement,
    /// Whether this is the result page.
    pub is_result: bool,
    /// Where the API is.
    pub api: String,
    /// The publishable key.
    pub key: String,
    /// The language that the page opens in.
    pub language: Language,
    /// What is bought, when the page prices it from the catalogue.
    pub items: Vec<CartItem>,
    /// The coupon that the merchant has filled in; empty when there is none.
    pub coupon: String,
    /// The merchant's member.
    pub member: Option<String>,
    /// Where the merchant wants the buyer back.
    pub return_url: Option<String>,
    /// An order that the merchant's server has made, with its status token.
    pub order: Option<(String, String)>,
    /// Where the PSP draws its methods and its terms: selectors of light-DOM targets.
    pub methods: String,
    /// Likewise the terms.
    pub agreement: String,
    /// The answers on their way: configuration and first quote.
    pub config: Option<Promise>,
    /// Likewise the quote.
    pub quote: Option<Promise>,
    /// Loads the PSP's script once: URL in, promise out.
    pub load_sdk: Option<Function>,
}

impl Options {
    /// Reads the loader's object and the element's attributes; what is missing gets the contract's default.
    pub fn read(object: Json, element: HtmlElement) -> Options {
        let filled = |name: &str| element.get_attribute(name).filter(|text| !text.is_empty());
        let promise = |name: &str| object.get(name).0.dyn_into::<Promise>().ok();
        let document = leptos::prelude::document();
        let page_language = document.document_element().and_then(|root| root.get_attribute("lang"));
        let language = filled("lang")
            .or(page_language.filter(|tag| !tag.is_empty()))
            .or_else(|| leptos::prelude::window().navigator().language());
        let items = object.get("items").items();
        let items = items.iter().map(|item| CartItem {
            product_id: item.text_of("productId"),
            quantity: item.get("quantity").count().unwrap_or(1),
        });
        Options {
            is_result: element.get_attribute("mode").as_deref() == Some("result"),
            api: object.text_of("api"),
            key: filled("key").unwrap_or_default(),
            language: Language::from_tags(&language.unwrap_or_default()),
            items: items.collect(),
            coupon: filled("coupon").unwrap_or_default(),
            member: filled("member"),
            return_url: filled("return-url"),
            order: filled("order").zip(filled("token")),
            methods: target(&element, "methods"),
            agreement: target(&element, "agreement"),
            config: promise("config"),
            quote: promise("quote"),
            load_sdk: object.get("loadSdk").0.dyn_into::<Function>().ok(),
            element,
        }
    }
}

/// The PSP's target: it is found by `document.querySelector`, which does not look into a shadow root, so it is
/// a light-DOM child of the element, shown through the view's slot of that name.
fn target(element: &HtmlElement, name: &str) -> String {
    let slot = format!("gyesan-{name}");
    if let Ok(Some(there)) = element.query_selector(&format!("[slot={slot}]")) {
        return format!("#{}", there.id());
    }
    let id = format!("{slot}-{}", browser::random().unwrap_or_default() as u32);
    if let Ok(child) = leptos::prelude::document().create_element("div") {
        child.set_id(&id);
        child.set_slot(&slot);
        // Appending a fresh element to one that is in the document cannot fail.
        let _ = element.append_child(&child);
    }
    format!("#{id}")
}
