// The pages of acme's company in a real browser, signed in at a real provider of OpenID Connect: node check.mjs MODULES WORK [SHOTS]
//   MODULES  the folder with node_modules (tests/setup.sh)
//   WORK     an empty folder
//   SHOTS    a folder for pictures of each page (docs/ has plan-page.png and person-page.png of them); none: no pictures
// Every page at 1280 and 390 pixels, light and dark: no console error, no violation of the policy, nothing that scrolls sideways, nothing serious by axe-core.
// Then what people do, with and without script and by keyboard alone: sign in, search, sync, cut off, approve, sign in again, stop and let go on, sign out.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, work, shots] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "x.js"));
const puppeteer = require("puppeteer-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));

const freePort = () =>
  new Promise((done) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
const [port, providerPort] = [await freePort(), await freePort()];
const base = `http://localhost:${port}`;
const issuer = `http://127.0.0.1:${providerPort}`;

// Who may sign in, by the claims that a provider has: mara does everything, vera sees numbers, nobody@ has no role.
const groups = { vera: ["staff"] };
const provider = new Provider(issuer, {
  clients: [{ client_id: "headcount", client_secret: "s3cret/+ %", grant_types: ["authorization_code"], redirect_uris: [`${base}/sign-in/callback`], post_logout_redirect_uris: [`${base}/signed-out`] }],
  pkce: { required: () => true },
  claims: { openid: ["sub", "auth_time"], profile: ["groups"], email: ["email", "email_verified"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@acme.example`, email_verified: id !== "mallory", groups: groups[id] ?? [] }),
  }),
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ["a key for tests"] },
});
const listening = provider.listen(providerPort, "127.0.0.1");
fs.writeFileSync(
  path.join(work, "sign-in.yaml"),
  `publicUrl: ${base}
oidc: {issuer: '${issuer}', clientId: headcount, clientSecret: {env: HEADCOUNT_OIDC_SECRET}}
roles: {viewer: {groups: [staff]}, admin: {people: [mara@acme.example, mallory@acme.example]}}
actions: [sync, approve, revoke, pause]
`,
);

const example = spawn(path.resolve("examples/dashboard/run"), {
  env: { ...process.env, PORT: String(port), WORK: path.join(work, "company"), SIGN_IN: path.join(work, "sign-in.yaml"), HEADCOUNT_OIDC_SECRET: "s3cret/+ %" },
  stdio: ["ignore", "pipe", "inherit"],
});
let told = "";
await new Promise((done, failed) => {
  example.stdout.on("data", (text) => {
    told += text;
    if (told.includes("Pages: ")) done();
  });
  example.on("exit", (code) => failed(new Error(`the company ended with ${code}: ${told}`)));
});

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  headless: true,
  pipe: true,
  args: ["--no-sandbox", "--force-color-profile=srgb", "--disable-dev-shm-usage"],
});
let failure;
try {
  await check();
} catch (error) {
  failure = error;
}
await browser.close();
example.removeAllListeners("exit");
const ended = new Promise((done) => example.on("exit", done));
example.kill("SIGTERM");
await ended;
listening.closeAllConnections();
listening.close();
if (failure) throw failure;
console.log("every page and every step is as it should be");

/// A tab, and what went wrong in it.
async function tab({ script = true } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setJavaScriptEnabled(script);
  page.wrong = [];
  // The provider's own pages ask for things of the world; only ours are held to anything.
  page.on("console", (message) => {
    const place = message.location().url || page.url();
    if (message.type() === "error" && place.startsWith(base)) page.wrong.push(`${place}: ${message.text()}`);
  });
  page.on("pageerror", (error) => page.wrong.push(`${page.url()}: ${error}`));
  page.on("requestfailed", (request) => request.url().startsWith(base) && page.wrong.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on("request", (request) => {
    const url = request.url();
    if (page.url().startsWith(base) && !url.startsWith(base) && !url.startsWith(issuer)) page.wrong.push(`${url} was asked for`);
  });
  await page.evaluateOnNewDocument(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return page;
}

async function press(page, selector) {
  const [answer] = await Promise.all([page.waitForNavigation(), page.click(selector)]);
  return answer;
}

function words(page) {
  return page.$eval("body", (body) => body.innerText);
}

function heading(page) {
  return page.$eval("h1", (heading) => heading.innerText);
}

/// Signs in at the provider, from whatever page leads there.
async function signIn(page, name, to = "/") {
  if (!page.url().startsWith(issuer)) await page.goto(base + to);
  assert.ok(page.url().startsWith(issuer), `${page.url()} does not lead to the provider`);
  await page.type("input[name=login]", name);
  await page.type("input[name=password]", "x");
  await press(page, "button[type=submit]");
  if (page.url().startsWith(issuer)) await press(page, "button[type=submit]");
}

/// Until a page says something; reloading is what people do, too.
async function until(page, address, so, what) {
  for (let tries = 0; tries < 300; tries += 1) {
    await page.goto(base + address);
    if (so(await words(page))) {
      // What was being worked out for a moment is told so, and looked at again.
      page.wrong = page.wrong.filter((words) => !words.includes("503"));
      return;
    }
    await new Promise((done) => setTimeout(done, 200));
  }
  assert.fail(`${what} never came: ${await words(page)}`);
}

async function check() {
  const page = await tab();
  await signIn(page, "mara", "/people?q=zh");
  assert.equal(page.url(), `${base}/people?q=zh`, "whoever signed in is where they wanted to be");
  await looks(page);
  await others();
  await searches(page);
  await keyboard(page);
  await stops(page);
  await cutsOff(page);
  await syncs(page);
  await approves();
  await again(page);
  await leaves(page);
}

/// Each page, in both widths and both looks.
async function looks(page) {
  await page.goto(`${base}/plans`);
  const plan = await page.$eval("a[href^='/plan?hash=']", (link) => link.getAttribute("href"));
  await page.goto(`${base}/history`);
  const run = await page.$eval("a[href^='/history?run=']", (link) => link.getAttribute("href"));
  const pages = {
    overview: "/", plans: "/plans", plan, pending: "/pending", people: "/people", search: "/people?q=zh", nobody: "/people?q=nobody-is-called-so",
    person: "/person?key=people/1008", "cut-off": "/person?key=brightwell/BW-08", group: "/group?key=group/product", "group-of-values": "/group?key=group/department",
    leaver: "/person?key=brightwell/BW-04", sources: "/sources",
    guardrails: "/guardrails", history: "/history", "history-of-a-person": "/history?who=people/1008", "history-of-nobody": "/history?who=nobody-is-called-so", "history-at-a-target": "/history?target=chat&since=12h", "one-run": run, run: "/run", sync: "/sync", pause: "/pause", revoke: "/revoke?key=people/1008",
    missing: "/nothing",
  };
  if (shots) fs.mkdirSync(shots, { recursive: true });
  for (const [name, address] of Object.entries(pages)) {
    const answer = await page.goto(base + address);
    assert.equal(answer.status(), name === "missing" ? 404 : 200, address);
    assert.equal(await page.evaluate(() => document.scripts.length), 0, `${address} has a script`);
    assert.ok((await answer.buffer()).length <= 300_000, `${address} is too long`);
    await looksWell(page, name);
    if (shots) await picture(page, path.join(shots, `${name}-page.png`));
    if (name === "missing") page.wrong = page.wrong.filter((words) => !words.includes("404"));
    assert.deepEqual(page.wrong, [], address);
  }
  await page.setViewport({ width: 1280, height: 800 });
}

/// What is shown now, in both widths and both looks: nothing scrolls sideways, and axe-core finds nothing serious.
async function looksWell(page, name) {
  await page.evaluate(axe);
  for (const width of [1280, 390]) {
    await page.setViewport({ width, height: width === 390 ? 844 : 800 });
    for (const value of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${name} is ${wide} wide at ${width}`);
      const found = await page.evaluate(async () => (await axe.run()).violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map((node) => node.html) })));
      const grave = found.filter(({ impact }) => ["serious", "critical"].includes(impact));
      assert.deepEqual(grave, [], `${name} at ${width}, ${value}`);
      if (shots) await page.screenshot({ path: path.join(shots, `${name}-${width}-${value}.png`), fullPage: true });
    }
  }
  await page.setViewport({ width: 1280, height: 800 });
}

