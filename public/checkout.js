// The loader: defines <gyesan-checkout>, also made from this script tag's own data- attributes.
// It draws a skeleton at once and sends for everything that the page needs in parallel: glue, WebAssembly, style,
// configuration, first quote, and the PSP's script as soon as its address is known. The rest is in the WebAssembly.
(() => {
  const doc = document, NAME = 'gyesan-checkout', me = doc.currentScript, base = new URL('.', me.src);
  const GLUE = base + '__GLUE__', WASM = base + '__WASM__', CSS = base + '__CSS__';
  const make = (tag, properties) => Object.assign(doc.createElement(tag), properties);
  const put = (tag, properties) => doc.head.append(make(tag, properties));
  put('link', { rel: 'preload', href: WASM, as: 'fetch', crossOrigin: '' });

  // Asked for once, and again after a failure: browsers may remember a module that did not load, hence the number.
  let boot, sdk, tries = 0;
  const load = () => boot ||= import(GLUE + '?' + tries++)
    .then((glue) => glue.default({ module_or_path: WASM }).then(() => glue));
  const loadSdk = (src) => sdk ||= new Promise((onload, fail) => window.TossPayments ? onload() :
    put('script', { src, onload, onerror: () => fail(sdk = 0) }));
  load();

  class Checkout extends HTMLElement {
    root = this.attachShadow({ mode: 'open' });

    // Moving the element, or changing several attributes, starts the page once.
    go() {
      clearTimeout(this.due);
      this.due = setTimeout(() => {
        this.stop &&= this.stop();
        this.isConnected && this.start();
      });
    }

    async start() {
      const get = (name) => this.getAttribute(name) || '', api = get('api') || base.origin;
      // "A:2,D:1"
      const items = [...get('items').matchAll(/([^\s,:]+):?(\d*)/g)]
        .map(([, productId, quantity]) => ({ productId, quantity: +quantity || 1 }));
      const options = { element: this, api, items, loadSdk };
      const headers = { Authorization: 'Bearer ' + get('key'), 'Content-Type': 'application/json' };
      // Whoever waits for the answer hears of a failure; until then it is nobody's unhandled rejection.
      const hush = (promise) => (promise.catch(() => {}), promise);
      const ask = (path, init) => hush(fetch(api + '/v1/' + path, { headers, ...init }));
      if (!get('mode')) {
        options.config = ask('checkout/config');
        hush(options.config.then((answer) => answer.clone().json()).then((config) => loadSdk(config.psp.sdkUrl)));
        if (!get('order')) options.quote = ask('quotes', {
          method: 'POST', body: JSON.stringify({ items, couponCode: get('coupon') || void 0 }),
        });
      }

      const host = make('div', { className: 'skeleton' });
      const styled = new Promise((onload) =>
        this.root.replaceChildren(make('link', { rel: 'stylesheet', href: CSS, onload, onerror: onload }), host));
      try {
        const glue = await load();
        await styled;
        if (host.isConnected) this.stop = glue.mount(host, options);
      } catch (detail) {
        boot = 0;
        host.className = 'panel';
        host.role = 'alert';
        host.append('불러오지 못했어요. Load failed. ',
          make('button', { textContent: '다시 시도 Retry', onclick: () => this.go() }));
        this.dispatchEvent(new CustomEvent('error', { detail }));
      }
    }
  }
  const on = Checkout.prototype;
  on.connectedCallback = on.disconnectedCallback = on.attributeChangedCallback = on.go;
  Checkout.observedAttributes = ['items', 'coupon', 'order'];
  customElements.get(NAME) || customElements.define(NAME, Checkout);
  if ('key' in me.dataset) {
    const made = make(NAME);
    for (const { name, value } of me.attributes) made.setAttribute(name.replace('data-', ''), value);
    me.after(made);
  }
})();
