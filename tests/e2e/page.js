// Opens /docs with as much of a browser as that page uses, and presses every Send from top to bottom.
// node page.js URL: prints what each was answered, a line of JSON each.
"use strict";

class Element {
  constructor(name) {
    this.name = name;
    this.children = [];
    this.listeners = {};
  }
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  addEventListener(event, listener) { this.listeners[event] = listener; }
  *all(name) {
    for (const child of this.children) {
      if (!(child instanceof Element)) continue;
      if (child.name === name) yield child;
      yield* child.all(name);
    }
  }
}

const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

async function until(done) {
  for (let left = 3000; !done() && left; left--) await pause(10);
}

async function main(url) {
  const html = await (await fetch(url + "/docs")).text();
  const byId = new Map(["key", "main", "about", "auth"].map(id => [id, new Element("div")]));
  const browser = {
    document: { createElement: name => new Element(name), getElementById: id => byId.get(id) },
    sessionStorage: { getItem: () => null, setItem() {} },
    location: { origin: url, pathname: "/docs", hash: "" },
    fetch: (target, options) => fetch(new URL(target, url), options),
  };
  new Function(...Object.keys(browser), html.match(/<script>([^]*)<\/script>/)[1])(...Object.values(browser));
  const page = byId.get("main");
  await until(() => [...page.all("form")].length);
  const pressed = new Set();
  for (;;) {
    const form = [...page.all("form")].find(each => !pressed.has(each));
    if (!form) break;
    pressed.add(form);
    await press(form, null);
  }
  // The other examples, each of a model that none of those before has deleted.
  for (const form of pressed)
    for (const select of form.all("select"))
      for (const option of [...select.all("option")].slice(1)) {
        select.value = option.value;
        select.listeners.change();
        await press(form, option.value);
      }
}

// Presses a form's Send, and prints what it was answered.
async function press(form, example) {
  const answers = () => [...form.all("div")].filter(each => /^(good|bad)$/.test(each.className));
  const empty = [...form.all("input")].filter(input => input.required && !input.value).map(input => input.id);
  // An example's model may still be in training: then it is not found, and asked for again.
  for (let left = 100; left; left--) {
    const before = answers()[0];
    if (!empty.length) form.listeners.submit({ preventDefault() {} });
    await until(() => empty.length || (answers()[0] && answers()[0] !== before));
    if (!example || !answers()[0]?.textContent.startsWith("404")) break;
    await pause(500);
  }
  const [line, shown] = [[...form.all("pre")][0], answers()[0]];
  console.log(JSON.stringify({
    example,
    request: line && line.textContent,
    status: shown ? parseInt(shown.textContent, 10) : null,
    body: [...form.all("pre")].slice(-1)[0]?.textContent,
    empty,
  }));
}

main(process.argv[2]);
