//! What can be wrong with a request: stable codes with their HTTP status and their Korean and English texts.

use serde::{Deserialize, Serialize};

/// The languages that people are answered in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Korean, the default.
    #[default]
    Ko,
    /// English.
    En,
}

impl Language {
    /// The language asked for by an `Accept-Language` header or a locale: English when it comes
    /// before Korean, Korean otherwise.
    pub fn from_tags(tags: &str) -> Language {
        let first = tags.split(',').map(|tag| tag.trim().to_ascii_lowercase()).find_map(|tag| {
            if tag.starts_with("ko") {
                Some(Language::Ko)
            } else if tag.starts_with("en") {
                Some(Language::En)
            } else {
                None
            }
        });
        first.unwrap_or_default()
    }

    /// `ko` or `en`.
    pub const fn tag(self) -> &'static str {
        match self {
            Language::Ko => "ko",
            Language::En => "en",
        }
    }
}

macro_rules! codes {
    ($($name:ident $text:literal $status:literal $ko:literal $en:literal;)*) => {
        /// A stable problem code; written in SCREAMING_SNAKE in JSON.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        pub enum Code {
            $(
                #[doc = $en]
                #[serde(rename = $text)]
                $name,
            )*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The code as it stands in JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text),* }
            }

            /// The HTTP status that the code is answered with.
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status),* }
            }

            /// One sentence for a person.
            pub const fn title(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Code::$name, Language::Ko) => $ko, (Code::$name, Language::En) => $en,)*
                }
            }
        }
    };
}

