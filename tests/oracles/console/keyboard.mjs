// Walks every page by the Tab key alone, and tells where the keyboard is not seen or gets lost.
export async function scenario({ browser, given, tab, settled }) {
  const found = [];
  const walked = {};
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" });
  const page = await tab(context, found);
  if (given.key) await context.addInitScript(key => sessionStorage.setItem("key", key), given.key);
  await page.goto(given.url);
  await settled(page);
  const here = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      if (!at || at === document.body) return null;
      const shown = at.closest("label.button") ?? at;
      const style = getComputedStyle(shown);
      const box = shown.getBoundingClientRect();
      return {
        what: `${at.tagName.toLowerCase()} ${(at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent).trim().slice(0, 40)}`,
        ringed: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
        seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && box.width > 0,
        main: at.closest("main") !== null,
      };
    });
  for (const place of given.pages) {
    await page.evaluate(hash => { location.hash = hash; }, place);
    await settled(page);
    await page.waitForFunction(() => document.activeElement?.id === "main");
    const names = [];
    for (let step = 0; step < 300; step++) {
      await page.keyboard.press("Tab");
      const at = await here();
      if (!at?.main) break;
      names.push(at.what);
      if (!at.ringed || !at.seen) found.push(`${place}: ${at.what}: ${at.ringed ? "not in view" : "no ring"}`);
    }
    walked[place] = names;
  }

  // The first stop of a page leads past what is the same on all of them.
  await page.evaluate(() => { location.hash = "#/models"; });
  await page.reload();
  await settled(page);
  await page.evaluate(() => document.activeElement.blur());
  await page.focus("a.skip");
  await page.keyboard.press("Enter");
  walked.skipped = await page.evaluate(() => document.activeElement.id);

  // A question takes the focus and gives it back; so does a form in the place of a button.
  await page.evaluate(hash => { location.hash = hash; }, given.model);
  await settled(page);
  const press = async name => {
    await page.getByRole("button", { name, exact: true }).first().focus();
    await page.keyboard.press("Enter");
  };
  await page.locator("summary", { hasText: "Delete and restore" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Delete this model" }).waitFor();
  await press("Delete this model");
  await page.waitForSelector("dialog[open]");
  walked.asked = await page.evaluate(() => document.activeElement.closest("dialog[open]") !== null);
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => !document.querySelector("dialog[open]"));
  walked.left = (await here())?.what;
  await press("Describe it");
  await page.waitForFunction(() => document.activeElement.matches("textarea"));
  walked.described = (await here())?.what;
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Describe it" }).waitFor();
  await page.waitForFunction(() => document.activeElement.matches("button"));
  walked.back = (await here())?.what;
  await context.close();
  return { found, walked };
}
