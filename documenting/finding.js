// Finds a message that somebody pastes, among all that the product can say. The site's own search wants every word
// to be on the page, and a message names what the page cannot know: a column, a model, a number.
"use strict";
(() => {
  const ANY = "…";
  const MOST = 3;
  // Letters of a message that have to be its own, so that it is told from another.
  const LEAST = 10;
  // What fits a message so much less than the best does is left out.
  const SHARE = 0.6;

  const plain = text => text.replace(/[`"“”‘’]/g, "'").replace(/\s+/g, " ").trim().toLowerCase();
  const count = text => (text.match(/[\p{L}][\p{L}_-]*/gu) || []).length;
  const letters = text => text.replace(/[^\p{L}]/gu, "").length;
  const words = text => new Set(plain(text).match(/[\p{L}][\p{L}_]+/gu) || []);

  // How many letters of its own a pattern finds in a text; 0 where the text is not of it.
  function matched(pieces, text) {
    let at = 0, found = 0;
    for (const piece of pieces) {
      const next = text.indexOf(piece, at);
      if (next < 0) return 0;
      at = next + piece.length;
      found += letters(piece);
    }
    return found;
  }

  // The entries whose message a pasted text is, or holds; the nearest by their words where it is none of them.
  function find(entries, pasted) {
    const text = plain(pasted);
    const scored = entries.map(entry => {
      const pieces = plain(entry.message).split(ANY).map(piece => piece.trim()).filter(piece => piece);
      // A word alone before what varies, such as the name of a program, tells no message from another.
      const telling = pieces.length === 1 && pieces[0].length === plain(entry.message).length || count(pieces.join(" ")) > 1;
      return { entry, score: telling ? matched(pieces, text) : 0 };
    });
    const exact = scored.filter(({ score }) => score >= LEAST);
    if (exact.length) return { exact: true, entries: best(exact) };
    const given = words(pasted);
    if (given.size < 3) return { exact: false, entries: [] };
    const seen = new Map();
    const worded = entries.map(entry => ({ entry, own: words(entry.message) }));
    for (const { own } of worded) for (const word of own) seen.set(word, (seen.get(word) || 0) + 1);
    // A word that few messages have tells more than one that many have.
    const weight = word => Math.log(1 + entries.length / (seen.get(word) || entries.length));
    const near = worded.map(({ entry, own }) => {
      let shared = 0, all = 0;
      for (const word of own) {
        all += weight(word);
        if (given.has(word)) shared += weight(word);
      }
      return { entry, score: shared / (all + 8) };
    });
    return { exact: false, entries: best(near.filter(({ score }) => score > 0.25)) };
  }

  // The best first; one that is explained before one that is only listed.
  function best(scored) {
    scored.sort((one, other) => other.score - one.score || Number(other.entry.explained) - Number(one.entry.explained));
    const kept = [], messages = new Set();
    for (const { entry, score } of scored) {
      if (score < scored[0].score * SHARE) break;
      if (messages.has(plain(entry.message))) continue;
      messages.add(plain(entry.message));
      kept.push(entry);
      if (kept.length === MOST) break;
    }
    return kept;
  }

  globalThis.messageFinder = { find };
  if (typeof document === "undefined") return;

  const here = document.currentScript.src;
  const root = new URL("..", here);
  let loading;
  // All messages are some hundred kilobytes: they are read once somebody looks for one.
  function messages() {
    loading ??= new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = new URL("messages.js", here);
      script.addEventListener("load", () => done(globalThis.messagesOfErrors));
      script.addEventListener("error", failed);
      document.head.append(script);
    });
    return loading;
  }

  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };

  // A list of what was found, each with where it leads.
  function shown({ exact, entries }) {
    const items = entries.map(({ message, links }) => make("li", {},
      make("code", { textContent: message }), " ",
      ...links.flatMap(([title, place]) => [make("a", { href: new URL(place, root), textContent: title }), " "])));
    const said = exact ? "This message is known:" : entries.length ? "Messages like this:" : "No message like this is known.";
    return [make("p", { textContent: said }), make("ul", {}, ...items)];
  }

  // On the page of troubleshooting, a field to paste a message into.
  function field(title) {
    const input = make("input", { id: "message", type: "search", autocomplete: "off", spellcheck: false,
      placeholder: "feature 'age' is missing" });
    const found = make("div", { className: "found-messages" });
    found.setAttribute("aria-live", "polite");
    input.addEventListener("input", async () => {
      const text = input.value;
      const all = await messages();
      if (text === input.value) found.replaceChildren(...(text.trim() ? shown(find(all, text)) : []));
    });
    title.after(make("form", { className: "message-finder" },
      make("label", { htmlFor: "message", textContent: "Paste your message" }), input, found));
    title.nextSibling.addEventListener("submit", event => event.preventDefault());
  }
  const title = document.querySelector("h1");
  if (title && /\/docs\/troubleshooting\.html$/.test(location.pathname)) field(title);

  // What is typed into the site's search may be a message too: then a note below says so. It is a popover, since
  // nothing else is seen above the dialog of the search.
  const note = make("div", { className: "found-messages note", popover: "manual" });
  document.body.append(note);
  let asked = "";
  document.addEventListener("input", async event => {
    const source = event.composedPath()[0];
    if (source.getAttribute?.("role") !== "combobox") return;
    asked = source.value;
    const text = asked;
    if (words(text).size < 3) return hide();
    const found = find(await messages(), text);
    if (text !== asked) return;
    if (!found.entries.length) return hide();
    note.replaceChildren(...shown(found));
    note.hidePopover();
    note.showPopover();
  }, true);
  function hide() { if (note.matches(":popover-open")) note.hidePopover(); }
  document.addEventListener("keydown", event => { if (event.key === "Escape") hide(); }, true);
  document.addEventListener("click", event => { if (!event.composedPath().includes(note)) hide(); }, true);
})();
