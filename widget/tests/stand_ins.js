// Stand-ins for the network and for Toss, which note what they were asked.
let state;

export function reset() {
  state = { requests: [], toss: [], answers: [], ends: [] };
  sessionStorage.clear();
  window.fetch = async (request, init) => {
    const { url, method } = typeof request === 'string' ? { url: request, method: init?.method ?? 'GET' } : request;
    const body = typeof request === 'string' ? init?.body : await request.clone().text();
    const path = new URL(url, location.href).pathname;
    state.requests.push({ method, path, body: body || '' });
    const i = state.answers.findIndex((answer) => answer.method === method && path.startsWith(answer.path));
    if (i < 0) throw new TypeError(`no answer for ${method} ${path}`);
    const answer = state.answers[i];
    // The last of its kind stays, the others are given once.
    if (state.answers.filter((other) => other.method === method && other.path === answer.path).length > 1) state.answers.splice(i, 1);
    if (answer.status === 0) throw new TypeError('offline');
    return new Response(answer.body.replaceAll('{id}', path.split('/').pop()), { status: answer.status });
  };
  window.TossPayments = (key) => ({
    widgets: ({ customerKey }) => {
      state.toss.push(['widgets', key, customerKey]);
      return {
        setAmount: async ({ value }) => { state.toss.push(['setAmount', value]); },
        renderPaymentMethods: async ({ selector }) => {
          document.querySelector(selector).textContent = 'methods';
          return { on() {}, destroy: async () => { state.toss.push(['destroy']); } };
        },
        renderAgreement: async () => ({
          on: (_, hear) => hear({ agreedRequiredTerms: true }), destroy: async () => {},
        }),
        requestPayment: async (request) => {
          state.toss.push(['requestPayment', request.orderId, request.customerMobilePhone]);
          const code = state.ends.shift();
          if (code) throw { code, message: '' };
          await new Promise(() => {});
        },
      };
    },
  });
}

export function answer(method, path, status, body) { state.answers.push({ method, path, status, body }); }
export function end_window(code) { state.ends.push(code); }
export function requests(method, path) {
  return state.requests.filter((made) => made.method === method && made.path.startsWith(path)).map((made) => `${made.path} ${made.body}`);
}
export function toss(name) { return state.toss.filter(([called]) => called === name).map(([, ...rest]) => rest.join(' ')); }
export function address(search) { history.replaceState(null, '', location.pathname + search); }
