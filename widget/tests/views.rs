//! The views in a browser, with stand-ins for the network and for Toss.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, unsafe_code, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use gyesan_widget::json::{Json, Writer, array};
use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Event, HtmlElement, HtmlInputElement};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(module = "/tests/stand_ins.js")]
extern "C" {
    fn reset();
    fn answer(method: &str, path: &str, status: u16, body: &str);
    fn end_window(code: &str);
    fn requests(method: &str, path: &str) -> Vec<String>;
    fn toss(name: &str) -> Vec<String>;
    fn address(search: &str);
}

const CONFIG: &str = r#"{"merchant":{"id":"demo","name":"시험 상점"},"currency":"KRW",
    "psp":{"name":"toss","clientKey":"test_gck_x","sdkUrl":"about:blank","customerKey":"c_1"},"methods":["CARD"],"locales":["ko","en"]}"#;
const QUOTE: &str = r#"{"orderName":"상품A 외 1건","currency":"KRW","grossAmount":6500,"discount":0,"amount":6500,"lines":[
    {"productId":"A","name":"상품A","unitPrice":1000,"quantity":2,"grossAmount":2000,"discount":0,"amount":2000,"sellerId":"A"},
    {"productId":"D","name":"상품D","unitPrice":4500,"quantity":1,"grossAmount":4500,"discount":0,"amount":4500,"sellerId":"B"}]}"#;

fn order(amount: u32, payment: &str, standing: &str) -> String {
    format!(
        r#"{{"orderId":"{{id}}","orderName":"상품A 외 1건","currency":"KRW","grossAmount":{amount},"discount":0,"amount":{amount},
        "paymentStatus":"{payment}","orderStatus":"{standing}","statusToken":"st_1","lines":[],"failure":null,
        "psp":{{"successUrl":"https://pay.example/success","failUrl":"https://pay.example/fail"}}}}"#
    )
}

struct Mounted {
    element: HtmlElement,
    unmount: Function,
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.unmount.call0(&JsValue::UNDEFINED).unwrap();
        self.element.remove();
    }
}

impl Mounted {
    fn find(&self, selector: &str) -> Option<HtmlElement> {
        self.element.query_selector(selector).unwrap().map(JsCast::unchecked_into)
    }

    fn text(&self, selector: &str) -> String {
        self.find(selector).and_then(|found| found.text_content()).unwrap_or_default()
    }

    async fn shows(&self, selector: &str, words: &str) {
        for _ in 0..400 {
            if self.text(selector).contains(words) {
                return;
            }
            gyesan_widget::browser::sleep(10).await;
        }
        panic!("{selector} shows {:?}, not {words:?}: {}", self.text(selector), self.element.inner_html());
    }

    async fn is_ready(&self) {
        for _ in 0..400 {
            if self.find(".pay").is_some_and(|button| !button.has_attribute("disabled")) {
                return;
            }
            gyesan_widget::browser::sleep(10).await;
        }
        panic!("the pay button stays locked: {}", self.element.inner_html());
    }

    fn press(&self, selector: &str) {
        self.find(selector).unwrap().click();
    }

    fn write(&self, selector: &str, text: &str) {
        let input: HtmlInputElement = self.find(selector).unwrap().unchecked_into();
        input.set_value(text);
        let init = web_sys::EventInit::new();
        init.set_bubbles(true);
        input.dispatch_event(&Event::new_with_event_init_dict("input", &init).unwrap()).unwrap();
    }

    fn fill(&self) {
        self.write("#name", "김토스");
        self.write("#phone", "010-1234-5678");
        self.write("#email", "toss@example.com");
    }
}

fn element(attributes: &[(&str, &str)]) -> HtmlElement {
    let document = leptos::prelude::document();
    let element: HtmlElement = document.create_element("div").unwrap().unchecked_into();
    for (name, value) in attributes {
        element.set_attribute(name, value).unwrap();
    }
    document.body().unwrap().append_child(&element).unwrap();
    element
}

fn mount(attributes: &[(&str, &str)]) -> Mounted {
    let element = element(attributes);
    let host: HtmlElement = leptos::prelude::document().create_element("div").unwrap().unchecked_into();
    element.append_child(&host).unwrap();
    let item =
        |id: &str, quantity: u32| Writer::default().set("productId", id).set("quantity", quantity).value();
    let options = Writer::default()
        .set("element", element.clone())
        .set("api", "https://api.example")
        .set("items", array([item("A", 2), item("D", 1)]));
    Mounted { unmount: gyesan_widget::mount(host, options.value()), element }
}

fn shop() -> Mounted {
    mount(&[("key", "pk_test_x"), ("lang", "ko")])
}

fn usual_answers() {
    reset();
    answer("GET", "/v1/checkout/config", 200, CONFIG);
    answer("POST", "/v1/quotes", 200, QUOTE);
}

