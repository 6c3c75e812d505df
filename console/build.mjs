// Builds the console: one page of HTML with one style and one script in it, the same bytes each time.
//
// `node build.mjs [FILE]` writes it to FILE, or to where the service serves it from.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const here = new URL("./", import.meta.url);
const at = name => fileURLToPath(new URL(name, here));
const target = process.argv[2] ?? at("../handlers/rest/console.html");
const browsers = ["chrome111", "firefox113", "safari16.4"];

const script = await build({
  absWorkingDir: at("."),
  entryPoints: ["src/main.tsx"],
  bundle: true,
  minify: true,
  format: "iife",
  charset: "utf8",
  legalComments: "none",
  target: browsers,
  jsx: "automatic",
  jsxImportSource: "preact",
  write: false,
});
const style = await transform(readFileSync(at("src/style.css"), "utf8"), { loader: "css", minify: true, target: browsers });

// Within a page neither may hold what ends its element.
const within = (text, element) => {
  const content = text.trim();
  if (content.toLowerCase().includes(`</${element}`)) throw new Error(`the ${element} holds its own end`);
  return content;
};
const page = readFileSync(at("src/index.html"), "utf8")
  .replace("/* style */", () => within(style.code, "style"))
  .replace("/* script */", () => within(script.outputFiles[0].text, "script"));
writeFileSync(target, page);
