// SPDX-License-Identifier: Apache-2.0
/* The page in Chromium: node page.mjs URL SCREENSHOT [restart]. It must show moving prices, a rate and
 * percentiles, and prove its chains. With `restart` it prints READY, waits for a line on stdin (the engine was
 * restarted meanwhile) and must move again by itself. One line of JSON last; exit 0 if all held. */
import { chromium } from 'playwright-core';

const [url, shot, mode] = process.argv.slice(2);
const faults = [];
const browser = await chromium.launch({ executablePath: process.env.TC_CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking', '--disable-gpu'] });
// a test's certificate is nobody's; curl and Node verify it
const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ignoreHTTPSErrors: url.startsWith('https:') });
page.on('pageerror', (e) => faults.push(`page error: ${e.message}`));
page.on('request', (r) => {
  if (!r.url().startsWith(new URL(url).origin) && !r.url().startsWith('data:')) faults.push(`foreign request ${r.url()}`);
});
const text = (id) => page.locator(`#${id}`).innerText();

async function moves() {
  await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 12, null, { timeout: 20000 });
  await page.waitForFunction(() => /\d/.test(document.getElementById('rate').textContent)
    && document.getElementById('rate').textContent !== '0', null, { timeout: 20000 });
  const before = await page.locator('#rows').innerText();
  await page.waitForFunction((old) => document.getElementById('rows').innerText !== old, before, { timeout: 10000 });
}

let found = {};
try {
  await page.goto(url);
  await moves();
  await page.waitForFunction(() => /\d/.test(document.getElementById('p50').textContent), null, { timeout: 20000 });
  if (mode === 'restart') {
    console.log('READY');
    await new Promise((resolve) => process.stdin.once('data', resolve));
    await page.waitForFunction(() => +document.getElementById('reconnects').textContent >= 1, null, { timeout: 20000 });
    await moves();
  }
  if (mode === 'tick') {
    console.log('READY');
    await new Promise((resolve) => process.stdin.once('data', resolve));
    await page.waitForFunction(() => /your tick/.test(document.body.innerText), null, { timeout: 20000 });
  }
  for (const id of ['rate', 'p50', 'p99', 'proved', 'proof-text', 'gaps', 'reconnects', 'kcat']) found[id] = await text(id);
} catch (e) {
  faults.push(String(e).split('\n')[0]);
}
await page.screenshot({ path: shot, fullPage: true });
await browser.close();
console.log(JSON.stringify({ found, faults: faults.slice(0, 5) }));
process.exit(faults.length ? 1 : 0);
