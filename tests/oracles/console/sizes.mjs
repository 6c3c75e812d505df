// How much each page draws and asks, and whether one of many is found.
export async function scenario({ browser, given, tab, settled }) {
  const found = [];
  const pages = {};
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" });
  const page = await tab(context, found);
  let asked = [];
  page.on("request", request => asked.push(request));
  const go = async place => {
    // From a page that asks nothing, so that what is drawn is that of the place.
    await page.evaluate(() => { location.hash = "#/nowhere"; });
    await page.waitForFunction(() => document.querySelector("main h1")?.textContent === "There is no such page");
    asked = [];
    await page.evaluate(hash => { location.hash = hash; }, place);
    await page.waitForFunction(() => document.querySelector("main h1")?.textContent !== "There is no such page");
    await settled(page);
    // Its form does not wait for the names.
    if (place === "#/try") await page.waitForSelector("main .tags a");
  };
  await page.goto(given.url);
  await settled(page);
  for (const place of given.pages) {
    await go(place);
    pages[place] = await page.evaluate(() => ({
      elements: document.querySelectorAll("*").length,
      options: document.querySelectorAll("option").length,
    }));
    pages[place].asked = asked.length;
  }

  await go("#/models");
  const name = `model-${String(given.last - 1).padStart(4, "0")}`;
  await page.getByRole("searchbox").pressSequentially(name);
  await page.waitForFunction(() => document.querySelectorAll(".cards > li").length === 1);
  const named = await page.$$eval(".cards h2", nodes => nodes.map(node => node.textContent));

  await go("#/models/many");
  const version = given.last / 2;
  await page.getByLabel("Version", { exact: true }).fill(String(version));
  await page.keyboard.press("Enter");
  await page.waitForFunction(wanted => document.querySelector("main h1").textContent.endsWith(wanted), ` ${version}`);
  const opened = await page.textContent("main h1");

  await go("#/models/many");
  await page.getByLabel("Version to try beside it").fill(String(version));
  const slider = page.getByRole("slider");
  // What is typed beside it may draw it anew: a key that went to the one before is pressed again.
  while (Number(await slider.inputValue()) < 5) await slider.press("ArrowRight");
  const applied = page.waitForResponse(answer => answer.request().method() === "PUT");
  await page.getByRole("button", { name: "Apply" }).click();
  const shared = (await (await applied).json()).weights;
  await context.close();
  return { found, pages, named, opened, shared };
}
