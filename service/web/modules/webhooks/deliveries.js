// @ts-check
/** What was sent to a webhook, what came of it, and what is still to be sent. */

import { captioned, when } from "pages/admins";
import { get, part, post } from "pages/api";
import { act, say } from "pages/form";
import { badge, element, empty, fill, preformatted } from "views/dom";
import { count } from "views/format";

/** @typedef {import("schemas").DeliveryView} Delivery */

const PAGE = 50;
const LOOK = 1500;
const SOON = 60_000;
const TONES = /** @type {const} */ ({ pending: "busy", delivered: "good", failed: "bad" });
const HEADS = ["Event", "State", "Tries", "Last response", "Changed", "Next try", ""];
const LONG = 60;

/**
 * The deliveries of a webhook. While one is due soon the list is looked at again by itself.
 * @param {string} webhook its id
 * @param {boolean} enabled
 */
export function deliveries(webhook, enabled) {
  const path = `/v1/webhooks/${part(webhook)}/deliveries`;
  const state = /** @type {HTMLSelectElement} */ (
    element("select", { onchange: () => again() }, ["all", "pending", "delivered", "failed"].map(option))
  );
  const place = element("div", { "aria-live": "polite" });
  const more = element("button", { hidden: true, onclick: () => void act(more, older) }, "Show older");
  const refresh = element("button", { onclick: () => void act(refresh, update) }, "Refresh");
  let [most, timer, expected, shown] = [PAGE, 0, 0, ""];

  const update = async () => {
    window.clearTimeout(timer);
    const { rows, next } = await read(path, state.value, most);
    more.hidden = !next;
    if (JSON.stringify(rows) !== shown) draw(rows);
    if (rows.some(isDueSoon) || Date.now() < expected) timer = window.setTimeout(again, LOOK);
  };
  const again = () => {
    if (!place.isConnected) return;
    if (document.hidden) timer = window.setTimeout(again, LOOK);
    else void update().catch(() => say("The deliveries can't be read; press Refresh to try again.", "bad"));
  };
  const older = () => {
    most += PAGE;
    return update();
  };
  const draw = (/** @type {Delivery[]} */ rows) => {
    shown = JSON.stringify(rows);
    const focused = document.activeElement?.getAttribute("data-delivery");
    const redeliver = async (/** @type {Delivery} */ { id }) => {
      await post(`${path}/${part(id)}/redeliver`);
      say("It is sent again, under the same id.");
      await update();
    };
    const made = rows.map((delivery) => row(delivery, enabled ? redeliver : null));
    fill(place, rows.length ? captioned("Deliveries, newest first", HEADS, made) : nothing(state.value));
    if (focused) /** @type {HTMLElement | null} */ (place.querySelector(`[data-delivery="${focused}"]`))?.focus();
  };
  const root = element(
    "div",
    {},
    element("div", { class: "row spread" }, element("h3", {}, "Deliveries"), bar(state, refresh)),
    place,
    element("p", { class: "row" }, more),
  );
  /** Look for one that is on its way. */
  const expect = () => {
    expected = Date.now() + 10 * LOOK;
    return update();
  };
  return { root, update, expect };
}

/**
 * @param {HTMLElement} state
 * @param {HTMLElement} refresh
 */
function bar(state, refresh) {
  return element("span", { class: "row" }, element("label", { class: "inline" }, "State", state), refresh);
}

/** @param {string} state */
function option(state) {
  return element("option", { value: state === "all" ? "" : state }, state);
}

/** @param {string} state */
function nothing(state) {
  return state
    ? empty(`No delivery is ${state}. Choose another state above.`)
    : empty("Nothing was sent yet. Send a test to see whether the receiver answers.");
}

/**
 * The newest deliveries, up to `most`.
 * @param {string} path
 * @param {string} state
 * @param {number} most
 * @returns {Promise<{rows: Delivery[], next: number | null}>}
 */
async function read(path, state, most) {
  /** @type {Delivery[]} */
  const rows = [];
  let next = null;
  do {
    const page = await get(path, { state: state || null, limit: PAGE, cursor: next });
    rows.push(...page.deliveries);
    next = page.next;
  } while (next !== null && rows.length < most);
  return { rows, next };
}

/** @param {Delivery} delivery */
function isDueSoon({ state, next_at }) {
  return state === "pending" && next_at !== null && Date.parse(next_at) < Date.now() + SOON;
}

/**
 * @param {Delivery} delivery
 * @param {((delivery: Delivery) => Promise<void>) | null} redeliver null where the webhook sends nothing
 */
function row(delivery, redeliver) {
  const { id, event, kind, state, tries, next_at } = delivery;
  const label = `Redeliver ${kind ?? "event"} ${event}`;
  const button = element("button", { "data-delivery": id, "aria-label": label }, "Redeliver");
  if (redeliver) button.addEventListener("click", () => void act(button, () => redeliver(delivery)));
  return element(
    "tr",
    {},
    element("td", {}, kind ?? "no longer kept", " ", element("span", { class: "soft" }, `#${event}`)),
    element("td", {}, badge(state, TONES[state])),
    element("td", { class: "number" }, count(tries)),
    element("td", {}, answered(delivery)),
    element("td", {}, when(delivery.updated_at)),
    element("td", {}, state === "pending" ? when(next_at) : "–"),
    element("td", {}, redeliver && state !== "pending" && button),
  );
}

/**
 * The receiver's status and how its answer begins, or why there was none.
 * @param {Delivery} delivery
 */
export function answered({ status, answer }) {
  const text = [status, answer].filter((part) => part !== null && part !== "").join(" ") || "–";
  if (text.length <= LONG) return text;
  return element("details", {}, element("summary", {}, `${text.slice(0, LONG)}…`), preformatted("Answer", text));
}
