//! The Toss Payments SDK (`https://js.tosspayments.com/v2/standard`), as far as the checkout uses it:
//! amount, methods, terms, payment (after the types of @tosspayments/tosspayments-sdk 2.8.1).
#![allow(unsafe_code, missing_docs, reason = "wasm-bindgen writes the glue; the names are Toss's")]

use crate::json::{Json, Writer};
use gyesan_core::money::Amount;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// `window.TossPayments(clientKey)`.
    #[wasm_bindgen(catch, js_name = TossPayments)]
    fn toss_payments(client_key: &str) -> Result<Sdk, JsValue>;

    type Sdk;
    #[wasm_bindgen(method, catch)]
    fn widgets(this: &Sdk, params: &JsValue) -> Result<Widgets, JsValue>;

    #[derive(Clone)]
    pub type Widgets;
    #[wasm_bindgen(method, catch, js_name = setAmount)]
    async fn set_amount(this: &Widgets, amount: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = renderPaymentMethods)]
    async fn render_payment_methods(this: &Widgets, params: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = renderAgreement)]
    async fn render_agreement(this: &Widgets, params: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = requestPayment)]
    async fn request_payment(this: &Widgets, params: &JsValue) -> Result<JsValue, JsValue>;

    /// What `renderPaymentMethods` and `renderAgreement` give.
    #[derive(Clone)]
    type Drawn;
    #[wasm_bindgen(method, catch)]
    fn on(this: &Drawn, event: &str, callback: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn destroy(this: &Drawn) -> Result<JsValue, JsValue>;
}

/// The payment methods and terms, drawn into the page.
#[derive(Clone)]
pub struct Window {
    widgets: Widgets,
    methods: Drawn,
    agreement: Drawn,
}

/// What the payment window is opened with.
pub struct Payment<'a> {
    pub order_id: &'a str,
    pub order_name: &'a str,
    pub amount: Amount,
    pub success_url: &'a str,
    pub fail_url: &'a str,
    pub customer_name: &'a str,
    pub customer_email: &'a str,
    /// Digits only.
    pub customer_phone: &'a str,
}

/// Toss takes a decimal number in the currency's major unit, which for the won is the amount itself.
fn amount(amount: Amount) -> JsValue {
    Writer::default().set("currency", "KRW").set("value", amount.minor() as f64).value()
}

/// The code of a Toss error (`USER_CANCEL` …), empty when it has none.
fn code(error: JsValue) -> String {
    Json(error).text_of("code")
}

impl Window {
    /// Draws methods and terms for an amount into the selectors' elements; `on_terms` hears whether
    /// the required terms are agreed to.
    ///
    /// # Errors
    /// Toss's error code, for example `INVALID_CLIENT_KEY`, empty when the script itself is broken.
    pub async fn draw(
        client_key: &str,
        customer_key: &str,
        value: Amount,
        (methods, agreement): (&str, &str),
        on_terms: impl Fn(bool) + 'static,
    ) -> Result<Window, String> {
        let selector = |id: &str, variant: &str| {
            Writer::default().set("selector", id).set("variantKey", variant).value()
        };
        let customer = Writer::default().set("customerKey", customer_key).value();
        let widgets = toss_payments(client_key).and_then(|sdk| sdk.widgets(&customer)).map_err(code)?;
        widgets.set_amount(&amount(value)).await.map_err(code)?;
        let methods: Drawn = widgets
            .render_payment_methods(&selector(methods, "DEFAULT"))
            .await
            .map_err(code)?
            .unchecked_into();
        let drawn = widgets.render_agreement(&selector(agreement, "AGREEMENT")).await.map_err(code);
        let agreement: Drawn = match drawn {
            Ok(agreement) => agreement.unchecked_into(),
            Err(code) => {
                // Only one of each may exist in a page: the next try starts from none.
                let _ = methods.destroy().await;
                return Err(code);
            }
        };
        let hear = Closure::<dyn Fn(JsValue)>::new(move |status| {
            on_terms(Json(status).get("agreedRequiredTerms").is_true());
        });
        agreement.on("agreementStatusChange", &hear.into_js_value()).map_err(code)?;
        Ok(Window { widgets, methods, agreement })
    }

    /// Tells Toss what the cart costs now.
    ///
    /// # Errors
    /// Toss's error code.
    pub async fn set_amount(&self, value: Amount) -> Result<(), String> {
        self.widgets.set_amount(&amount(value)).await.map(drop).map_err(code)
    }

    /// Opens the payment window; with both addresses set the browser leaves the page, so an answer
    /// that is no error says nothing.
    ///
    /// # Errors
    /// Toss's error code, `USER_CANCEL` when the buyer closed the window.
    pub async fn pay(&self, payment: Payment<'_>) -> Result<(), String> {
        let params = Writer::default()
            .set("orderId", payment.order_id)
            .set("orderName", payment.order_name)
            .set("successUrl", payment.success_url)
            .set("failUrl", payment.fail_url);
        // Toss answers INVALID_PARAMETERS to what is present and empty.
        let params = [
            ("customerName", payment.customer_name),
            ("customerEmail", payment.customer_email),
            ("customerMobilePhone", payment.customer_phone),
        ]
        .into_iter()
        .fold(params, |params, (name, text)| params.set_some(name, (!text.is_empty()).then_some(text)));
        self.set_amount(payment.amount).await?;
        self.widgets.request_payment(&params.value()).await.map(drop).map_err(code)
    }

    /// Takes both out of the page, so that they can be drawn again.
    pub async fn destroy(self) {
        let _ = self.methods.destroy().await;
        let _ = self.agreement.destroy().await;
    }
}
