// The tag in a merchant's page on another origin, under a strict policy, and when something does not load.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  EMULATOR, ORIGIN, accessible, fillBuyer, goToWindow, launch, openShop, payButton, place, sees, shot, tab, until,
} from './shop.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

// One of the demo merchant's registered origins; nothing listens there, the pages are made up here.
const MERCHANT = 'http://localhost:8787';
const POLICY = [
  "default-src 'none'",
  `script-src ${ORIGIN} ${EMULATOR} 'wasm-unsafe-eval'`,
  `connect-src ${ORIGIN} ${EMULATOR}`,
  `style-src ${ORIGIN}`,
].join('; ');

async function merchantPage(context, tag, { origin = MERCHANT, policy = POLICY } = {}) {
  await context.route(`${origin}/**`, (route) => route.fulfill({
    contentType: 'text/html; charset=utf-8',
    headers: { 'Content-Security-Policy': policy },
    body: `<!doctype html><html lang="ko"><meta name="viewport" content="width=device-width"><title>상점</title><main><h1>상점</h1>${tag}</main></html>`,
  }));
  return `${origin}/cart`;
}

const TAG = `<script src="${ORIGIN}/checkout.js" data-key="pk_test_demo" data-items="A:2,D:1"></script>`;

test('the five lines work in a page of another origin under a strict policy', async () => {
  const { page, context, close } = await tab(browser);
  await openShop(page, await merchantPage(context, TAG.replace('></script>', ' data-return-url="http://localhost:8787/thanks"></script>')));
  const placed = await goToWindow(page);
  await page.locator('#approve').click();
  await page.waitForURL((url) => url.href.startsWith(`${MERCHANT}/thanks`));
  assert.equal(new URL(page.url()).searchParams.get('orderId'), placed.orderId);
  await close();
});

test('the element can be written by the page itself, changed, moved and told apart', async () => {
  const { page, context, close } = await tab(browser);
  const element = '<gyesan-checkout key="pk_test_demo" items="B:1" lang="en"></gyesan-checkout>';
  await openShop(page, await merchantPage(context, `${element}<script src="${ORIGIN}/checkout.js"></script>`));
  assert.equal(await payButton(page).innerText(), 'Pay ₩2,000');
  await page.evaluate(() => document.querySelector('gyesan-checkout').setAttribute('items', 'B:3'));
  await until(async () => (await payButton(page).innerText()) === 'Pay ₩6,000', 'the new items were not taken up');
  const statuses = await page.evaluate(() => new Promise((done) => {
    const element = document.querySelector('gyesan-checkout');
    const heard = [];
    element.addEventListener('gyesan:status', (event) => heard.push(event.detail.status));
    element.addEventListener('ready', () => setTimeout(() => done(heard), 1_500));
    document.body.append(element);
  }));
  assert.ok(statuses.includes('editing'), String(statuses));
  await until(() => payButton(page).isEnabled(), 'the moved element did not start again');
  await close();
});

test('an order that the merchant priced on its server is opened by id and token, and paid', async () => {
  const { page, context, close } = await tab(browser);
  const id = `ord_custom_${Date.now()}`;
  const { statusToken } = await place(id, { items: [{ name: '맞춤 케이크', unitPrice: 42_000, quantity: 1, sellerId: 'A' }] });
  const tag = `<script src="${ORIGIN}/checkout.js" data-key="pk_test_demo" data-order="${id}" data-token="${statusToken}"></script>`;
  await openShop(page, await merchantPage(context, tag));
  assert.equal(await payButton(page).innerText(), '42,000원 결제하기');
  assert.equal(await page.locator('#coupon').count(), 0);
  await fillBuyer(page);
  await payButton(page).click();
  await page.locator('#approve').click();
  await sees(page, '결제가 완료됐어요');
  await close();
});

test('a key of nobody and an origin of nobody are said plainly', async () => {
  const { page, context, close } = await tab(browser);
  // axe and screenshots put styles of their own into the page.
  await page.goto(await merchantPage(context, TAG.replace('pk_test_demo', 'pk_test_nobody'), { policy: '' }));
  await page.locator('.panel .code', { hasText: 'UNAUTHORIZED' }).waitFor();
  await shot(page, 'wrong-key-desktop');
  await accessible(page, 'a wrong key');
  await page.goto(await merchantPage(context, TAG, { origin: 'http://stranger.test' }));
  await page.locator('.panel').waitFor();
  await close();
});

test('what did not load is tried again on request', async () => {
  const { page, context, close } = await tab(browser);
  await context.route('**/*.wasm', (route) => route.abort());
  await context.route(`${EMULATOR}/v2/standard`, (route) => route.abort());
  await page.goto(`${ORIGIN}/demo/`);
  const retry = page.getByRole('button', { name: '다시 시도' });
  await retry.waitFor();
  await shot(page, 'not-loaded-desktop');
  await accessible(page, 'a checkout that did not load');
  await context.unroute('**/*.wasm');
  await retry.click();
  await page.locator('.inline-alert', { hasText: '결제 수단을 불러오지 못했어요.' }).waitFor();
  await accessible(page, 'payment methods that did not load');
  await context.unroute(`${EMULATOR}/v2/standard`);
  await page.locator('.inline-alert').getByRole('button', { name: '다시 시도' }).click();
  await until(() => payButton(page).isEnabled(), 'the payment methods did not come');
  await close();
});

test('a lost network is waited for: the order is sent again under the same id', async () => {
  const { page, context, close } = await tab(browser);
  await openShop(page);
  const ids = [];
  await context.route('**/v1/orders/*', (route) => {
    ids.push(route.request().url());
    return ids.length < 3 ? route.abort() : route.continue();
  });
  await goToWindow(page);
  assert.equal(ids.length, 3);
  assert.equal(new Set(ids).size, 1);
  await close();
});
