// Opens the demo shop in Chromium again and again, and writes down when a buyer could pay. GYESAN_ORIGIN is the shop.
// usage: node widget.mjs VISITS
// stdout: one line of JSON, {"cold":[visit,…],"warm":[visit,…]}; each visit holds moments in milliseconds after the start
// of its navigation.
import { ORIGIN, launch, tab } from '../browser/shop.mjs';

const VISITS = Number(process.argv[2] ?? 10);
const MOMENTS = ['formDrawn', 'sdkLoaded', 'methodsDrawn', 'payable'];

/** Runs in the page, before anything of the page: observers tell each moment in the microtask after it. */
function observe() {
  const seen = (globalThis.gyesanSeen = {});
  const mark = (moment) => { seen[moment] ??= performance.now(); };
  let toss;
  Object.defineProperty(globalThis, 'TossPayments', {
    configurable: true,
    get: () => toss,
    set: (value) => { toss = value; mark('sdkLoaded'); },
  });
  const attachShadow = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    const root = attachShadow.call(this, options);
    // Methods and terms are drawn one after the other: the last one counts.
    if ('tossWidget' in this.dataset) seen.methodsDrawn = performance.now();
    if (this.localName !== 'gyesan-checkout') return root;
    const look = () => {
      const pay = root.querySelector('.pay');
      if (pay) mark('formDrawn');
      if (pay && !pay.disabled) mark('payable');
    };
    new MutationObserver(look).observe(root, { subtree: true, childList: true, attributeFilter: ['disabled'] });
    return root;
  };
}

async function visit(page) {
  await page.goto(`${ORIGIN}/demo/`);
  await page.waitForFunction(() => globalThis.gyesanSeen?.payable);
  const seen = await page.evaluate(() => globalThis.gyesanSeen);
  const missing = MOMENTS.filter((moment) => !(moment in seen));
  if (missing.length > 0) throw new Error(`not seen: ${missing.join(', ')}`);
  return seen;
}

/** Visits of one buyer, who has nothing cached at the first. */
async function visits(browser, count) {
  const { page, context, close } = await tab(browser);
  await context.addInitScript(observe);
  const seen = [];
  for (let at = 0; at < count; at += 1) {
    await page.goto('about:blank');
    seen.push(await visit(page));
  }
  await close();
  return seen;
}

const browser = await launch();
// The first visit of all pays for what Chromium starts only once.
await visits(browser, 1);
const cold = [];
for (let at = 0; at < VISITS; at += 1) cold.push(...await visits(browser, 1));
const [, ...warm] = await visits(browser, VISITS + 1);
await browser.close();
console.log(JSON.stringify({ cold, warm }));
