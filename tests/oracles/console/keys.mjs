// Keys: one that is wrong, one that is right, a second tab, and the end of a key while a page is open.
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
    await where.getByLabel("Key").fill(key);
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

  await told("end the first key");
  await page.evaluate(() => { location.hash = "#/jobs"; });
  await page.waitForSelector("form.sign-in [role=alert]");
  seen.ended = await page.textContent("form.sign-in [role=alert]");
  await second.reload();
  await second.waitForSelector("header.bar");
  await settled(second);
  seen.other = await second.textContent("main h1");
  await context.close();
  return { found, seen };
}
