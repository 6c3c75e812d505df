// A private training by the page: what may not be looked up is said, a budget bounds it, and all of it is erased.
export async function scenario({ browser, given, tab, settled, accessible }) {
  const found = [];
  const seen = {};
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 390, height: 844 } });
  const page = await tab(context, found);
  const button = name => page.getByRole("button", { name, exact: true });
  const field = name => page.getByLabel(name, { exact: true });

  await page.goto(`${given.url}#/datasets/people`);
  await field("Algorithm").waitFor();
  await page.getByText("Privately").click();
  await field("Epsilon").fill("1");
  await field("All classes").fill("no, yes");
  seen.nothing_said = [await field("Least age").inputValue(), await field("Words of plan").inputValue()];
  await field("Least age").fill("90");
  await field("Greatest age").fill("18");
  await field("Words of plan").fill("basic, plus, team");
  await button("Train").click();
  await page.getByText("Expected the least and the greatest number").first().waitFor();
  found.push(...(await accessible(page)));
  await field("Least age").fill("18");
  await field("Greatest age").fill("90");
  await button("Train").click();
  await page.waitForURL(/#\/jobs\//);
  await page.getByRole("link", { name: /version 1/i }).first().click();
  await page.getByText("What it was trained on").click();
  await page.getByText(/epsilon 1, delta 0.000001/).first().waitFor();
  found.push(...(await accessible(page)));

  // A budget: what is spent is told, and the rows are looked at no more.
  await page.goto(`${given.url}#/datasets/people`);
  await field("Epsilon of the budget").fill("2");
  await button("Set a budget").click();
  await page.getByText(/of epsilon 2 is spent/).waitFor();
  seen.spent = await page.locator("progress").getAttribute("value");
  await settled(page);
  seen.algorithms = await field("Algorithm").count();
  found.push(...(await accessible(page)));
  seen.made = await page.getByRole("link", { name: /version 1/ }).first().textContent();

  // Everything that was made of it goes, and the report says what stays.
  await button("Delete").click();
  await field("With every version made from it").check();
  await button("Delete it").click();
  await page.getByRole("heading", { name: "people is erased" }).waitFor();
  seen.parts = await page.locator("section h2").allTextContents();
  found.push(...(await accessible(page)));
  await context.close();
  return { found, seen };
}
