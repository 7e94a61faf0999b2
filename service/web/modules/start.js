// @ts-check
/** What every page does first: who reads, the header, and then the page's own module. */

import { Problem } from "pages/api";
import { element, fill } from "views/dom";
import { isDark, recall, turn } from "views/theme";

/**
 * Who reads; `name` and `key_id` are the key's, `scopes` those included in others too, `model` the only one it is for.
 * @typedef {import("schemas").CallerView} Caller
 */

recall();
void start();

async function start() {
  const main = /** @type {HTMLElement} */ (document.getElementById("main"));
  try {
    const { page = "", parameters = "{}", caller = "" } = main.dataset;
    const reader = JSON.parse(caller);
    header(reader);
    const { show } = await import(`pages/${page}`);
    await show(main, JSON.parse(parameters), reader);
    main.dataset.ready = "true";
  } catch (error) {
    fail(main, error);
  }
}

/**
 * Say that the page could not be shown, why, and what to do.
 * @param {Element} main
 * @param {unknown} error
 */
function fail(main, error) {
  const told = error instanceof Error ? error.message : String(error);
  const heading =
    error instanceof Problem && error.status === 404 ? "There is no such page" : "This page can't be shown";
  fill(
    main,
    element("h1", {}, heading),
    element("p", { class: "alert", role: "alert" }, told),
    element(
      "p",
      { class: "row" },
      element("button", { onclick: () => location.reload() }, "Try again"),
      element("a", { href: "/" }, "Overview"),
    ),
  );
  if (!(error instanceof Problem)) throw error;
}

/** @param {Caller} caller */
function header(caller) {
  const links = [
    ["/", "Overview"],
    ["/jobs", "Jobs"],
    ["/compare", "Compare"],
  ];
  if (caller.scopes.includes("admin")) {
    links.push(["/keys", "Keys"], ["/webhooks", "Webhooks"]);
    if (caller.model === null) links.push(["/audit", "Audit"]);
  }
  links.push(["/docs", "API"]);
  const bar = element(
    "div",
    { class: "bar" },
    element("a", { class: "brand", href: "/" }, "Winnow"),
    element(
      "nav",
      { "aria-label": "Pages" },
      links.map(([href, text]) => element("a", { href, "aria-current": current(href) }, text)),
    ),
    element("button", { onclick: () => turn(isDark() ? "light" : "dark"), "aria-label": "Turn dark or light" }, "◐"),
    who(caller),
    caller.signed_in && element("form", { method: "post", action: "/sign-out" }, element("button", {}, "Sign out")),
  );
  fill(/** @type {HTMLElement} */ (document.getElementById("header")), bar);
}

/**
 * Whose key it is, and what it may do, short enough for the header.
 * @param {Caller} caller
 */
function who({ name, key_id, scopes, model }) {
  if (key_id === null) return element("span", { class: "soft" }, "no key needed on this machine");
  const may = scopes.includes("admin") ? "admin" : scopes.filter((scope) => scope !== "read").join(", ") || "read";
  const key = `Signed in with the key ${name} (${key_id}), which may ${scopes.join(", ")}`;
  return element("span", { class: "soft", title: key }, `${name} · ${may}${model === null ? "" : ` · ${model} only`}`);
}

/** @param {string} href */
function current(href) {
  return location.pathname === href ? "page" : null;
}
