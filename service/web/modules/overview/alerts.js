// @ts-check
/** What to look into: failures of the last days, and what stands until someone sees to it. */

import { part } from "pages/api";
import { refill } from "pages/refill";
import { ago, moment } from "views/format";
import { badge, element, empty, fill, section } from "views/dom";

/** @typedef {{title: string, tone: "bad" | "busy" | "plain", address: (alert: any) => string | null}} Kind */

/** @type {Record<string, Kind>} */
const KINDS = {
  job_failed: { title: "Job failed", tone: "bad", address: ({ subject }) => `/jobs/${part(subject)}` },
  guard_refused: {
    title: "Guard of a list failed",
    tone: "bad",
    address: ({ model, subject }) => `/models/${part(model)}/lists/${part(subject)}`,
  },
  trigger_failing: {
    title: "Trigger can't be evaluated",
    tone: "bad",
    address: ({ model, subject }) => `/models/${part(model)}/starting#${subject}`,
  },
  webhook_disabled: { title: "Webhook disabled", tone: "busy", address: () => null },
  list_stale: {
    title: "Active list is old",
    tone: "plain",
    address: ({ model, subject }) => `/models/${part(model)}/lists/${part(subject)}`,
  },
};
const FEW = 6;

/**
 * @param {import("pages/start").Caller} caller
 * @returns {{root: Element, update: (found: any, isReady: boolean) => void}}
 */
export function alertList(caller) {
  const body = element("div");
  const root = section("Alerts", body);
  const webhooks = caller.scopes.includes("admin") && caller.model === null ? "/webhooks" : null;
  root.id = "alerts";
  let whole = false;
  const update = (/** @type {import("schemas").Overview} */ found, /** @type {boolean} */ isReady) => {
    const days = Math.round((Date.now() - Date.parse(found.since)) / 86_400_000);
    const told = `Failed jobs and disabled webhooks are shown for ${days} days, other alerts until they are resolved.`;
    if (found.alerts.length === 0 && isReady) return fill(body, empty(`No alerts. ${told}`));
    const shown = whole ? found.alerts : found.alerts.slice(0, FEW);
    const all = () => {
      whole = true;
      update(found, isReady);
    };
    const more =
      shown.length < found.alerts.length && element("button", { onclick: all }, `Show all ${found.alerts.length}`);
    refill(
      body,
      element("p", { class: "note" }, told),
      element(
        "ul",
        { class: "plain" },
        !isReady && element("li", {}, badge("Service isn't ready", "bad"), element("div", {}, "Why: at the top.")),
        shown.map((alert) => item(alert, webhooks)),
      ),
      more,
    );
  };
  return { root, update };
}

/**
 * @param {import("schemas").AlertView} alert
 * @param {string | null} webhooks
 */
function item(alert, webhooks) {
  const { title, tone, address } = KINDS[alert.kind];
  const href = alert.kind === "webhook_disabled" ? webhooks : address(alert);
  const text =
    alert.kind.endsWith("list_stale") || alert.kind === "guard_refused"
      ? `List ${alert.subject}: ${alert.detail}`
      : alert.detail;
  return element(
    "li",
    {},
    element(
      "div",
      { class: "row spread" },
      badge(title, tone),
      element(
        "span",
        { class: "soft", title: moment(alert.time) },
        [alert.model, ago(alert.time)].filter(Boolean).join(" · "),
      ),
    ),
    href ? element("a", { href, "data-key": `alert ${href}` }, text) : text,
  );
}