/// As docs/ has them.
async function picture(page, file) {
  await page.setViewport({ width: 1200, height: 680 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  await page.screenshot({ path: file });
}

/// Whoever may see less, or nothing.
async function others() {
  const vera = await tab();
  await signIn(vera, "vera");
  for (const address of ["/", "/plans", "/sources", "/guardrails", "/history"]) {
    await vera.goto(base + address);
    assert.ok(!/zhang|dafydd/i.test(await words(vera)), `${address} names people to whoever may not see them`);
  }
  assert.equal((await vera.goto(`${base}/people`)).status(), 403);
  await looksWell(vera, "forbidden");
  await vera.goto(`${base}/plans`);
  await looksWell(vera, "plans-of-a-viewer");
  const stranger = await tab();
  await signIn(stranger, "stranger");
  assert.ok((await words(stranger)).includes("has no role here"));
  await looksWell(stranger, "no-role");
  const mallory = await tab();
  await signIn(mallory, "mallory");
  assert.ok((await words(mallory)).includes("does not count"), "an address that is not verified");
  // An answer that this browser did not ask for, or not so.
  const forged = await tab();
  assert.equal((await forged.goto(`${base}/sign-in/callback?code=x&state=y`)).status(), 422);
  await forged.goto(`${base}/`);
  assert.ok(forged.url().startsWith(issuer));
  const asked = new URL(forged.url());
  assert.ok(asked.pathname.startsWith("/interaction/"), "the provider took what it was asked");
  assert.equal((await forged.goto(`${base}/sign-in/callback?code=x&state=y`)).status(), 422, "another state");
}

async function searches(page) {
  await page.goto(`${base}/people`);
  await page.type("input[name=q]", "ZHANG");
  const [answer] = await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.equal(answer.status(), 200);
  assert.match(await words(page), /1 person/);
  await press(page, "table a[href^='/person']");
  assert.match(await heading(page), /Wei Zhang/);
}

/// By keyboard alone: to the page, through the navigation, and what has the focus is seen.
async function keyboard(page) {
  await page.goto(`${base}/`);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "To the page", "the first thing is the way past the navigation");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.goto(`${base}/`);
  for (let tabs = 0; tabs < 20; tabs += 1) {
    await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    });
    assert.ok(seen, "what has the focus is seen");
    if (await page.evaluate(() => document.activeElement.getAttribute("href") === "/plans")) break;
  }
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.match(await heading(page), /plan waits/);
}

