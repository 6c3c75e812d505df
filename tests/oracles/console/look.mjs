// Opens each page in both themes and at three widths, and tells what is wrong with it.
export async function scenario({ browser, given, tab, settled, accessible }) {
  const found = [];
  const titles = {};
  for (const colorScheme of ["light", "dark"]) {
    for (const width of given.widths ?? [390, 800, 1280]) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, reducedMotion: "reduce" });
      const page = await tab(context, found);
      if (given.key) await context.addInitScript(key => sessionStorage.setItem("key", key), given.key);
      await page.goto(given.url);
      for (const place of given.pages) {
        const where = `${place} (${width}, ${colorScheme})`;
        await page.evaluate(hash => { location.hash = hash; }, place);
        // The frame sets the title once the page that it is for is drawn.
        try {
          await settled(page);
        } catch (error) {
          found.push(`${where}: ${error.message.split("\n")[0]}`);
          continue;
        }
        titles[place] = (await page.textContent("main h1")).trim();
        // Why a job failed is what its page is to show.
        const failures = await page.$$eval(".failure", nodes => nodes.map(node => node.textContent));
        for (const each of failures.filter(text => !text.startsWith("Why it failed"))) found.push(`${where}: ${each}`);
        // What axe-core finds depends on the theme, and on the width by what is folded away.
        if (width === 390 || width === 1280) for (const each of await accessible(page)) found.push(`${where}: ${each}`);
        console.error(where);
        const measure = async how => {
          const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
          if (wide > room) found.push(`${where}: ${wide} pixels wide${how}`);
        };
        await measure("");
        // What is folded away is looked at too, unfolded.
        await page.$$eval("main details:not([open])", nodes => nodes.forEach(node => { node.open = true; }));
        await settled(page);
        await measure(" unfolded");
        if (width === 390) for (const each of await accessible(page)) found.push(`${where}: ${each} unfolded`);
        if (await page.evaluate(() => globalThis.hostile !== undefined || document.querySelector("img[src=x], script[src]") !== null)) {
          found.push(`${where}: what a caller wrote became HTML`);
        }
      }
      await context.close();
    }
  }
  return { found: [...new Set(found)], titles };
}