codes! {
    MalformedJson "MALFORMED_JSON" 400 "요청 본문이 올바른 JSON이 아닙니다." "The body is not valid JSON.";
    Required "REQUIRED" 400 "필수 항목이 빠졌습니다." "A required field is missing.";
    InvalidType "INVALID_TYPE" 400 "항목의 형식이 올바르지 않습니다." "A field has the wrong type.";
    UnknownField "UNKNOWN_FIELD" 400 "알 수 없는 항목이 있습니다." "A field is not known.";
    InvalidValue "INVALID_VALUE" 400 "항목의 값이 올바르지 않습니다." "A field has a value that is not allowed.";
    IdempotencyKeyMissing "IDEMPOTENCY_KEY_MISSING" 400 "Idempotency-Key 헤더가 필요합니다." "The Idempotency-Key header is required.";
    InvalidOrderId "INVALID_ORDER_ID" 400 "주문 번호는 영문, 숫자, -, _ 로 된 6~64자여야 합니다." "An order id is 6 to 64 of A-Z, a-z, 0-9, - and _.";
    Unauthorized "UNAUTHORIZED" 401 "인증 정보가 없거나 올바르지 않습니다." "The credentials are missing or not valid.";
    PaymentRejected "PAYMENT_REJECTED" 402 "결제가 거절되었습니다." "The payment was rejected.";
    Forbidden "FORBIDDEN" 403 "이 키로는 할 수 없는 요청입니다." "This key may not do that.";
    OriginNotAllowed "ORIGIN_NOT_ALLOWED" 403 "등록되지 않은 출처에서 온 요청입니다." "The request's origin is not one of the merchant's.";
    NotFound "NOT_FOUND" 404 "찾을 수 없습니다." "There is nothing here.";
    OrderNotFound "ORDER_NOT_FOUND" 404 "주문을 찾을 수 없습니다." "There is no such order.";
    MethodNotAllowed "METHOD_NOT_ALLOWED" 405 "허용되지 않는 메서드입니다." "The method is not allowed here.";
    IdempotencyKeyInUse "IDEMPOTENCY_KEY_IN_USE" 409 "같은 Idempotency-Key의 요청이 처리 중입니다." "A request with this Idempotency-Key is still running.";
    OrderIdReused "ORDER_ID_REUSED" 409 "같은 주문 번호로 다른 내용의 주문이 이미 있습니다." "The order id is taken by an order with other content.";
    PreviousPaymentInDoubt "PREVIOUS_PAYMENT_IN_DOUBT" 409 "이전 주문의 결제 결과가 아직 확정되지 않았습니다." "The previous order may still be charged.";
    OrderNotPayable "ORDER_NOT_PAYABLE" 409 "결제할 수 없는 상태의 주문입니다." "The order cannot be paid.";
    OrderExpired "ORDER_EXPIRED" 409 "결제 기한이 지난 주문입니다." "The order has expired.";
    AmountMismatch "AMOUNT_MISMATCH" 409 "결제 금액이 주문 금액과 다릅니다." "The amount is not the order's.";
    TooManyAttempts "TOO_MANY_ATTEMPTS" 409 "결제 시도 횟수를 초과했습니다." "The order has been tried too often.";
    PaymentInProgress "PAYMENT_IN_PROGRESS" 409 "결제가 진행 중입니다." "A payment is in progress.";
    ReplayFailed "REPLAY_FAILED" 409 "보류된 레코드를 다시 처리했으나 실패했습니다." "The record could not be handled this time either.";
    NotRebuildable "NOT_REBUILDABLE" 409 "처음부터 다시 읽을 수 없는 컨슈머입니다." "This consumer cannot be rebuilt.";
    BodyTooLarge "BODY_TOO_LARGE" 413 "요청 본문이 너무 큽니다." "The body is larger than 64 KiB.";
    UnsupportedMediaType "UNSUPPORTED_MEDIA_TYPE" 415 "Content-Type은 application/json이어야 합니다." "The Content-Type must be application/json.";
    IdempotencyKeyReused "IDEMPOTENCY_KEY_REUSED" 422 "같은 Idempotency-Key가 다른 내용의 요청에 쓰였습니다." "The Idempotency-Key was used for another request.";
    OrderEmpty "ORDER_EMPTY" 422 "주문에 상품이 없습니다." "The order has no items.";
    TooManyItems "TOO_MANY_ITEMS" 422 "주문할 수 있는 상품 종류는 100개까지입니다." "An order has at most 100 lines.";
    DuplicateOrderItem "DUPLICATE_ORDER_ITEM" 422 "같은 상품이 두 번 들어 있습니다." "A product stands on two lines.";
    QuantityOutOfRange "QUANTITY_OUT_OF_RANGE" 422 "수량은 1개에서 999개까지입니다." "A quantity is 1 to 999.";
    ProductNotFound "PRODUCT_NOT_FOUND" 422 "판매하지 않는 상품입니다." "There is no such product.";
    SellerNotFound "SELLER_NOT_FOUND" 422 "등록되지 않은 판매자입니다." "There is no such seller.";
    AmountTooSmall "AMOUNT_TOO_SMALL" 422 "결제 금액은 100원 이상이어야 합니다." "The amount is below 100 won.";
    AmountTooLarge "AMOUNT_TOO_LARGE" 422 "결제 금액은 1억 원 이하여야 합니다." "The amount is above 100,000,000 won.";
    PaymentMethodNotSupported "PAYMENT_METHOD_NOT_SUPPORTED" 422 "지원하지 않는 결제 수단입니다." "The payment method is not supported.";
    CouponNotFound "COUPON_NOT_FOUND" 422 "없는 쿠폰입니다." "There is no such coupon.";
    CouponExpired "COUPON_EXPIRED" 422 "사용 기간이 아닌 쿠폰입니다." "The coupon is not valid now.";
    CouponMinimumNotMet "COUPON_MINIMUM_NOT_MET" 422 "쿠폰을 쓸 수 있는 최소 주문 금액보다 적습니다." "The order is below the coupon's minimum.";
    ReturnUrlNotAllowed "RETURN_URL_NOT_ALLOWED" 422 "등록된 출처의 주소로만 돌아갈 수 있습니다." "The return URL is not on one of the merchant's origins.";
    InvalidBuyer "INVALID_BUYER" 422 "구매자 정보를 확인해 주세요." "The buyer's details are not valid.";
    InvalidBuyerName "INVALID_BUYER_NAME" 422 "이름을 1~50자로 입력해 주세요." "Enter a name of 1 to 50 characters.";
    InvalidBuyerEmail "INVALID_BUYER_EMAIL" 422 "이메일 주소를 확인해 주세요." "Enter a valid e-mail address.";
    InvalidBuyerPhone "INVALID_BUYER_PHONE" 422 "휴대폰 번호를 확인해 주세요. 예: 010-1234-5678" "Enter a Korean phone number, such as 010-1234-5678.";
    RateLimited "RATE_LIMITED" 429 "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요." "Too many requests. Try again shortly.";
    Internal "INTERNAL_ERROR" 500 "내부 오류가 발생했습니다." "Something went wrong on our side.";
    ServiceUnavailable "SERVICE_UNAVAILABLE" 503 "일시적으로 처리할 수 없습니다. 잠시 후 다시 시도해 주세요." "Temporarily unavailable. Try again shortly.";
}

/// A fault of one field of a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FieldFault {
    /// Where it is: a JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What is wrong with it.
    pub code: Code,
}

impl FieldFault {
    /// A fault at a pointer.
    pub fn new(pointer: impl Into<String>, code: Code) -> FieldFault {
        FieldFault { pointer: pointer.into(), code }
    }

    /// The same fault, below a parent.
    pub fn below(mut self, parent: &str) -> FieldFault {
        self.pointer.insert_str(0, parent);
        self
    }
}
