// Opens /docs with as much of a browser as that page uses, and presses every Send from top to bottom.
// node page.js URL: prints what each was answered, a line of JSON each.
// node page.js URL CODE [KEY]: opens /docs#CODE, enters KEY, and prints the rows of errors, and which is shown.
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
  scrollIntoView() { scrolledTo = this; }
  get text() {
    return this.textContent ?? this.children.map(child => child instanceof Element ? child.text : child).join("");
  }
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

let scrolledTo = null;

// The page at `hash`, and what a test does to its elements and its window.
async function open(url, hash) {
  const html = await (await fetch(url + "/docs")).text();
  const byId = new Map(["key", "main", "about", "auth"].map(id => [id, new Element("div")]));
  const listeners = {};
  const browser = {
    addEventListener: (event, listener) => { listeners[event] = listener; },
    document: { createElement: name => new Element(name), getElementById: id => byId.get(id) },
    sessionStorage: { getItem: () => null, setItem() {} },
    location: { origin: url, pathname: "/docs", hash },
    fetch: (target, options) => fetch(new URL(target, url), options),
  };
  new Function(...Object.keys(browser), html.match(/<script>([^]*)<\/script>/)[1])(...Object.values(browser));
  return { byId, page: byId.get("main"), location: browser.location, listeners };
}

async function main(url) {
  const { page } = await open(url, "");
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

// What of the errors' rows is seen: at first, once a key was entered, and when the address names another code.
async function showErrors(url, code, key) {
  const { byId, page, location, listeners } = await open(url, "#" + code);
  const told = () => ({
    main: page.textContent ?? "",
    links: [...page.all("a")].map(link => [link.text, link.href]),
    rows: [...page.all("tr")].filter(row => row.id).map(row => [...row.all("td")].map(cell => cell.text)),
    named: [...page.all("tr")].filter(row => row.className).map(row => row.id),
    scrolledTo: scrolledTo && scrolledTo.id,
  });
  await until(() => page.textContent || page.children.length);
  const shown = [told()];
  if (key) {
    byId.get("key").value = key;
    byId.get("key").listeners.change();
    await until(() => page.children.length);
    shown.push(told());
  }
  location.hash = "#too_large";
  listeners.hashchange();
  shown.push(told());
  console.log(JSON.stringify(shown));
}

const [url, code, key] = process.argv.slice(2);
if (code) showErrors(url, code, key);
else main(url);
