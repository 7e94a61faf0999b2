// @ts-check
/** A table of webhooks: where each sends what, whether it does, and how that went last. */

import { captioned, when } from "pages/admins";
import { get, part } from "pages/api";
import { badge, element } from "views/dom";
import { moment } from "views/format";

/**
 * @typedef {import("schemas").WebhookView} Webhook
 * @typedef {import("pages/webhooks/deliveries").Delivery} Delivery
 * @typedef {{webhook: Webhook, last: Delivery | null, why: string | null}} Row `why` it is disabled
 */

const HEADS = ["URL", "Events", "State", "Last delivery", "Created"];
const DISABLED = "webhook.disabled";
const EVENTS = 1000;
const TONES = /** @type {const} */ ({ pending: "busy", delivered: "good", failed: "bad" });

/**
 * @param {Webhook[]} webhooks
 * @returns {Promise<Row[]>}
 */
export async function rowsOf(webhooks) {
  const off = webhooks.some(({ enabled }) => !enabled);
  const [reasons, lasts] = await Promise.all([
    off ? disabled(webhooks[0].model) : [],
    Promise.all(webhooks.map(({ id }) => get(`/v1/webhooks/${part(id)}/deliveries`, { limit: 1 }))),
  ]);
  return webhooks.map((webhook, at) => ({
    webhook,
    last: lasts[at].deliveries[0] ?? null,
    why: webhook.enabled ? null : why(webhook, reasons),
  }));
}

/**
 * What the service itself disabled, in order.
 * @param {string | null} model
 */
async function disabled(model) {
  /** @type {import("pages/live").Event[]} */
  const found = [];
  let events;
  do {
    events = await get("/v1/events", { kind: DISABLED, model, after: found.at(-1)?.number ?? 0, limit: EVENTS });
    found.push(...events);
  } while (events.length === EVENTS);
  return found;
}

/**
 * Why a webhook is disabled. What disables it and the event of that have one time; a change since then has another.
 * @param {Webhook} webhook
 * @param {import("pages/live").Event[]} events
 */
function why({ id, updated_at }, events) {
  const last = events.findLast(({ data }) => data.webhook === id);
  if (!last) return "by hand";
  const told = `by the service, as ${last.data.reason}`;
  return last.time === updated_at ? told : `at ${moment(last.time)} ${told}; changed since`;
}

/**
 * @param {string} caption
 * @param {Row[]} rows
 * @param {string | null} chosen the id of the one that the page shows
 */
export function webhookTable(caption, rows, chosen) {
  return captioned(
    caption,
    HEADS,
    rows.map((row) => tableRow(row, row.webhook.id === chosen)),
  );
}

/**
 * @param {Row} row
 * @param {boolean} current
 */
function tableRow({ webhook, last, why }, current) {
  const href = `/webhooks?webhook=${part(webhook.id)}`;
  return element(
    "tr",
    { "aria-current": current && "true" },
    element("td", {}, element("a", { href }, webhook.url)),
    element("td", {}, kindsOf(webhook)),
    element("td", {}, stateOf(webhook, why)),
    element("td", {}, last ? [badge(last.state, TONES[last.state]), " ", when(last.updated_at)] : "none yet"),
    element("td", {}, when(webhook.created_at), ` by ${webhook.created_by}`),
  );
}

/** @param {Webhook} webhook */
export function kindsOf({ kinds }) {
  return kinds.length === 0
    ? "all"
    : element(
        "span",
        { class: "row tight" },
        kinds.map((kind) => badge(kind)),
      );
}

/**
 * @param {Webhook} webhook
 * @param {string | null} why
 */
export function stateOf({ enabled }, why) {
  if (enabled) return badge("enabled", "good");
  return [badge("disabled", "bad"), element("div", { class: "note" }, why)];
}
