// A whole life, by what a person sees of it: from a file that is dropped on the page to a version that is rolled back.
import { execFileSync } from "node:child_process";

// How long a training may take on a busy machine.
const TRAINED = { timeout: 180_000 };
// Bytes a second: as many that the upload is seen on its way.
const SLOW = 100_000;

export async function scenario({ browser, given, tab, settled }) {
  const found = [];
  const seen = {};
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await tab(context, found);
  const browsing = await context.newCDPSession(page);
  const button = (name, of = page) => of.getByRole("button", { name, exact: true });
  const link = (name, of = page) => of.getByRole("link", { name, exact: true });
  const heading = name => page.getByRole("heading", { name, exact: true }).waitFor();
  seen.sent = [];
  page.on("request", request => request.method() === "PUT" && seen.sent.push(request.url()));
  const step = name => console.error(name);

  step("sign in");
  await page.goto(given.url);
  await page.getByLabel("Key", { exact: true }).fill(given.key);
  await button("Enter").click();
  await heading("There is no model yet");

  step("drop a file");
  await page.getByText("or drop one on this page").waitFor();
  const dragged = { x: 600, y: 500, data: { items: [], files: [given.table], dragOperationsMask: 1 } };
  for (const type of ["dragEnter", "dragOver", "drop"]) await browsing.send("Input.dispatchDragEvent", { type, ...dragged });
  seen.proposed = await page.getByLabel("Name of the dataset").inputValue();
  await page.evaluate(() => {
    globalThis.shares = [];
    const look = () => {
      const bar = document.querySelector("progress");
      if (bar) globalThis.shares.push(bar.value);
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: SLOW };
  await browsing.send("Network.emulateNetworkConditions", slow);
  await button("Upload").click();
  await page.getByRole("progressbar", { name: "Sent" }).waitFor();
  await heading("Columns");
  await browsing.send("Network.emulateNetworkConditions", { ...slow, uploadThroughput: -1 });
  seen.shares = await page.evaluate(() => globalThis.shares);

  step("see what its columns were taken for, and overrule one");
  const taken = name => page.getByRole("combobox", { name: `What ${name} is`, exact: true });
  const words = select => select.evaluate(each => each.selectedOptions[0].textContent);
  seen.taken = {};
  for (const name of given.columns) seen.taken[name] = await words(taken(name));
  const readAgain = page.waitForResponse(answer => answer.url().endsWith(":describe"));
  await taken(given.overruled).selectOption({ label: "leave out" });
  await readAgain;
  seen.overruled = await words(taken(given.overruled));

  const train = async algorithm => {
    await page.getByLabel("Algorithm", { exact: true }).selectOption({ label: algorithm });
    seen.target = await words(page.getByLabel("What to predict", { exact: true }));
    await button("Train").click();
    await page.getByText("How it went").waitFor();
    await page.getByText("The job succeeded").or(page.getByText("Why it failed")).waitFor({ state: "attached", ...TRAINED });
    seen.jobs = [...(seen.jobs ?? []), await page.locator("main strong").first().textContent()];
  };

  step("train, and watch the job to its end");
  await train(given.algorithms[0]);

  step("look at the version");
  await link("Open version 1").click();
  await heading("How good it is");
  await settled(page);
  seen.charts = await page.locator("figcaption").allTextContents();
  seen.importance = await page.getByRole("table", { name: "Importance" }).getByRole("rowheader").allTextContents();
  await page.getByText("What it was trained on", { exact: true }).click();
  seen.learnt = await page.locator("dt", { hasText: "Columns it sees" }).locator("+ dd").textContent();

  step("choose a newer file, and train a second version");
  await link("Datasets").click();
  await link(seen.proposed).click();
  await page.getByText("Upload a newer file").click();
  const choosing = page.waitForEvent("filechooser");
  await page.getByText("Choose a file").click();
  await (await choosing).setFiles(given.newer);
  await button("Upload").click();
  await page.getByText(given.rows).waitFor();
  await train(given.algorithms[1]);

  await link("All versions of churn").click();
  await heading("Versions");

  step("give it a tenth of the traffic, promote it, roll it back");
  await page.getByText("Decide which version answers").click();
  const naming = page.locator("form", { has: button("Add the name") });
  await naming.getByLabel("Version").selectOption({ label: "Version 1" });
  await button("Add the name").click();
  const name = page.locator("article", { has: page.getByRole("heading", { name: "production", exact: true }) });
  const shares = () => name.locator(".shares li").allTextContents();
  await name.getByRole("slider").focus();
  for (let percent = 0; percent < 10; percent++) await page.keyboard.press("ArrowRight");
  await name.getByText("Its share of the traffic: 10 %").waitFor();
  await button("Apply").click();
  await name.getByText("Version 1 gets 90 %, version 2 gets 10 %.").waitFor();
  await link("Version 2", name).waitFor();
  seen.canary = await shares();
  const sure = async (ask, dialog, yes, done) => {
    await button(ask, name).click();
    await button(yes, page.getByRole("dialog", { name: dialog })).click();
    await name.getByText(done).waitFor();
  };
  await sure("Promote version 2", "All traffic to version 2?", "Promote", "Version 2 answers all of it.");
  await name.getByText("Version 2 100 %").waitFor();
  seen.promoted = await shares();
  await sure("Roll back", "Roll “production” back?", "Roll back", "Rolled back.");
  await name.getByText("Version 1 100 %").waitFor();
  seen.rolledBack = await shares();
  await name.getByText("History").click();
  await name.getByRole("cell", { name: "rolled back" }).waitFor();
  seen.history = await name.locator("tbody tr").evaluateAll(rows => rows.map(row => [...row.cells].slice(1).map(cell => cell.textContent)));

  step("describe it");
  await button("Describe it").click();
  await page.getByLabel("Description", { exact: true }).last().fill("Who is about to leave");
  await page.getByLabel("Tags", { exact: true }).fill("team: sales");
  await button("Save").click();
  await page.locator("li", { hasText: "team: sales" }).waitFor();
  await button("Edit").waitFor();

  step("try it, and ask the same with curl");
  await link("Try it", page.getByRole("main")).click();
  const form = page.getByRole("form", { name: "What to ask" });
  await form.waitFor();
  seen.fields = await form.locator("label").allTextContents();
  await form.getByLabel(given.typed[0], { exact: true }).fill(given.typed[1]);
  const predicted = page.waitForResponse(answer => answer.url().endsWith(":predict"));
  await button("Predict").click();
  seen.predicted = await (await predicted).json();
  const answer = page.getByRole("region", { name: "Answer" });
  seen.says = await answer.locator("strong").textContent();
  seen.sure = await answer.getByRole("table", { name: "How probable it takes each class" }).getByRole("row").allTextContents();
  const why = answer.getByRole("region", { name: /^Why / });
  seen.why = await why.getByRole("heading").textContent();
  const parts = why.getByRole("table");
  seen.parts = await parts.getByRole("rowheader").allTextContents();
  seen.bars = await parts.locator("rect").count();
  await page.getByText("The same with curl").click();
  const line = await page.locator("pre.curl").textContent();
  seen.curl = JSON.parse(execFileSync("sh", ["-c", line], { env: { ...process.env, KEY: given.key }, encoding: "utf-8" }));

  step("see that it was asked");
  await link("Models").click();
  await settled(page);
  seen.card = (await page.getByRole("article").textContent()).replaceAll(/\s+/g, " ");
  await link("churn").click();
  await link("Monitoring").click();
  await heading("Versions side by side");
  const row = page.getByRole("row", { name: /^Predicted rows/ });
  seen.asked = await row.getByRole("cell").allTextContents();
  await link("Version 1, column by column").click();
  await heading("Column by column");

  step("leave");
  await button("Leave").click();
  await heading("A key is needed");
  seen.left = await page.evaluate(() => sessionStorage.length);
  await context.close();
  return { found, seen };
}
