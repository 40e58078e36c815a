//! Toss's error codes for confirm, cancel and query: HTTP status, messages, and whether a confirm that is answered
//! with the code is over for good.
//!
//! Statuses and Korean messages are those of Toss's reference (`docs.tosspayments.com/reference/error-codes`); long
//! messages are given by their first sentence, and the English ones are translations.

/// One row of the table.
#[derive(Debug)]
pub struct Code {
    /// HTTP status that Toss answers it with.
    pub status: u16,
    /// The code.
    pub code: &'static str,
    /// The Korean message.
    pub korean: &'static str,
    /// The message under `Accept-Language: en-US`.
    pub english: &'static str,
    /// A confirm answered with it has been refused: the payment will never be approved.
    pub refuses: bool,
}

/// The row of a code.
pub fn lookup(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|row| row.code == code)
}

const fn row(status: u16, code: &'static str, korean: &'static str, english: &'static str) -> Code {
    Code { status, code, korean, english, refuses: false }
}

const fn refusal(status: u16, code: &'static str, korean: &'static str, english: &'static str) -> Code {
    Code { status, code, korean, english, refuses: true }
}

// One row a line, however long.
#[rustfmt::skip]
const CODES: &[Code] = &[
    // Confirm.
    row(400, "ALREADY_PROCESSED_PAYMENT", "이미 처리된 결제 입니다.", "This payment has already been processed."),
    row(400, "PROVIDER_ERROR", "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요.", "A temporary error has occurred. Please try again in a moment."),
    refusal(400, "EXCEED_MAX_CARD_INSTALLMENT_PLAN", "설정 가능한 최대 할부 개월 수를 초과했습니다.", "The maximum number of instalments has been exceeded."),
    refusal(400, "INVALID_REQUEST", "잘못된 요청입니다.", "The request is invalid."),
    refusal(400, "NOT_ALLOWED_POINT_USE", "포인트 사용이 불가한 카드로 카드 포인트 결제에 실패했습니다.", "This card does not allow the use of points."),
    row(400, "INVALID_API_KEY", "잘못된 시크릿키 연동 정보 입니다.", "The secret key is not valid for this request."),
    refusal(400, "INVALID_REJECT_CARD", "카드 사용이 거절되었습니다. 카드사 문의가 필요합니다.", "The card was declined. Please contact the card company."),
    refusal(400, "BELOW_MINIMUM_AMOUNT", "신용카드는 결제금액이 100원 이상, 계좌는 200원이상부터 결제가 가능합니다.", "The minimum is 100 won by card and 200 won by account."),
    refusal(400, "INVALID_CARD_EXPIRATION", "카드 정보를 다시 확인해주세요. (유효기간)", "Please check the card's expiry date."),
    refusal(400, "INVALID_STOPPED_CARD", "정지된 카드 입니다.", "The card has been suspended."),
    refusal(400, "EXCEED_MAX_DAILY_PAYMENT_COUNT", "하루 결제 가능 횟수를 초과했습니다.", "The number of payments per day has been exceeded."),
    refusal(400, "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT", "할부가 지원되지 않는 카드 또는 가맹점 입니다.", "Instalments are not supported by this card or merchant."),
    refusal(400, "INVALID_CARD_INSTALLMENT_PLAN", "할부 개월 정보가 잘못되었습니다.", "The instalment plan is invalid."),
    refusal(400, "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN", "할부가 지원되지 않는 카드입니다.", "The card does not support instalments."),
    refusal(400, "EXCEED_MAX_PAYMENT_AMOUNT", "하루 결제 가능 금액을 초과했습니다.", "The daily payment limit has been exceeded."),
    row(400, "NOT_FOUND_TERMINAL_ID", "단말기번호(Terminal Id)가 없습니다. 토스페이먼츠로 문의 바랍니다.", "There is no terminal id. Please contact Toss Payments."),
    refusal(400, "INVALID_AUTHORIZE_AUTH", "유효하지 않은 인증 방식입니다.", "The authentication method is invalid."),
    refusal(400, "INVALID_CARD_LOST_OR_STOLEN", "분실 혹은 도난 카드입니다.", "The card was reported lost or stolen."),
    refusal(400, "RESTRICTED_TRANSFER_ACCOUNT", "계좌는 등록 후 12시간 뒤부터 결제할 수 있습니다.", "An account can be used 12 hours after its registration."),
    refusal(400, "INVALID_CARD_NUMBER", "카드번호를 다시 확인해주세요.", "Please check the card number."),
    row(400, "INVALID_UNREGISTERED_SUBMALL", "등록되지 않은 서브몰입니다.", "The submall is not registered."),
    row(400, "NOT_REGISTERED_BUSINESS", "등록되지 않은 사업자 번호입니다.", "The business number is not registered."),
    refusal(400, "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT", "1일 출금 한도를 초과했습니다.", "The daily withdrawal limit has been exceeded."),
    refusal(400, "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT", "1회 출금 한도를 초과했습니다.", "The withdrawal limit has been exceeded."),
    row(400, "CARD_PROCESSING_ERROR", "카드사에서 오류가 발생했습니다.", "An error occurred at the card company."),
    refusal(400, "EXCEED_MAX_AMOUNT", "거래금액 한도를 초과했습니다.", "The transaction limit has been exceeded."),
    refusal(400, "INVALID_ACCOUNT_INFO_RE_REGISTER", "유효하지 않은 계좌입니다. 계좌 재등록 후 시도해주세요.", "The account is invalid. Please register it again."),
    refusal(400, "NOT_AVAILABLE_PAYMENT", "결제가 불가능한 시간대입니다", "Payments are not available at this time."),
    row(400, "UNAPPROVED_ORDER_ID", "아직 승인되지 않은 주문번호입니다.", "The order has not been approved yet."),
    refusal(400, "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT", "당월 결제 가능금액인 1,000,000원을 초과 하셨습니다.", "The monthly limit of 1,000,000 won has been exceeded."),
    refusal(400, "EXCEEDS_TRANSFER_AMOUNT_MAXIMUM", "계좌이체는 한 번에 1,000만 원 이하로만 결제하실 수 있어요.", "A transfer cannot exceed 10,000,000 won."),
    row(401, "UNAUTHORIZED_KEY", "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다.", "The secret key or client key is not authorized."),
    refusal(403, "REJECT_ACCOUNT_PAYMENT", "잔액부족으로 결제에 실패했습니다.", "The payment failed: insufficient balance."),
    refusal(403, "REJECT_CARD_PAYMENT", "한도초과 혹은 잔액부족으로 결제에 실패했습니다.", "The payment failed: limit exceeded or insufficient balance."),
    refusal(403, "REJECT_CARD_COMPANY", "결제 승인이 거절되었습니다.", "The payment was declined."),
    row(403, "FORBIDDEN_REQUEST", "허용되지 않은 요청입니다.", "The request is not allowed."),
    refusal(403, "REJECT_TOSSPAY_INVALID_ACCOUNT", "선택하신 출금 계좌가 출금이체 등록이 되어 있지 않아요.", "The chosen account is not registered for withdrawals."),
    refusal(403, "EXCEED_MAX_AUTH_COUNT", "최대 인증 횟수를 초과했습니다. 카드사로 문의해주세요.", "Too many authentications. Please contact the card company."),
    refusal(403, "EXCEED_MAX_ONE_DAY_AMOUNT", "일일 한도를 초과했습니다.", "The daily limit has been exceeded."),
    refusal(403, "NOT_AVAILABLE_BANK", "은행 서비스 시간이 아닙니다.", "The bank is closed at this time."),
    refusal(403, "INVALID_PASSWORD", "결제 비밀번호가 일치하지 않습니다.", "The payment password does not match."),
    row(403, "INCORRECT_BASIC_AUTH_FORMAT", "잘못된 요청입니다. ':' 를 포함해 인코딩해주세요.", "Invalid request. Please include ':' when encoding."),
    refusal(403, "FDS_ERROR", "[토스페이먼츠] 위험거래가 감지되어 결제가 제한됩니다.", "[Toss Payments] The payment was blocked as risky."),
    refusal(404, "NOT_FOUND_PAYMENT", "존재하지 않는 결제 정보 입니다.", "The payment does not exist."),
    refusal(404, "NOT_FOUND_PAYMENT_SESSION", "결제 시간이 만료되어 결제 진행 데이터가 존재하지 않습니다.", "The payment has timed out and its session no longer exists."),
    row(409, "IDEMPOTENT_REQUEST_PROCESSING", "이전 멱등 요청이 처리중입니다.", "The previous idempotent request is being processed."),
    row(500, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", "결제가 완료되지 않았어요. 다시 시도해주세요.", "The payment was not completed. Please try again."),
    row(500, "FAILED_INTERNAL_SYSTEM_PROCESSING", "내부 시스템 처리 작업이 실패했습니다. 잠시 후 다시 시도해주세요.", "Internal processing failed. Please try again in a moment."),
    row(500, "UNKNOWN_PAYMENT_ERROR", "결제에 실패했어요. 같은 문제가 반복된다면 은행이나 카드사로 문의해주세요.", "The payment failed. If it happens again, please contact your bank or card company."),
    // Cancel.
    row(400, "ALREADY_CANCELED_PAYMENT", "이미 취소된 결제 입니다.", "This payment has already been cancelled."),
    row(400, "INVALID_REFUND_ACCOUNT_INFO", "환불 계좌번호와 예금주명이 일치하지 않습니다.", "The refund account and its holder do not match."),
    row(400, "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT", "즉시할인금액보다 적은 금액은 부분취소가 불가능합니다.", "Less than the instant discount cannot be cancelled."),
    row(400, "INVALID_REFUND_ACCOUNT_NUMBER", "잘못된 환불 계좌번호입니다.", "The refund account number is invalid."),
    row(400, "INVALID_BANK", "유효하지 않은 은행입니다.", "The bank is invalid."),
    row(400, "NOT_MATCHES_REFUNDABLE_AMOUNT", "잔액 결과가 일치하지 않습니다.", "The refundable amount does not match."),
    row(400, "REFUND_REJECTED", "환불이 거절됐습니다. 결제사에 문의 부탁드립니다.", "The refund was rejected. Please contact the provider."),
    row(400, "ALREADY_REFUND_PAYMENT", "이미 환불된 결제입니다.", "This payment has already been refunded."),
    row(400, "FORBIDDEN_BANK_REFUND_REQUEST", "고객 계좌가 입금이 되지 않는 상태입니다.", "The buyer's account cannot receive deposits."),
    row(403, "NOT_CANCELABLE_AMOUNT", "취소 할 수 없는 금액 입니다.", "This amount cannot be cancelled."),
    row(403, "FORBIDDEN_CONSECUTIVE_REQUEST", "반복적인 요청은 허용되지 않습니다. 잠시 후 다시 시도해주세요.", "Repeated requests are not allowed. Please try again in a moment."),
    row(403, "NOT_CANCELABLE_PAYMENT", "취소 할 수 없는 결제 입니다.", "This payment cannot be cancelled."),
    row(403, "EXCEED_MAX_REFUND_DUE", "환불 가능한 기간이 지났습니다.", "The refund period has passed."),
    row(403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT", "입금 대기중인 결제는 부분 환불이 불가합니다.", "A payment that waits for its deposit cannot be refunded in part."),
    row(403, "NOT_ALLOWED_PARTIAL_REFUND", "에스크로 주문, 현금 카드 결제일 때는 부분 환불이 불가합니다.", "This payment cannot be refunded in part."),
    row(403, "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER", "휴면 처리된 회원의 결제는 취소할 수 없습니다.", "The payment of a dormant member cannot be cancelled."),
    row(403, "EXCEED_CANCEL_LIMIT", "취소 한도 금액을 초과 하였습니다.", "The cancellation limit has been exceeded."),
    row(500, "FAILED_REFUND_PROCESS", "은행 응답시간 지연이나 일시적인 오류로 환불요청에 실패했습니다.", "The refund failed because of a temporary error."),
    row(500, "FAILED_METHOD_HANDLING_CANCEL", "취소 중 결제 시 사용한 결제 수단 처리과정에서 일시적인 오류가 발생했습니다.", "A temporary error occurred at the payment method."),
    row(500, "FAILED_PARTIAL_REFUND", "은행 점검, 해약 계좌 등의 사유로 부분 환불이 실패했습니다.", "The partial refund failed at the bank."),
    row(500, "COMMON_ERROR", "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요.", "A temporary error has occurred. Please try again in a moment."),
    // Any call. The messages of the last two are not in the public tables.
    row(404, "NOT_FOUND", "존재하지 않는 정보 입니다.", "Not found."),
    row(400, "INVALID_IDEMPOTENCY_KEY", "멱등키는 300자 이하여야 합니다.", "An idempotency key has at most 300 characters."),
    row(400, "INVALID_TEST_CODE", "유효하지 않은 테스트 코드입니다.", "The test code is invalid."),
];
