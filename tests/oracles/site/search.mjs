// Opens the documentation as files, types each question into its search, and says where the first answers lead.
export async function scenario({ browser, given, tab }) {
  const found = [];
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions: ["clipboard-read", "clipboard-write"] });
  const page = await tab(context, found);
  const answers = {};
  for (const question of given.questions) {
    await page.goto(given.url);
    await page.getByRole("button", { name: "Search" }).first().click();
    await page.keyboard.type(question);
    // An answer is to what was typed so far: each says to what.
    const asked = new URLSearchParams({ h: question });
    const results = page.locator(`${given.results}[href*="?${asked}"]`);
    await results.first().waitFor();
    answers[question] = await results.evaluateAll(links => links.slice(0, 5).map(link => link.href));
  }
  await page.goto(given.page);
  await page.locator("button.md-code__button").first().click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  return { found, answers, copied };
}
