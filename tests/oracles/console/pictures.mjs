// Takes a picture of each place that is named, for the documentation; of some when a button was pressed.
export async function scenario({ browser, given, tab, settled }) {
  const found = [];
  for (const { name, place, press, shows, width = 1280, colorScheme = "light" } of given.pictures) {
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, reducedMotion: "reduce", locale: "en-GB" });
    const page = await tab(context, found);
    await page.goto(`${given.url}${place}`);
    await settled(page);
    if (press) {
      await page.getByRole("button", { name: press }).click();
      await page.getByRole("heading", { name: shows }).waitFor();
    }
    await page.screenshot({ path: `${given.folder}/console-${name}.png` });
    await context.close();
  }
  return found;
}
