// Takes a picture of each place that is named, for the documentation.
export async function scenario({ browser, given, tab, settled }) {
  const found = [];
  for (const { name, place, width = 1280, colorScheme = "light" } of given.pictures) {
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, reducedMotion: "reduce", locale: "en-GB" });
    const page = await tab(context, found);
    await page.goto(`${given.url}${place}`);
    await settled(page);
    await page.screenshot({ path: `${given.folder}/console-${name}.png` });
    await context.close();
  }
  return found;
}
