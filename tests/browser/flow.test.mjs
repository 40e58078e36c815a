// A purchase as a buyer makes it, on a desktop and a phone, and every way it can end.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import {
  DESKTOP, ORIGIN, PHONE, accessible, armFault, clearFaults, fillBuyer, goToWindow, heading, launch, openShop,
  order, payButton, payments, returnAddress, sees, shot, tab, until, wallet,
} from './shop.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());
afterEach(() => clearFaults());

for (const [name, device] of [['desktop', DESKTOP], ['phone', PHONE]]) {
  test(`a buyer on a ${name} pays, sees the result, and the sellers are credited`, async () => {
    const { page, close } = await tab(browser, device);
    const [a, b] = await Promise.all([wallet('A'), wallet('B')]);
    await openShop(page);
    assert.equal(await payButton(page).innerText(), '6,500원 결제하기');
    await shot(page, `cart-${name}`);
    await accessible(page, 'the cart');

    const placed = await goToWindow(page);
    assert.equal(placed.amount, 6500);
    await shot(page, `window-${name}`);
    await page.locator('#approve').click();

    await sees(page, '결제가 완료됐어요');
    assert.match(await page.locator('.facts').innerText(), /6,500원[\s\S]*카드/);
    assert.doesNotMatch(page.url(), /paymentKey/);
    await until(() => heading(page).evaluate((h) => h.getRootNode().activeElement === h), 'the heading has no focus');
    await shot(page, `result-${name}`);
    await accessible(page, 'the result');

    await page.reload();
    await sees(page, '결제가 완료됐어요');
    await until(async () => (await order(placed.orderId)).isWalletDone, 'the wallets were not credited');
    assert.equal((await wallet('A')).balance - a.balance, 2000);
    assert.equal((await wallet('B')).balance - b.balance, 4500);
    await close();
  });
}

test('quantities and the coupon change the price, and what is wrong stands beside its field', async () => {
  const { page, close } = await tab(browser);
  await openShop(page);
  await page.getByRole('button', { name: '상품D 수량 늘리기' }).click();
  await until(async () => (await payButton(page).innerText()) === '11,000원 결제하기', 'the price did not follow');

  await page.locator('#coupon').fill('NOPE');
  await page.locator('#coupon').press('Enter');
  await page.locator('#coupon-fault', { hasText: '없는 쿠폰입니다.' }).waitFor();
  await page.locator('#coupon').fill('WELCOME');
  await page.getByRole('button', { name: '적용' }).click();
  await page.locator('.coupon-tag').waitFor();
  await until(async () => (await payButton(page).innerText()) === '10,000원 결제하기', 'the coupon took nothing off');

  await payButton(page).click();
  await page.locator('.notice', { hasText: '입력한 정보를 확인해 주세요.' }).waitFor();
  await page.locator('#name-fault', { hasText: '이름을' }).waitFor();
  await until(() => page.locator('#name').evaluate((e) => e.getRootNode().activeElement === e), 'the field has no focus');
  await page.locator('#email').fill('nope');
  await page.locator('#email').blur();
  await page.locator('#email-fault', { hasText: '이메일' }).waitFor();
  await shot(page, 'faults-desktop', { fullPage: true });
  await accessible(page, 'a form with faults');

  await page.getByRole('button', { name: '빼기' }).click();
  const placed = await goToWindow(page);
  assert.equal(placed.amount, 11_000);
  await close();
});

test('the page speaks English', async () => {
  const { page, close } = await tab(browser, PHONE);
  await openShop(page);
  await page.getByRole('button', { name: 'English' }).click();
  assert.equal(await payButton(page).innerText(), 'Pay ₩6,500');
  await payButton(page).click();
  await page.locator('#name-fault', { hasText: 'Enter a name' }).waitFor();
  await shot(page, 'cart-en');
  await accessible(page, 'the English cart');
  await close();
});

test('a dark page is as readable', async () => {
  const { page, close } = await tab(browser, { ...DESKTOP, colorScheme: 'dark' });
  await openShop(page);
  await shot(page, 'cart-dark', { fullPage: true });
  await accessible(page, 'the dark cart');
  await close();
});

test('a buyer who cancels is not charged, and pays the same order on coming back', async () => {
  const { page, close } = await tab(browser);
  await openShop(page);
  const first = await goToWindow(page);
  await page.locator('#cancel').click();
  await sees(page, '결제를 취소했어요');
  await shot(page, 'canceled-desktop');
  await accessible(page, 'a canceled payment');

  await page.getByRole('link', { name: '다시 결제하기' }).click();
  await until(() => payButton(page).isEnabled(), 'the shop did not come back');
  assert.equal(await page.locator('#name').inputValue(), '김토스');
  const second = await goToWindow(page);
  assert.equal(second.orderId, first.orderId);
  await page.locator('#approve').click();
  await sees(page, '결제가 완료됐어요');

  // The next cart of the tab is an order of its own.
  await page.getByRole('link', { name: '쇼핑 계속하기' }).click();
  await until(() => payButton(page).isEnabled(), 'the shop did not come back');
  assert.notEqual((await goToWindow(page)).orderId, first.orderId);
  await close();
});

