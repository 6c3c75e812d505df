// Keys: one that is wrong, one that is right, a second tab, and the end of keys while pages are open.
export async function scenario({ browser, given, tab, settled, accessible, told }) {
  const found = [];
  const seen = {};
  const context = await browser.newContext();
  const page = await tab(context, found);
  await page.goto(given.url);
  await settled(page);
  seen.first = await page.textContent("h1");
  found.push(...(await accessible(page)));
  const enter = async (where, key) => {
    await where.getByLabel("Key", { exact: true }).fill(key);
    await where.keyboard.press("Enter");
  };
  const refused = page.waitForResponse(answer => answer.url().endsWith("/v1/whoami"));
  await enter(page, "sml_wrong");
  seen.refused = (await refused).status();
  await page.waitForSelector("form.sign-in [role=alert]");
  await enter(page, given.key);
  await page.waitForSelector("header.bar");
  await settled(page);
  seen.entered = await page.textContent("main h1");
  seen.stored = await page.evaluate(() => {
    // An entry called `key` hides behind the method of that name.
    const held = storage => Array.from({ length: storage.length }, (_, place) => storage.getItem(storage.key(place)));
    return [held(sessionStorage), held(localStorage), document.cookie, location.href];
  });

  const second = await tab(context, found);
  await second.goto(given.url);
  await settled(second);
  seen.second = await second.textContent("h1");
  await enter(second, given.limited);
  await second.waitForSelector("header.bar");
  await settled(second);
  seen.offered = [
    await page.$$eval("nav a", links => links.map(link => link.textContent.trim())),
    await second.$$eval("nav a", links => links.map(link => link.textContent.trim())),
  ];
  await page.reload();
  await settled(page);
  seen.reloaded = await page.textContent("main h1");

  // The first is taken back: whatever is asked next says so.
  await told("take the first key back");
  await page.evaluate(() => { location.hash = "#/jobs"; });
  await page.waitForSelector("form.sign-in [role=alert]");
  seen.ended = await page.textContent("form.sign-in [role=alert]");
  found.push(...(await accessible(page)));
  await enter(page, given.short);
  await page.waitForSelector("dialog.whole", { state: "hidden" });
  await settled(page);
  seen.after = [await page.textContent("main h1"), new URL(page.url()).hash];
  seen.ends = await page.locator("header time").getAttribute("datetime");

  // The next one runs out while somebody writes, and is missed when that is to be saved.
  const place = `#/models/${given.model}`;
  await page.evaluate(hash => { location.hash = hash; }, place);
  await page.getByRole("button", { name: "Describe it" }).click();
  await page.getByLabel("Description", { exact: true }).last().fill("Written before the key ran out");
  await told("let the second key run out");
  await page.getByRole("button", { name: "Save" }).click();
  const again = page.getByRole("dialog", { name: "Another key is needed" });
  await again.waitFor();
  seen.ranOut = await again.getByRole("alert").textContent();
  // It cannot be put aside: nothing below it works without a key.
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  const missed = page.waitForResponse(answer => answer.url().endsWith("/v1/whoami"));
  await again.getByLabel("Key", { exact: true }).fill("sml_wrong");
  await page.keyboard.press("Enter");
  seen.missed = (await missed).status();
  await again.getByText("not known").waitFor();
  await enter(page, given.next);
  await again.waitFor({ state: "hidden" });
  await page.locator("p.description").waitFor();
  seen.saved = [await page.textContent("p.description"), new URL(page.url()).hash === place];

  // And while a form is filled in on a page that asks for nothing, until it is looked at again.
  await page.evaluate(hash => { location.hash = hash; }, `#/try/${given.model}`);
  const field = page.getByRole("form", { name: "What to ask" }).getByRole("textbox").first();
  await field.fill("42");
  await told("let the third key run out");
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await again.waitFor();
  seen.kept = await field.inputValue();
  await told("let the third key in again");
  await enter(page, given.next);
  await again.waitFor({ state: "hidden" });
  seen.typed = [await field.inputValue(), await field.evaluate(node => node === document.activeElement)];
  await second.reload();
  await second.waitForSelector("header.bar");
  await settled(second);
  seen.other = await second.textContent("main h1");
  await context.close();
  return { found, seen };
}
