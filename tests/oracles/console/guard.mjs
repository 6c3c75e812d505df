// A schedule's guard by the page: how far the new version is and why, what it was compared with, and the trail of it.
export async function scenario({ browser, given, tab, settled, accessible }) {
  const found = [];
  const seen = {};
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 390, height: 844 } });
  const page = await tab(context, found);
  const texts = async selector => (await page.locator(selector).allTextContents()).map(text => text.trim());
  const looked = async () => {
    await settled(page);
    const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    if (wide > room) found.push(`${page.url()}: ${wide} pixels wide`);
    found.push(...(await accessible(page)));
  };

  await page.goto(`${given.url}#/models/points`);
  await page.getByRole("heading", { name: "Its guard: version 2 after version 1" }).waitFor();
  seen.guard = await page.locator("section[aria-labelledby=guard]").textContent();
  seen.steps = await texts("section[aria-labelledby=guard] li");
  await page.getByText("History", { exact: true }).click();
  await page.getByRole("columnheader", { name: "Why" }).waitFor();
  seen.reasons = await texts("[aria-label='What was done'] td:last-child");
  await looked();

  await page.goto(`${given.url}#/models/points/2`);
  const beside = page.locator("section[aria-labelledby=beside]");
  await beside.waitFor();
  seen.compared = await beside.locator("p").textContent();
  const lines = (await beside.locator("polyline").first().getAttribute("points")).split(" ").map(each => Number(each.split(",")[0]));
  seen.drawn = [lines[0], Number(await beside.locator("circle").getAttribute("cx")), lines[1]];
  await looked();

  await page.goto(`${given.url}#/audit`);
  await page.getByRole("heading", { name: "Changes" }).waitFor();
  await page.locator("tbody tr").first().waitFor();
  seen.by = (await texts("tbody td:nth-child(2)")).slice(0, 3);
  await looked();
  await page.getByLabel("Model").fill("nobody");
  await page.getByText("No change in these days").waitFor();

  await page.goto(`${given.url}#/usage`);
  await page.getByRole("region", { name: "By key" }).waitFor();
  seen.used = (await page.getByRole("region", { name: "By key" }).locator("tbody th").first().textContent()).trim();
  await looked();
  await context.close();
  return { found, seen };
}