test('a buyer who goes back from the payment window can press again', async () => {
  const { page, close } = await tab(browser);
  await openShop(page);
  const first = await goToWindow(page);
  await page.goBack();
  await until(() => payButton(page).isEnabled(), 'the button stayed locked');
  assert.equal((await goToWindow(page)).orderId, first.orderId);
  await close();
});

test('a declined card says so, and the order can be paid again', async () => {
  const { page, close } = await tab(browser);
  await openShop(page);
  const first = await goToWindow(page);
  await page.locator('#decline').click();
  await sees(page, '결제가 승인되지 않았어요');
  await page.getByRole('link', { name: '다시 결제하기' }).click();
  await until(() => payButton(page).isEnabled(), 'the shop did not come back');
  await armFault({ mode: 'status', code: 'REJECT_CARD_PAYMENT' });
  await goToWindow(page);
  await page.locator('#approve').click();
  await sees(page, '결제가 승인되지 않았어요');
  await page.locator('.reason').waitFor();
  await shot(page, 'failure-desktop');
  await accessible(page, 'a refused payment');
  await page.getByRole('link', { name: '다시 결제하기' }).click();
  await until(() => payButton(page).isEnabled(), 'the shop did not come back');
  assert.equal((await goToWindow(page)).orderId, first.orderId);
  await page.locator('#approve').click();
  await sees(page, '결제가 완료됐어요');
  await close();
});

test('while the PSP has not said, the page checks again and never speaks of failure', async () => {
  const { page, close } = await tab(browser, PHONE);
  await openShop(page);
  await armFault({ mode: 'status', status: 500, times: -1 });
  await goToWindow(page);
  await page.locator('#approve').click();
  await sees(page, '결제를 확인하고 있어요');
  await shot(page, 'still-checking-phone');
  await accessible(page, 'a payment being checked');
  assert.doesNotMatch(await page.locator('.panel').innerText(), /실패|승인되지/);
  await clearFaults();
  await until(() => heading(page).innerText().then((text) => text === '결제가 완료됐어요'), 'it was never settled', 60_000);
  await close();
});

test('another amount in the return address changes nothing', async () => {
  const { page, close } = await tab(browser);
  await openShop(page);
  const placed = await goToWindow(page);
  const redirect = await returnAddress(placed);
  await page.goto(redirect.replace('amount=6500', 'amount=100'));
  await sees(page, '아직 결제되지 않았어요');
  await page.locator('.reason', { hasText: '결제 금액이 주문 금액과 다릅니다.' }).waitFor();
  await shot(page, 'tampered-desktop');
  assert.equal((await order(placed.orderId)).paymentStatus, 'NOT_STARTED');
  await page.goto(redirect);
  await sees(page, '결제가 완료됐어요');
  await close();
});

test('coming back twice, in two tabs, charges once', async () => {
  const { page, context, close } = await tab(browser);
  await openShop(page);
  const placed = await goToWindow(page);
  const redirect = await returnAddress(placed);
  const other = await context.newPage();
  await Promise.all([page.goto(redirect), other.goto(redirect)]);
  await Promise.all([sees(page, '결제가 완료됐어요'), sees(other, '결제가 완료됐어요')]);
  await page.goto(redirect);
  await sees(page, '결제가 완료됐어요');
  const found = await payments(placed.orderId);
  const charged = (found.payments ?? found.items ?? found).filter((payment) => payment.charged > 0);
  assert.equal(charged.length, 1);
  assert.equal(charged[0].approvals, 1);
  await close();
});

test('pressing twice sends one order', async () => {
  const { page, close } = await tab(browser);
  const puts = [];
  page.on('request', (request) => { if (request.method() === 'PUT') puts.push(request.url()); });
  await openShop(page);
  await fillBuyer(page);
  await payButton(page).dblclick();
  await page.locator('#approve').waitFor();
  assert.equal(puts.length, 1);
  await close();
});

test('an address without an order is answered with a way on', async () => {
  const { page, close } = await tab(browser, PHONE);
  await page.goto(`${ORIGIN}/checkout/result?error=ORDER_NOT_FOUND`);
  await sees(page, '결제를 진행하지 못했어요');
  await accessible(page, 'an unknown order');
  await page.goto(`${ORIGIN}/checkout/result?orderId=ord_none&token=st_nonsense`);
  await sees(page, '결제 결과를 볼 수 없어요');
  await close();
});
