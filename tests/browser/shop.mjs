// What the browser tests share: Chromium, the demo shop, the emulator's admin API, screenshots and axe.
// The stack runs already: GYESAN_ORIGIN is the shop, GYESAN_EMULATOR the payment provider's stand-in.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const ORIGIN = process.env.GYESAN_ORIGIN ?? 'http://127.0.0.1:8787';
export const EMULATOR = process.env.GYESAN_EMULATOR ?? 'http://127.0.0.1:8788';
const ARTIFACTS = fileURLToPath(new URL('../../artifacts/', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const DESKTOP = { viewport: { width: 1280, height: 900 } };
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

export const launch = () => chromium.launch({
  executablePath: process.env.GYESAN_CHROMIUM ?? '/usr/bin/chromium',
  // The merchant's pages are made up by the test: Chromium would not let a page of no address speak to this machine.
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-features=LocalNetworkAccessChecks'],
});

/** A tab of its own; whatever the page throws fails the test that closes it. */
export async function tab(browser, options = DESKTOP) {
  const context = await browser.newContext({ locale: 'ko-KR', timezoneId: 'Asia/Seoul', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content.Security.Policy|panicked/i.test(message.text())) faults.push(message.text());
  });
  const close = async () => {
    await context.close();
    assert.deepEqual(faults, []);
  };
  return { page, context, close };
}

/** The demo shop, ready to pay. */
export async function openShop(page, url = `${ORIGIN}/demo/`) {
  await page.goto(url);
  await payButton(page).waitFor();
  await until(() => payButton(page).isEnabled(), 'the pay button never became usable');
}

export const payButton = (page) => page.locator('gyesan-checkout .pay');
export const heading = (page) => page.locator('gyesan-checkout .result h1');

export async function fillBuyer(page) {
  await page.locator('#name').fill('김토스');
  await page.locator('#phone').fill('010-1234-5678');
  await page.locator('#email').fill('toss@example.com');
}

/** Fills the form, presses the button, and waits for the payment window; gives the order as the server has it. */
export async function goToWindow(page) {
  const placed = page.waitForResponse((answer) => answer.request().method() === 'PUT' && answer.ok());
  await fillBuyer(page);
  await payButton(page).click();
  // The page leaves as soon as it has the answer, so the order is read from the server.
  const orderId = new URL((await placed).url()).pathname.split('/').pop();
  await page.locator('#approve').waitFor();
  return order(orderId);
}

/** Authenticates a buyer without the window; gives the address that the browser would be sent to. */
export async function returnAddress({ orderId, amount }) {
  const successUrl = `${ORIGIN}/payments/success`;
  return (await post(`${EMULATOR}/__emulator/authenticate`, { orderId, amount, successUrl })).redirect;
}

/** Waits for the result page's heading. */
export const sees = (page, words) => heading(page).filter({ hasText: words }).waitFor();

export async function shot(page, name, options = {}) {
  mkdirSync(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: `${ARTIFACTS}${name}.png`, ...options });
}

/** No serious or critical violation, WCAG 2.2 AA and best practice, in the page and its shadow roots. */
export async function accessible(page, name) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const told = serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join('; ')}`);
  assert.deepEqual(told, [], `axe on ${name}`);
}

export async function until(condition, message, ms = 10_000) {
  const end = Date.now() + ms;
  while (!(await condition())) {
    assert.ok(Date.now() < end, message);
    await new Promise((go) => setTimeout(go, 50));
  }
}

async function json(url, init) {
  const answer = await fetch(url, init);
  assert.ok(answer.ok, `${url} answered ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

const post = (url, body) => json(url, {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
});

export const armFault = (fault) => post(`${EMULATOR}/__emulator/faults`, { path: '/v1/payments/confirm', ...fault });
export const clearFaults = () => fetch(`${EMULATOR}/__emulator/faults`, { method: 'DELETE' });
export const payments = (orderId) => json(`${EMULATOR}/__emulator/payments?orderId=${orderId}`);

const secret = { headers: { Authorization: 'Bearer sk_test_demo' } };
export const order = (orderId) => json(`${ORIGIN}/v1/orders/${orderId}`, secret);
export const place = (orderId, body) => json(`${ORIGIN}/v1/orders/${orderId}`, {
  method: 'PUT', headers: { ...secret.headers, 'Content-Type': 'application/json' }, body: JSON.stringify(body),
});
export const wallet = (sellerId) => json(`${ORIGIN}/v1/wallets/${sellerId}`, secret);
