// The SDK of the Toss Payments stand-in: the calls, limits and error codes of https://js.tosspayments.com/v2/standard
// as far as a checkout needs them. It draws its widgets into open shadow roots (the real ones are frames), and always
// leaves by redirect, whatever `windowTarget` says.
(() => {
  'use strict';
  const ORIGIN = '__PUBLIC_ORIGIN__';
  const ANONYMOUS = '@@ANONYMOUS';

  class TossPaymentsError extends Error {
    constructor(code, message) {
      super(message);
      this.name = 'TossPaymentsError';
      this.code = code;
    }
  }
  const fail = (code, message) => { throw new TossPaymentsError(code, message); };

  const TEXTS = {
    ko: {
      methods: '결제 방법', card: '신용·체크카드', tosspay: '토스페이', kakaopay: '카카오페이', transfer: '계좌이체',
      mock: '모의 결제 · 실제로 결제되지 않아요', terms: '[필수] 결제 서비스 이용 약관, 개인정보 처리 동의',
    },
    en: {
      methods: 'Payment method', card: 'Credit or debit card', tosspay: 'Toss Pay', kakaopay: 'Kakao Pay',
      transfer: 'Account transfer', mock: 'Stand-in · no real money moves',
      terms: '[Required] I agree to the payment terms and the processing of personal data',
    },
  };
  const languageOf = (element) => {
    const lang = element?.closest?.('[lang]')?.lang || document.documentElement.lang || 'ko';
    return lang.toLowerCase().startsWith('en') ? 'en' : 'ko';
  };

  const STYLE = `
    :host { all: initial; display: block; font: 15px/1.5 Pretendard, "Apple SD Gothic Neo", "Noto Sans KR", "Noto Sans CJK KR", system-ui, sans-serif; color: inherit; word-break: keep-all; }
    * { box-sizing: border-box; }
    fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
    legend { font-weight: 700; font-size: 16px; padding: 0 0 12px; }
    .grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 8px; }
    .method { position: relative; display: grid; place-items: center; text-align: center; min-height: 52px; padding: 8px; border: 1px solid color-mix(in srgb, currentColor 16%, transparent); border-radius: 12px; cursor: pointer; }
    .method input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: pointer; }
    .method:has(:checked) { border-color: #1b64da; box-shadow: inset 0 0 0 1px #1b64da; font-weight: 600; }
    .method:has(:focus-visible), .terms:has(:focus-visible) { outline: 3px solid #1b64da; outline-offset: 2px; }
    .mock { font-size: 13px; color: color-mix(in srgb, currentColor 68%, transparent); margin: 10px 0 0; }
    .terms { display: flex; gap: 10px; align-items: center; min-height: 44px; border-radius: 8px; cursor: pointer; }
    .terms input { width: 20px; height: 20px; margin: 0; flex: none; accent-color: #1b64da; }`;

  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  // Draws into an element of its own inside the target; answers how to take it away again.
  const mount = (selector, build) => {
    let target = null;
    try { target = document.querySelector(selector); } catch { /* Not a selector: the same answer as no element. */ }
    if (!target) fail('INVALID_SELECTOR', `선택자 '${selector}'에 해당하는 요소를 찾을 수 없습니다.`);
    const host = element('div', { 'data-toss-widget': '' });
    const root = host.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    build(root, TEXTS[languageOf(target)]);
    target.append(host);
    return () => host.remove();
  };

  const listeners = () => {
    const byName = new Map();
    return {
      on: (name, callback) => byName.set(name, [...(byName.get(name) ?? []), callback]),
      emit: (name, value) => (byName.get(name) ?? []).forEach((callback) => callback(value)),
    };
  };

  const checkAmount = (amount) => {
    if (typeof amount?.value !== 'number' || !Number.isSafeInteger(amount.value)) {
      fail('INVALID_AMOUNT_VALUE', '금액은 정수여야 합니다.');
    }
    if (amount.value <= 0) fail('BELOW_ZERO_AMOUNT', '금액은 0보다 커야 합니다.');
    if (amount.currency !== 'KRW') fail('INVALID_AMOUNT_CURRENCY', '지원하지 않는 통화입니다.');
    return { currency: amount.currency, value: amount.value };
  };

  const checkUrl = (url, code) => {
    let parsed = null;
    try { parsed = new URL(url); } catch { /* No origin: refused below. */ }
    if (!parsed || !/^https?:$/.test(parsed.protocol)) fail(code, '주소는 오리진을 포함해야 합니다.');
  };

  const checkRequest = (request) => {
    const text = (name, max) => {
      const value = request[name];
      if (value !== undefined && (typeof value !== 'string' || value.length > max)) {
        fail('INVALID_PARAMETER', `\`${name}\`은(는) ${max}자 이하여야 합니다.`);
      }
    };
    if (typeof request?.orderId !== 'string' || !/^[A-Za-z0-9\-_=]{6,64}$/.test(request.orderId)) {
      fail('INVALID_PARAMETER', '`orderId`는 영문 대소문자, 숫자, 특수문자(-, _, =)로 이루어진 6자 이상 64자 이하의 문자열이어야 합니다.');
    }
    if (typeof request.orderName !== 'string' || request.orderName.length === 0) {
      fail('INVALID_PARAMETER', '`orderName`은 필수입니다.');
    }
    text('orderName', 100);
    text('customerEmail', 100);
    text('customerName', 100);
    if (request.customerMobilePhone !== undefined && !/^\d{8,15}$/.test(request.customerMobilePhone)) {
      fail('INVALID_PARAMETER', '`customerMobilePhone`은 8자 이상 15자 이하의 숫자여야 합니다.');
    }
    if (request.successUrl === undefined && request.failUrl === undefined) {
      fail('NOT_SUPPORTED_PROMISE', '이 환경에서는 successUrl과 failUrl이 필요합니다.');
    }
    checkUrl(request.successUrl, 'INCORRECT_SUCCESS_URL_FORMAT');
    checkUrl(request.failUrl, 'INCORRECT_FAIL_URL_FORMAT');
    if (request.windowTarget !== undefined && !['self', 'iframe'].includes(request.windowTarget)) {
      fail('INVALID_PARAMETER', '`windowTarget`은 self 또는 iframe이어야 합니다.');
    }
    const pairs = Object.entries(request.metadata ?? {});
    const fits = ([key, value]) => key.length <= 40 && !/[[\]]/.test(key) && String(value).length <= 2000;
    if (pairs.length > 5 || !pairs.every(fits)) fail('INVALID_METADATA', 'metadata가 올바르지 않습니다.');
  };

  const checkCustomerKey = (key) => {
    if (typeof key === 'string' && /^(test|live)_g?sk_/.test(key)) {
      fail('INSECURE_KEY_USAGE', '시크릿 키는 브라우저에서 사용할 수 없습니다.');
    }
    if (typeof key !== 'string' || (key !== ANONYMOUS && !/^[A-Za-z0-9\-_=.@]{2,50}$/.test(key))) {
      fail('INVALID_CUSTOMER_KEY', '`customerKey`가 올바르지 않습니다.');
    }
  };

  // Opens the payment at the emulator and takes the whole page to its window.
  const leave = async (clientKey, customerKey, amount, method, request) => {
    let response;
    try {
      response = await fetch(`${ORIGIN}/sdk/payments`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...request, clientKey, customerKey, amount, method, language: languageOf(document.body) }),
      });
    } catch {
      fail('UNKNOWN', '결제 서버에 연결할 수 없습니다.');
    }
    const answer = await response.json();
    if (!response.ok) fail(answer.code, answer.message);
    window.location.assign(answer.url);
  };

  // One requestPayment at a time, as the real SDK has it.
  const oneAtATime = () => {
    let running = false;
    return async (work) => {
      if (running) fail('INVALID_METHOD_TRANSACTION', '다른 요청이 진행 중입니다.');
      running = true;
      try { return await work(); } finally { running = false; }
    };
  };

  const widgetsOf = (clientKey, customerKey) => {
    const exclusively = oneAtATime();
    let amount = null;
    let methods = null;
    let agreement = null;

    const renderPaymentMethods = async ({ selector, variantKey = 'DEFAULT' } = {}) => {
      if (!amount) fail('NOT_SETUP_AMOUNT', 'setAmount를 먼저 호출해야 합니다.');
      if (!variantKey) fail('INVALID_VARIANT_KEY', 'variantKey가 올바르지 않습니다.');
      if (methods) fail('PAYMENT_METHODS_WIDGET_ALREADY_RENDERED', '하나의 결제수단 위젯만 사용할 수 있습니다.');
      const events = listeners();
      const state = { code: 'CARD' };
      const remove = mount(selector, (root, texts) => {
        const options = [['CARD', texts.card], ['TOSSPAY', texts.tosspay], ['KAKAOPAY', texts.kakaopay], ['TRANSFER', texts.transfer]];
        const choice = ([code, label]) => {
          const input = element('input', { type: 'radio', name: 'method', value: code });
          input.checked = code === state.code;
          input.addEventListener('change', () => {
            state.code = code;
            events.emit('paymentMethodSelect', { code });
          });
          return element('label', { class: 'method' }, input, label);
        };
        root.append(element('fieldset', {}, element('legend', {}, texts.methods),
          element('div', { class: 'grid' }, ...options.map(choice))), element('p', { class: 'mock' }, texts.mock));
      });
      methods = state;
      return {
        on: events.on,
        getSelectedPaymentMethod: async () => ({ code: state.code }),
        destroy: async () => { remove(); if (methods === state) methods = null; },
      };
    };

    const renderAgreement = async ({ selector, variantKey = 'AGREEMENT' } = {}) => {
      if (!variantKey) fail('INVALID_VARIANT_KEY', 'variantKey가 올바르지 않습니다.');
      if (agreement) fail('AGREEMENT_WIDGET_ALREADY_RENDERED', '하나의 약관 위젯만 사용할 수 있습니다.');
      const events = listeners();
      const state = { agreedRequiredTerms: true };
      const remove = mount(selector, (root, texts) => {
        const input = element('input', { type: 'checkbox', name: 'required-terms' });
        input.checked = true;
        input.addEventListener('change', () => {
          state.agreedRequiredTerms = input.checked;
          events.emit('agreementStatusChange', { agreedRequiredTerms: input.checked });
        });
        root.append(element('label', { class: 'terms' }, input, texts.terms));
      });
      agreement = state;
      // Told once the caller has had the time to listen.
      setTimeout(() => events.emit('agreementStatusChange', { agreedRequiredTerms: state.agreedRequiredTerms }), 0);
      return {
        on: events.on,
        destroy: async () => { remove(); if (agreement === state) agreement = null; },
      };
    };

    return {
      setAmount: async (wanted) => { amount = checkAmount(wanted); },
      renderPaymentMethods,
      renderAgreement,
      requestPayment: (request) => exclusively(async () => {
        if (!amount) fail('NOT_SETUP_AMOUNT', 'setAmount를 먼저 호출해야 합니다.');
        if (!methods) fail('NOT_SELECTED_PAYMENT_METHOD', '결제수단이 선택되지 않았습니다.');
        if (!agreement?.agreedRequiredTerms) fail('NEED_AGREEMENT_WITH_REQUIRED_TERMS', '필수 약관에 동의해주세요.');
        checkRequest(request);
        await leave(clientKey, customerKey, amount, methods.code, request);
      }),
    };
  };

  const TossPayments = (clientKey) => {
    if (typeof clientKey === 'string' && /^(test|live)_g?sk_/.test(clientKey)) {
      fail('INSECURE_KEY_USAGE', '시크릿 키는 브라우저에서 사용할 수 없습니다.');
    }
    if (typeof clientKey !== 'string' || !/^(test|live)_g?ck_/.test(clientKey)) {
      fail('INVALID_CLIENT_KEY', '잘못된 클라이언트 연동 정보입니다.');
    }
    return {
      widgets: ({ customerKey } = {}) => {
        if (!/_gck_/.test(clientKey)) {
          fail('NOT_SUPPORTED_API_INDIVIDUAL_KEY', 'API 개별 연동 키는 결제위젯에서 사용할 수 없습니다.');
        }
        checkCustomerKey(customerKey);
        return widgetsOf(clientKey, customerKey);
      },
      payment: ({ customerKey } = {}) => {
        checkCustomerKey(customerKey);
        const exclusively = oneAtATime();
        return {
          requestPayment: (request) => exclusively(async () => {
            if (!['CARD', 'TRANSFER', 'VIRTUAL_ACCOUNT', 'MOBILE_PHONE'].includes(request?.method)) {
              fail('NOT_SUPPORTED_METHOD', '지원하지 않는 결제수단입니다.');
            }
            const amount = checkAmount(request.amount);
            checkRequest(request);
            await leave(clientKey, customerKey, amount, request.method, request);
          }),
          destroy: async () => {},
        };
      },
    };
  };
  TossPayments.ANONYMOUS = ANONYMOUS;
  window.TossPayments = TossPayments;
})();
