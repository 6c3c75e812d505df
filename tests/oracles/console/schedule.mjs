// A schedule by the page: written from how the newest version was trained, mended, paused, and removed.
export async function scenario({ browser, given, tab, settled, accessible }) {
  const found = [];
  const seen = {};
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 390, height: 844 } });
  const page = await tab(context, found);
  const button = name => page.getByRole("button", { name, exact: true });
  const field = name => page.getByLabel(name, { exact: true });

  await page.goto(`${given.url}#/models/people`);
  await button("Write a schedule").click();
  await field("What to train").waitFor();
  seen.train = await field("What to train").inputValue();
  await field("Every").fill("P1M");
  await field("when the rows that it is asked about drift").check();
  await button("Write the schedule").click();
  await page.getByText(/months and years are not of one length/).waitFor();
  await page.getByText(/beside "drift"/).waitFor();
  found.push(...(await accessible(page)));
  await field("Every").fill("P7D");
  await field("At most every").fill("PT6H");
  await button("Write the schedule").click();
  await page.getByText("Nothing was due yet.").waitFor();
  seen.told = await page.getByText(/^every P7D, when its rows drift/).textContent();
  await settled(page);
  found.push(...(await accessible(page)));

  await button("Pause it").first().click();
  await page.locator("dialog[open]").getByRole("button", { name: "Pause it", exact: true }).click();
  await page.getByText("It is paused: nothing is started.").waitFor();
  await page.getByText("Change it", { exact: true }).click();
  await field("Most a day").fill("2");
  await button("Change the schedule").click();
  await page.getByText(/at most 2 a day/).waitFor();
  await page.getByText("It is paused: nothing is started.").waitFor();
  found.push(...(await accessible(page)));

  await button("Remove it").first().click();
  await page.locator("dialog[open]").getByRole("button", { name: "Remove it", exact: true }).click();
  await button("Write a schedule").waitFor();
  await context.close();
  return { found, seen };
}