async function stops(page) {
  await page.goto(`${base}/pause`);
  await page.type("input[name=reason]", "hr exports nonsense");
  await press(page, "form button.lose");
  assert.match(await words(page), /All writing is stopped but revocations, by mara@acme.example/);
  await looksWell(page, "stopped");
  await press(page, "form[action='/resume'] button");
  assert.doesNotMatch(await words(page), /All writing is stopped/);
}

async function cutsOff(page) {
  await page.goto(`${base}/person?key=people/1008`);
  await press(page, "a.button.lose");
  await page.type("input[name=reason]", "stolen laptop");
  await page.type("input[name=typed]", "people/1009");
  assert.equal((await press(page, "form button.lose")).status(), 422, "another key was typed");
  await looksWell(page, "wrongly-typed");
  page.wrong = page.wrong.filter((words) => !words.includes("422"));
  await page.goto(`${base}/revoke?key=people/1008`);
  await page.type("input[name=reason]", "stolen laptop");
  await page.type("input[name=typed]", "people/1008");
  await press(page, "form button.lose");
  await until(page, "/person?key=people/1008", (text) => /Cut off everywhere/.test(text) && /stolen laptop/.test(text), "the receipts");
  assert.deepEqual(page.wrong, []);
}

async function syncs(page) {
  await page.goto(`${base}/sync`);
  await page.select("select[name=target]", "chat");
  await press(page, "form button.main");
  assert.ok(page.url().startsWith(`${base}/run?request=`));
  // The page looks again by itself, without a script, and stops once it is over.
  await page.waitForFunction(() => document.body.innerText.includes("What you asked for was done"), { timeout: 60_000, polling: 200 });
  assert.match(await words(page), /The last run ended/);
  assert.equal(await page.$("meta[http-equiv=refresh]"), null, "what is over is not looked at again");
}

