// Builds the console: one page of HTML with one style and one script in it, the same bytes each time.
//
// `node build.mjs [FILE]` writes it to FILE, or to where the service serves it from.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
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
  metafile: true,
  write: false,
});
const style = await transform(readFileSync(at("src/style.css"), "utf8"), { loader: "css", minify: true, target: browsers });

// Within a page neither may hold what ends its element.
const within = (text, element) => {
  const content = text.trim();
  if (content.toLowerCase().includes(`</${element}`)) throw new Error(`the ${element} holds its own end`);
  return content;
};
// Whose work is in the script, and their licences, which ask to be passed on with it.
const libraries = [
  ...new Set(
    Object.values(script.metafile.outputs)
      .flatMap(output => Object.entries(output.inputs))
      .filter(([, input]) => input.bytesInOutput > 0)
      .flatMap(([path]) => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.slice(1) ?? []),
  ),
].sort();
const notices = new Map();
for (const library of libraries) {
  const { version } = JSON.parse(readFileSync(at(`node_modules/${library}/package.json`), "utf8"));
  const licence = at(`node_modules/${library}/LICENSE`);
  if (!existsSync(licence)) throw new Error(`${library} has no file LICENSE to pass on`);
  const text = readFileSync(licence, "utf8").trim();
  notices.set(text, [...(notices.get(text) ?? []), `${library} ${version}`]);
}
const notice = [...notices].map(([text, holders]) => `${holders.join(", ")}\n\n${text}`).join("\n\n");
if (notice.includes("--")) throw new Error("a comment cannot hold a licence");

const page = readFileSync(at("src/index.html"), "utf8")
  .replace("/* style */", () => within(style.code, "style"))
  .replace("/* script */", () => within(script.outputFiles[0].text, "script"))
  .replace("<!-- notices -->", () => `<!-- Its script holds:\n\n${notice}\n-->`);
writeFileSync(target, page);
