// Runs tests/*.test.ts with Node's own runner, each bundled as the page's script is.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL("./", import.meta.url));
const files = readdirSync(join(here, "tests")).filter(name => name.endsWith(".test.ts")).sort();
const folder = mkdtempSync(join(tmpdir(), "console-tests-"));
try {
  await build({
    absWorkingDir: here,
    entryPoints: files.map(name => `tests/${name}`),
    bundle: true,
    splitting: false,
    format: "esm",
    platform: "node",
    jsx: "automatic",
    jsxImportSource: "preact",
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    // What a page has and Node has not, before anything of the page is loaded.
    banner: {
      js: `globalThis.location = { hash: "", pathname: "/ml/", origin: "https://a.example", host: "a.example", protocol: "https:" };
globalThis.addEventListener = () => undefined;
globalThis.sessionStorage = { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };`,
    },
  });
  const outputs = files.map(name => join(folder, name.replace(/\.ts$/, ".mjs")));
  process.exitCode = spawnSync(process.execPath, ["--test", "--test-reporter=tap", ...outputs], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}