/// Without script, and by keyboard: the number is typed, Enter sends it.
async function approves() {
  const page = await tab({ script: false });
  await signIn(page, "mara", "/plans");
  await press(page, "a[href^='/plan?hash=']");
  const asked = /Type (\d+) to approve/.exec(await words(page));
  assert.ok(asked, "what takes something asks for its number");
  await page.type("input[name=reason]", "HR-2291");
  await page.type("input[name=number]", String(Number(asked[1]) + 1));
  assert.equal((await press(page, "button[value=approve]")).status(), 422, "another number was typed");
  await page.goto(`${base}/plans`);
  await press(page, "a[href^='/plan?hash=']");
  await page.focus("input[name=number]");
  await page.keyboard.type(asked[1]);
  const [answer] = await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.equal(answer.status(), 200, await words(page));
  await until(page, "/plans", (text) => text.includes("No plan waits"), "the run");
  await until(page, "/history", (text) => /mara@acme.example/.test(text) && /approved/.test(text), "who approved it");
  await narrows(page);
}

/// The history of one target, and then of one person, by the form alone.
async function narrows(page) {
  await page.goto(`${base}/history`);
  await page.select("form.filters select[name=target]", "chat");
  await page.type("form.filters input[name=since]", "12h");
  await press(page, "form.filters button");
  assert.match(await words(page), /mara@acme.example/, "who approved it there");
  assert.equal(await page.$eval("form.filters select[name=target]", (select) => select.value), "chat", "what was asked for stands there");
  await page.type("form.filters input[name=who]", "people/1008");
  await page.focus("form.filters input[name=who]");
  const [answer] = await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.equal(answer.status(), 200);
  assert.doesNotMatch(await words(page), /Nothing of that happened/);
  await press(page, "form.filters a.button");
  assert.equal(page.url(), `${base}/history`);
}

/// Whoever signs in again proves anew who they are, though the provider knows them.
async function again(page) {
  await page.goto(`${base}/sign-in?again=yes&to=/guardrails`);
  assert.ok(page.url().startsWith(issuer), "the provider asks anew");
  assert.ok(await page.$("input[name=login]"), "for the password, too");
  await signIn(page, "mara");
  assert.equal(page.url(), `${base}/guardrails`);
  await page.goto(`${base}/sign-in?to=//evil.example/`);
  assert.equal(page.url(), `${base}/`, "nobody is led elsewhere");
}

/// Whoever leaves is led to the provider's own way out, and what one page says of it is true there.
async function leavesThere(page) {
  const way = await page.$eval(`a[href^='${issuer}']`, (link) => link.href);
  await page.goto(way);
  assert.ok(page.url().startsWith(issuer), "the provider asks whether it is meant");
  await Promise.all([page.waitForNavigation(), page.evaluate(() => document.querySelector("button[autofocus], button[value=yes], button[type=submit]").click())]);
  assert.equal(page.url().split("?")[0], `${base}/signed-out`);
}

async function leaves(page) {
  const held = (await page.cookies()).find((cookie) => cookie.name === "__Host-headcount");
  assert.ok(held.httpOnly && held.secure && held.sameSite === "Lax", "no script reads it, and no other site sends it along");
  await press(page, "form[action='/sign-out'] button");
  assert.match(await heading(page), /signed out/);
  await looksWell(page, "signed-out");
  const cookie = `__Host-headcount=${held.value}`;
  const answer = await fetch(`${base}/`, { headers: { cookie }, redirect: "manual" });
  assert.equal(answer.status, 303, "what the browser held opens nothing any more");
  assert.equal((await fetch(`${base}/api/v1/status`, { headers: { cookie }, redirect: "manual" })).status, 401);
  assert.deepEqual(page.wrong, []);
  await leavesThere(page);
}
