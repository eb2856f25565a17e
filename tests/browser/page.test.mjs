// Uses the server's page in Chromium. tests/Unit starts the server and runs this, with these variables:
//   PAGE_URL        the URL of the page
//   PAGE_BROWSER    the program of Chromium
//   PAGE_SHOTS      a folder for screenshots, if they are wanted
// The server has the users root (an administrator, password "fig") and anna ("pear", only of the store annas), and the store photos
// with a damaged item and a file with a hostile name. Verifications there take a few seconds.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const { PAGE_URL: url, PAGE_BROWSER: executablePath, PAGE_SHOTS: shots } = process.env;
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const profile = mkdtempSync(join(tmpdir(), 'borgstore-page-'));
const problems = [];
let browser;
let page;

before(async () => {
  browser = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args: flags, viewport: { width: 1280, height: 900 } });
  browser.setDefaultTimeout(20_000);
  page = browser.pages()[0];
  page.on('pageerror', error => problems.push(String(error)));
  page.on('dialog', dialog => problems.push(`A dialog: ${dialog.message()}`));
  // A refused request is reported too, and some are refused here on purpose.
  page.on('console', message => message.type() === 'error' && !/status of 40[13]/.test(message.text()) && problems.push(message.text()));
  page.on('request', request => request.url().startsWith(new URL('/', url).href) || problems.push(`A request to ${request.url()}`));
});

after(async () => {
  await browser?.close();
  rmSync(profile, { recursive: true, force: true });
});

const shoot = name => shots && page.screenshot({ path: join(shots, name + '.png'), fullPage: true });
const row = name => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });
const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.name);

async function logIn(user, password) {
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.keyboard.press('Enter');
}

// Presses Tab until an element with this text has the focus.
async function tabTo(label) {
  for (let i = 0; i < 60; i++) {
    if (await page.evaluate(label => (document.activeElement.ariaLabel ?? document.activeElement.textContent) === label, label)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`Tab does not reach '${label}'.`);
}

async function assertFits() {
  const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth, ...[...document.querySelectorAll('dialog[open]')].flatMap(dialog => [dialog.scrollWidth, dialog.clientWidth])]);
  for (let i = 0; i < widths.length; i += 2) assert.ok(widths[i] <= widths[i + 1], `It is ${widths[i]} px wide on ${widths[i + 1]}.`);
}

test('a wrong password is refused', async () => {
  await page.goto(url);
  await logIn('root', 'wrong');
  await page.getByRole('alert').getByText('The user or the password is wrong.').waitFor();
  assert.equal(await page.getByRole('table').count(), 0);
  await shoot('login');
});

test('an administrator logs in with the keyboard and sees all stores', async () => {
  await page.reload();
  await page.getByLabel('User').waitFor();
  assert.equal(await focused(), 'user');
  await page.keyboard.type('root');
  await page.keyboard.press('Tab');
  await page.keyboard.type('fig');
  await page.keyboard.press('Enter');
  await row('annas').waitFor();
  await row('photos').getByText('60').waitFor();
  await row('photos').getByText('just now').first().waitFor();
  await row('photos').getByText('of 9.77 KiB').waitFor();
  await page.getByText('up to').first().waitFor();
  const logins = page.getByRole('table', { name: 'Failed logins' });
  await logins.getByText('root').waitFor();
});

test('the table is sorted by its headers', async () => {
  const names = () => page.locator('#stores tbody th').allTextContents();
  assert.deepEqual(await names(), ['annas', 'photos']);
  await page.getByRole('button', { name: 'Items' }).click();
  assert.deepEqual(await names(), ['photos', 'annas']);
  await page.locator('th[aria-sort=descending]', { hasText: 'Items' }).waitFor();
  await page.getByRole('button', { name: 'Store', exact: true }).click();
});

test('it looks good, light and dark, wide and narrow', async () => {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1280, 768, 360]) {
      await page.setViewportSize({ width, height: 800 });
      await assertFits();
      await shoot(`${colorScheme}-${width}`);
    }
    const brightness = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3);
    assert.ok(colorScheme === 'dark' ? brightness < 60 : brightness > 200, `The background has a brightness of ${brightness}.`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 900 });
});

test('a verification is started, watched and stopped with the keyboard', async () => {
  const dialog = page.getByRole('dialog');
  await tabTo('Verify photos');
  await page.keyboard.press('Enter');
  await dialog.getByText('It was not verified since the server started.').waitFor();
  await tabTo('Start');
  await page.keyboard.press('Enter');
  await dialog.getByText(/^\d.*%: checked .* so far\.$/).waitFor();
  await shoot('verification');
  assert.equal(await focused(), 'Stop');
  await page.keyboard.press('Enter');
  await dialog.getByText(/^Stopped just now after/).waitFor();
  assert.equal(await focused(), 'Start again');
});

test('its findings are shown as text', async () => {
  const dialog = page.getByRole('dialog');
  await page.keyboard.press('Enter');
  await dialog.getByText(/so far\.$/).waitFor();
  await dialog.getByText(/^Verified just now: 60 items .*, 2 problems found\.$/).waitFor({ timeout: 40_000 });
  await dialog.getByRole('cell', { name: 'Damaged' }).waitFor();
  await dialog.getByRole('cell', { name: '<img src=x onerror=alert(1)>' }).waitFor();
  assert.equal(await dialog.locator('img').count(), 0);
  await page.setViewportSize({ width: 360, height: 740 });
  await assertFits();
  await shoot('findings-360');
  await page.setViewportSize({ width: 1280, height: 900 });
  await shoot('findings');
  await page.keyboard.press('Escape');
  await row('photos').getByText('2 problems, just now').waitFor();
  await shoot('overview');
});

test('a session that has ended leads to the login', async () => {
  await browser.clearCookies();
  await page.getByText('The session has ended.').waitFor();
  assert.equal(await page.getByText('photos').count(), 0);
});

test('another user sees own stores alone', async () => {
  await logIn('anna', 'pear');
  await row('annas').waitFor();
  assert.deepEqual(await page.locator('#stores tbody th').allTextContents(), ['annas']);
  for (const name of ['Now', 'Failed logins', 'Recent warnings and errors']) assert.equal(await page.getByRole('heading', { name }).count(), 0);
  assert.equal(await page.getByRole('button', { name: 'Verify annas' }).count(), 0);
  await shoot('user');
  const statuses = await page.evaluate(() => Promise.all(['annas', 'photos'].map(async store =>
    (await fetch(`api/verification?store=${store}`, { method: 'POST', headers: { 'X-BorgStore-Page': '1' } })).status)));
  assert.deepEqual(statuses, [403, 403]);
});

test('the logout ends the session', async () => {
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
});

test('nothing was refused by the policy, and nothing came from elsewhere', () => assert.deepEqual(problems, []));
