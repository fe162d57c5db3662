// Opens pages in Chromium without a network and tells as JSON what it saw. One visit a line of standard input.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [packages, executablePath] = process.argv.slice(2);
const require = createRequire(packages + '/');
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

async function visit({ file, widths, script = true, audit = false, steps = [] }) {
  const context = await browser.newContext({ javaScriptEnabled: script, offline: true });
  const page = await context.newPage();
  const seen = { console: [], requests: [], sizes: [], faults: [] };
  page.on('console', (message) => seen.console.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => seen.console.push(String(error)));
  page.on('request', (request) => request.url().startsWith('file:') || seen.requests.push(request.url()));
  const started = performance.now();
  await page.goto('file://' + file);
  seen.ms = performance.now() - started;
  for (const [action, ...words] of steps) await page[action](...words);
  for (const width of widths) {
    await page.setViewportSize({ width, height: width < 500 ? 844 : 800 });
    seen.sizes.push(await page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth]));
  }
  Object.assign(seen, await page.evaluate(() => ({
    shown: document.body.innerText,
    drawings: [...document.querySelectorAll('svg[role=img], svg.fp')].filter((svg) => svg.getBoundingClientRect().height > 0).length,
  })));
  if (audit) for (const colorScheme of ['light', 'dark']) seen.faults.push(...await faults(page, colorScheme));
  await context.close();
  return seen;
}

async function faults(page, colorScheme) {
  await page.emulateMedia({ colorScheme });
  // By the debugger and not as a script of the page, whose policy would refuse it.
  await page.evaluate(`${axe};0`);
  const found = await page.evaluate(() => axe.run(document, { preload: false, resultTypes: ['violations'] }));
  const grave = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return grave.map(({ id, nodes }) => `${colorScheme}: ${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await visit(JSON.parse(line)).catch((error) => ({ error: String(error) }))));
}
await browser.close();
