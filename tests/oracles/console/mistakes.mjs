// What goes wrong with a first model, and how the page leads on: a file that is no table, a training that fails, a
// wrong value in one of very many fields.
export async function scenario({ browser, given, tab, settled, accessible }) {
  const found = [];
  const seen = {};
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await tab(context, found);
  const browsing = await context.newCDPSession(page);
  const button = name => page.getByRole("button", { name, exact: true });
  const link = name => page.getByRole("link", { name, exact: true });
  const field = name => page.getByLabel(name, { exact: true });
  const words = select => select.evaluate(each => each.selectedOptions[0].textContent);
  const drop = async file => {
    const dragged = { x: 600, y: 500, data: { items: [], files: [file], dragOperationsMask: 1 } };
    for (const type of ["dragEnter", "dragOver", "drop"]) await browsing.send("Input.dispatchDragEvent", { type, ...dragged });
  };

  // Dropped where nothing takes files: the browser stays, and the page that takes them opens.
  await page.goto(`${given.url}#/jobs`);
  await settled(page);
  await drop(given.workbook);
  await field("Name of the dataset").waitFor();
  seen.led = [await page.textContent("main h1"), await field("Name of the dataset").inputValue()];
  await button("Upload").click();
  await page.getByRole("heading", { name: "The file cannot be read" }).waitFor();
  seen.unreadable = await page.textContent("main .notice p");
  await page.getByText("or drop one on this page").waitFor();

  // The next file of it is readable; the likeliest algorithm is chosen, and another one fails.
  await drop(given.texts);
  await button("Upload").click();
  await field("Algorithm").waitFor();
  seen.likely = await words(field("Algorithm"));
  await field("Algorithm").selectOption({ label: "Logistic regression" });
  await field("Name of the model").fill("opinions");
  await page.getByText("More choices").click();
  await field("C").fill("0.25");
  await button("Train").click();
  await page.getByRole("heading", { name: "Why it failed" }).waitFor({ timeout: 180_000 });
  seen.failed = await page.textContent("main .faults");
  found.push(...(await accessible(page)));
  await link("Change it and train again").click();
  const chosen = async () => {
    await field("Algorithm").waitFor();
    return [await words(field("Algorithm")), await field("Name of the model").inputValue(), await field("C").inputValue()];
  };
  seen.again = await chosen();
  await page.reload();
  seen.reloaded = await chosen();

  // One of a hundred columns, found by its name.
  await page.evaluate(hash => { location.hash = hash; }, `#/try/${given.wide}`);
  await button("Predict").waitFor();
  const fields = page.locator(".try .fields input");
  seen.fields = await fields.count();
  await field("Find a column").fill(given.column);
  await page.waitForFunction(() => document.querySelectorAll(".try .fields input").length === 1);
  await field(given.column).fill("much");
  await button("Predict").click();
  await page.getByText("It cannot be answered yet").waitFor();
  await field("Find a column").fill("nothing is called so");
  seen.wrong = [await fields.count(), await page.textContent(".try .fields .bad")];
  await field(given.column).fill("3");
  await button("Predict").click();
  await page.locator(".try .figure").waitFor();
  seen.stale = [await page.getByText("You have changed something since").count()];
  await field(given.column).fill("4");
  await page.getByText("You have changed something since").waitFor();
  found.push(...(await accessible(page)));
  return { found, seen };
}
