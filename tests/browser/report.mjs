// Reports of a review in a real browser, opened as the files they are: node report.mjs MODULES [SHOTS] FILE…
//   MODULES  the folder with node_modules (tests/setup.sh)
//   SHOTS    SHOTS=folder: pictures of each; none: no pictures
//   FILE     NAME=LINES: a report, and how many lines its list is to have
// Each at 1280 and 390 pixels, light and dark: no console error, no violation of the policy, nothing asked for, nothing that scrolls sideways, nothing serious by
// axe-core. Then what a reader does: search, filter, group, open, see where a value comes from, share the address, all of it by keyboard alone too.
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, ...rest] = process.argv.slice(2);
const shots = rest[0]?.startsWith("SHOTS=") ? rest.shift().slice("SHOTS=".length) : "";
const require = createRequire(path.join(path.resolve(modules), "x.js"));
const puppeteer = require("puppeteer-core");
if (shots) fs.mkdirSync(shots, { recursive: true });
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const count = (page) => page.$eval("#count", (told) => told.textContent);
const linesOf = async (page) => Number(((await count(page)).match(/^([\d,]+) lines?/)?.[1] ?? "0").replaceAll(",", ""));
/// The list is made anew a moment after a key was pressed: what is waited for is what it comes to.
const until = (page, test, ...given) => page.waitForFunction(test, { timeout: 20_000 }, ...given);

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  headless: true,
  pipe: true,
  args: ["--no-sandbox", "--force-color-profile=srgb", "--disable-dev-shm-usage"],
});
try {
  for (const file of rest) {
    const [name, lines] = file.split("=");
    await looks(name);
    await search(name, Number(lines));
    await keyboard(name, Number(lines));
    await withoutScript(name);
  }
} finally {
  await browser.close();
}
console.log("every report is as it should be");

async function tab(file, { width = 1280, scheme = "light", script = true, hash = "" } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setJavaScriptEnabled(script);
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  page.wrong = [];
  page.on("console", (message) => message.type() === "error" && page.wrong.push(message.text()));
  page.on("pageerror", (error) => page.wrong.push(String(error)));
  page.on("request", (request) => request.url().startsWith("file:") || request.url().startsWith("data:") || page.wrong.push(`${request.url()} was asked for`));
  await page.goto(pathToFileURL(file).href + hash);
  return page;
}

async function looks(file) {
  for (const width of [1280, 390]) {
    for (const scheme of ["light", "dark"]) {
      const page = await tab(file, { width, scheme });
      const name = `${path.basename(file, ".html")}-${width}-${scheme}`;
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${name} scrolls sideways by ${wide} pixels`);
      if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: false });
      // The page lets no script in but its own: what looks at it stands in a world of its own.
      const client = await page.createCDPSession();
      const { frameTree } = await client.send("Page.getFrameTree");
      const { executionContextId: contextId } = await client.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
      await client.send("Runtime.evaluate", { expression: axe, contextId });
      const asked = "axe.run({resultTypes: ['violations']}).then(found => JSON.stringify(found.violations.filter(one => ['serious', 'critical'].includes(one.impact)).map(one => one.id + ': ' + one.nodes[0].html)))";
      const { result, exceptionDetails } = await client.send("Runtime.evaluate", { expression: asked, contextId, awaitPromise: true });
      assert.ok(!exceptionDetails, `${name}: ${JSON.stringify(exceptionDetails)}`);
      assert.equal(result.value, "[]", name);
      assert.deepEqual(page.wrong, [], name);
      await page.browserContext().close();
    }
  }
}

async function search(file, lines) {
  const page = await tab(file);
  assert.equal(await linesOf(page), lines, await count(page));
  if (!lines) return page.browserContext().close();
  // Nobody else's name holds that of the last.
  const names = await page.evaluate(() => JSON.parse(document.getElementById("data").textContent).people.map((one) => one[1]));
  const somebody = names.filter((name) => /^p\d+$/.test(name)).sort((one, other) => other.slice(1) - one.slice(1))[0];
  await page.type("#q", `"${somebody}"`);
  await until(page, (name) => document.querySelector("#out mark")?.textContent === name, somebody);
  assert.ok((await linesOf(page)) < lines || lines < 5, await count(page));
  const address = page.url();
  assert.match(address, /#q=/);
  const shared = await tab(file, { hash: new URL(address).hash });
  assert.equal(await count(shared), await count(page), "an address shows the same to whoever it is sent to");
  await shared.browserContext().close();
  await page.click("#out details.group .row summary");
  const why = await (await page.waitForSelector("#out .why")).evaluate((box) => box.innerText);
  assert.match(why, /Why .*\n[^]*headcount explain /);
  await page.click("#clear");
  assert.equal(await linesOf(page), lines);
  const kinds = await page.$$eval("#k option", (all) => all.map((option) => option.value).filter(Boolean));
  let sum = 0;
  for (const kind of kinds) {
    await page.select("#k", kind);
    sum += await linesOf(page);
  }
  assert.equal(sum, lines, "every line is of one kind");
  await page.click("#clear");
  for (const by of ["k", "t", "p", "c"]) {
    await page.select("#g", by);
    assert.equal(await linesOf(page), lines, `by ${by}`);
  }
  await page.type("#q", "nobody-is-called-so");
  await until(page, () => document.getElementById("count").textContent.startsWith("Nothing matches"));
  assert.deepEqual(page.wrong, []);
  await page.browserContext().close();
}

async function keyboard(file, lines) {
  if (!lines) return;
  const page = await tab(file);
  const focused = (of = "id") => page.evaluate((of) => document.activeElement[of], of);
  await page.keyboard.press("Tab");
  assert.equal(await focused("className"), "skip", "the first stop leads past the head");
  await page.keyboard.press("Enter");
  await page.keyboard.press("/");
  assert.equal(await focused(), "q");
  await page.keyboard.type("p1");
  await until(page, () => location.hash === "#q=p1");
  // From there to the first thing that opens, and into it.
  for (let at = 0; at < 20 && (await focused("tagName")) !== "SUMMARY"; at++) await page.keyboard.press("Tab");
  assert.equal(await focused("tagName"), "SUMMARY", "a group is reached with Tab");
  const open = () => page.evaluate(() => document.activeElement.parentElement.open);
  const was = await open();
  await page.keyboard.press("Enter");
  assert.notEqual(await open(), was);
  await page.keyboard.press("/");
  await page.keyboard.press("Escape");
  assert.equal(await linesOf(page), lines, "Escape takes the search back");
  assert.deepEqual(page.wrong, []);
  await page.browserContext().close();
}

async function withoutScript(file) {
  const page = await tab(file, { script: false });
  const text = await page.$eval("body", (body) => body.innerText);
  assert.match(text, /need the script in this file/);
  assert.ok((await page.$eval(".verdict", (verdict) => verdict.innerText)).length > 10, "the verdict needs no script");
  await page.browserContext().close();
}
