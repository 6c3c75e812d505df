// Opens the documentation as files, types each question into its search until the first answers lead to its page,
// pastes each message as people have it, and copies a block.
const WITHIN = 10_000; // milliseconds

export async function scenario({ browser, given, tab }) {
  const found = [];
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions: ["clipboard-read", "clipboard-write"] });
  const page = await tab(context, found);

  // The places that are shown, once one of them is as expected, or those that there are when time has run out.
  async function places(shown, expected) {
    const deadline = Date.now() + WITHIN;
    for (;;) {
      const all = await shown.evaluateAll(links => links.slice(0, 5).map(link => link.href.replace(/[?]h=[^#]*/, "")));
      const near = all.map(place => place.slice(given.site.length));
      if (near.some(place => new RegExp(`^(?:${expected})`).test(place)) || Date.now() > deadline) return near;
      await page.waitForTimeout(50);
    }
  }

  async function typed(text) {
    await page.goto(given.url);
    await page.getByRole("button", { name: "Search" }).first().click();
    await page.keyboard.insertText(text);
  }

  const searched = {}, noted = {}, pasted = {};
  for (const [question, expected] of Object.entries(given.questions)) {
    await typed(question);
    searched[question] = await places(page.locator('[role="option"][href]'), expected);
  }
  for (const [message, expected] of Object.entries(given.messages)) {
    await typed(message);
    noted[message] = await places(page.locator(".found-messages.note:popover-open a"), expected);
    await page.goto(`${given.site}docs/troubleshooting.html`);
    await page.getByLabel("Paste your message").fill(message);
    pasted[message] = await places(page.locator(".message-finder a"), expected);
  }
  await page.goto(`${given.site}docs/first-model.html`);
  await page.locator("button.md-code__button").first().click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  return { found, searched, noted, pasted, copied };
}
