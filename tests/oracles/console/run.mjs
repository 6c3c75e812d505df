// Runs one scenario in a real Chromium: `node run.mjs NAME`, what it is given as JSON in a line of standard
// input, what it found as JSON in the last line of standard output.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const tools = createRequire(`${process.env.BROWSER_TOOLS}/`);
const { chromium } = tools("playwright-core");
const axe = tools("axe-core").source;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => JSON.parse((await lines.next()).value);

const { scenario } = await import(new URL(`${process.argv[2]}.mjs`, import.meta.url));
const given = await next();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"],
});

// A tab that notes whatever should not be: what the policy forbids, errors, and requests to other hosts.
async function tab(context, found) {
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", event => {
      console.error(`policy: ${event.effectiveDirective} ${event.blockedURI}`);
    });
  });
  const at = () => page.url().replace(given.url, "");
  page.on("console", message => {
    // A refusal that the page shows is written there by the browser itself too.
    if (message.type() === "error" && !/the server responded with a status of 4/.test(message.text())) {
      found.push(`${at()}: ${message.text()}`);
    }
  });
  page.on("pageerror", error => found.push(`${at()}: ${error.message}`));
  page.on("request", request => {
    const url = new URL(request.url());
    const known = url.origin === new URL(given.url).origin || (given.storage && request.url().startsWith(given.storage));
    if (!["data:", "blob:"].includes(url.protocol) && !known) found.push(`${at()}: asked ${url.host}`);
    if (given.key && request.url().includes(given.key)) found.push(`${at()}: the key is in an address`);
  });
  return page;
}

// A page of the console is there when its heading is, and nothing loads any more.
async function settled(page) {
  await page.waitForSelector("main h1");
  await page.waitForFunction(() => !document.querySelector(".spinner"));
}

async function accessible(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations.flatMap(each => each.nodes.map(node => `${each.id}: ${node.html.slice(0, 160)}`));
}

// Tells whoever started this that it may go on, and waits until it has.
async function told(what) {
  console.log(JSON.stringify({ told: what }));
  return next();
}

try {
  const result = await scenario({ browser, given, tab, settled, accessible, told });
  console.log(JSON.stringify({ result }));
} catch (error) {
  // What a person would have before them.
  for (const page of browser.contexts().flatMap(each => each.pages())) {
    console.error(`${page.url()}\n${await page.evaluate(() => document.body.innerText)}`);
  }
  throw error;
} finally {
  await browser.close();
}
process.exit();