#[wasm_bindgen_test]
async fn the_cart_is_shown_and_can_be_paid_once_the_methods_are_drawn() {
    usual_answers();
    let page = shop();
    page.is_ready().await;
    assert_eq!(page.text(".shop"), "시험 상점");
    assert_eq!(page.text(".pay").trim(), "6,500원 결제하기");
    assert_eq!(page.text("[slot=gyesan-methods]"), "methods");
    assert_eq!(toss("widgets"), ["test_gck_x c_1"]);
    page.press(".languages button:last-child");
    page.shows(".pay", "Pay ₩6,500").await;
}

#[wasm_bindgen_test]
async fn a_form_with_faults_sends_nothing_and_says_what_is_wrong() {
    usual_answers();
    let page = shop();
    page.is_ready().await;
    page.write("#email", "nope");
    page.press(".pay");
    page.shows("#email-fault", "이메일").await;
    page.shows(".notice", "확인해 주세요").await;
    assert!(!page.text("#name-fault").is_empty());
    page.write("#email", "toss@example.com");
    page.shows("#email-fault", "").await;
    assert!(requests("PUT", "/").is_empty());
}

#[wasm_bindgen_test]
async fn a_stepper_shows_the_price_at_once_and_asks_the_server() {
    usual_answers();
    let page = shop();
    page.is_ready().await;
    page.press(".line:first-child .stepper button:last-child");
    page.shows(".line:first-child .line-amount", "3,000원").await;
    for _ in 0..100 {
        if requests("POST", "/v1/quotes").len() == 2 {
            break;
        }
        gyesan_widget::browser::sleep(10).await;
    }
    assert!(requests("POST", "/v1/quotes")[1].contains(r#"{"productId":"A","quantity":3}"#));
}

#[wasm_bindgen_test]
async fn a_coupon_that_does_not_fit_is_taken_off_with_the_reason() {
    usual_answers();
    let page = shop();
    page.is_ready().await;
    reset();
    answer("POST", "/v1/quotes", 422, r#"{"code":"COUPON_NOT_FOUND","title":"없는 쿠폰입니다."}"#);
    answer("POST", "/v1/quotes", 200, QUOTE);
    page.write("#coupon", "NOPE");
    page.press(".coupon button");
    page.shows("#coupon-fault", "없는 쿠폰입니다.").await;
    page.is_ready().await;
    assert!(requests("POST", "/v1/quotes")[0].contains("NOPE"));
    assert!(!requests("POST", "/v1/quotes")[1].contains("NOPE"));
}

#[wasm_bindgen_test]
async fn a_canceled_window_leaves_the_same_order_to_be_paid() {
    usual_answers();
    answer("PUT", "/v1/orders/", 201, &order(6_500, "NOT_STARTED", "ORDER_COMPLETED"));
    end_window("USER_CANCEL");
    end_window("REJECT_CARD_COMPANY");
    let page = shop();
    page.is_ready().await;
    page.fill();
    page.press(".pay");
    page.shows(".notice", "취소했어요").await;
    page.press(".pay");
    page.shows(".notice", "승인되지 않았어요").await;
    let windows = toss("requestPayment");
    assert_eq!(windows.len(), 2);
    assert_eq!(windows[0], windows[1]);
    assert!(windows[0].starts_with("ord_01") && windows[0].ends_with(" 01012345678"), "{windows:?}");
}

#[wasm_bindgen_test]
async fn two_presses_send_one_order() {
    usual_answers();
    answer("PUT", "/v1/orders/", 201, &order(6_500, "NOT_STARTED", "ORDER_COMPLETED"));
    let page = shop();
    page.is_ready().await;
    page.fill();
    page.press(".pay");
    page.press(".pay");
    page.shows(".pay", "결제창을 여는 중").await;
    gyesan_widget::browser::sleep(200).await;
    assert_eq!(requests("PUT", "/v1/orders/").len(), 1);
    assert_eq!(toss("requestPayment").len(), 1);
}

#[wasm_bindgen_test]
async fn another_price_than_the_one_shown_is_not_paid_without_a_second_press() {
    usual_answers();
    answer("PUT", "/v1/orders/", 201, &order(7_000, "NOT_STARTED", "ORDER_COMPLETED"));
    let page = shop();
    page.is_ready().await;
    page.fill();
    page.press(".pay");
    page.shows(".notice", "가격이 바뀌었어요").await;
    assert_eq!(page.text(".pay").trim(), "7,000원 결제하기");
    assert!(toss("requestPayment").is_empty());
}

#[wasm_bindgen_test]
async fn a_lost_answer_is_asked_for_again_under_the_same_id() {
    usual_answers();
    answer("PUT", "/v1/orders/", 0, "");
    answer("PUT", "/v1/orders/", 201, &order(6_500, "NOT_STARTED", "ORDER_COMPLETED"));
    let page = shop();
    page.is_ready().await;
    page.fill();
    page.press(".pay");
    page.shows(".pay", "결제창을 여는 중").await;
    for _ in 0..300 {
        if !toss("requestPayment").is_empty() {
            break;
        }
        gyesan_widget::browser::sleep(10).await;
    }
    let sent = requests("PUT", "/v1/orders/");
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], sent[1]);
}

#[wasm_bindgen_test]
async fn a_payment_in_doubt_locks_the_page_and_links_to_the_result() {
    usual_answers();
    answer("PUT", "/v1/orders/", 200, &order(6_500, "UNKNOWN", "ORDER_COMPLETED"));
    let page = shop();
    page.is_ready().await;
    page.fill();
    page.press(".pay");
    page.shows(".panel h2", "이전 결제를 확인하고 있어요").await;
    let link = page.find(".panel a").unwrap().get_attribute("href").unwrap();
    assert!(link.starts_with("https://api.example/checkout/result?orderId=ord_"), "{link}");
    assert!(page.find(".panel button").is_none());
}

#[wasm_bindgen_test]
async fn a_key_of_nobody_is_said_and_a_lost_network_can_be_tried_again() {
    reset();
    answer("GET", "/v1/checkout/config", 401, r#"{"code":"UNAUTHORIZED","title":"…"}"#);
    answer("POST", "/v1/quotes", 401, r#"{"code":"UNAUTHORIZED","title":"…"}"#);
    let page = shop();
    page.shows(".panel .code", "UNAUTHORIZED").await;
    assert!(page.find(".panel button").is_none());
    drop(page);

    reset();
    let page = shop();
    page.shows(".panel h2", "연결이 끊겼어요").await;
    answer("GET", "/v1/checkout/config", 200, CONFIG);
    answer("POST", "/v1/quotes", 200, QUOTE);
    page.press(".panel button");
    page.is_ready().await;
}

#[wasm_bindgen_test]
async fn leaving_the_page_takes_the_psp_s_widgets_out() {
    usual_answers();
    let page = shop();
    page.is_ready().await;
    drop(page);
    for _ in 0..100 {
        if !toss("destroy").is_empty() {
            return;
        }
        gyesan_widget::browser::sleep(10).await;
    }
    panic!("the methods were not destroyed");
}

#[wasm_bindgen_test]
async fn the_result_page_waits_for_the_psp_and_then_tells() {
    reset();
    answer("GET", "/v1/orders/ord_1", 200, &order(6_500, "UNKNOWN", "ORDER_COMPLETED"));
    answer("GET", "/v1/orders/ord_1", 200, &order(6_500, "SUCCESS", "PAYMENT_COMPLETED"));
    address("?orderId=ord_1&token=st_1&paymentKey=secret");
    let page = mount(&[("mode", "result"), ("lang", "ko")]);
    page.shows("h1", "결제를 확인하고 있어요").await;
    page.shows("h1", "결제가 완료됐어요").await;
    page.shows(".facts", "6,500원").await;
    let search = leptos::prelude::window().location().search().unwrap();
    assert_eq!(search, "?orderId=ord_1&token=st_1");
    address("");
}

#[wasm_bindgen_test]
async fn a_result_page_without_an_order_says_what_happened() {
    reset();
    address("?error=AMOUNT_MISMATCH");
    let page = mount(&[("mode", "result"), ("lang", "en")]);
    page.shows(".panel", "The amount is not the order's.").await;
    address("");
}

#[wasm_bindgen_test]
fn an_amount_is_an_integer_in_range() {
    let amount = |text: &str| Json::parse(text).unwrap().amount().map(|amount| amount.minor());
    assert_eq!(amount("6500"), Some(6_500));
    assert_eq!(amount("9007199254740991"), Some(9_007_199_254_740_991));
    for wrong in ["6500.5", "-1", "9007199254740992", "\"6500\"", "null"] {
        assert_eq!(amount(wrong), None, "{wrong}");
    }
    assert!(Reflect::has(&Writer::default().set("a", 1).value(), &"a".into()).unwrap());
}

#[wasm_bindgen_test]
fn a_cart_keeps_its_order_and_another_cart_replaces_it() {
    use gyesan_widget::session::Order;
    reset();
    let first = Order::of_cart(None, "A:1", false).unwrap();
    first.save("pk");
    assert_eq!(Order::of_cart(Order::load("pk"), "A:1", false).unwrap().id, first.id);
    let second = Order::of_cart(Order::load("pk"), "A:2", false).unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(second.replaces, first.id);
    Order::forget("pk");
    assert!(Order::load("pk").is_none());
}
