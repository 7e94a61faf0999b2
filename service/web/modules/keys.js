// @ts-check
/** API keys: whose they are, what they may do, and their secrets' lives. */

import { captioned, denied, graceField, when } from "pages/admins";
import { all, part, request } from "pages/api";
import { FieldError } from "pages/fields";
import { act, confirm, openForm, say } from "pages/form";
import { showSecret } from "pages/secret";
import { badge, element, empty, fill } from "views/dom";
import { count, moment } from "views/format";

/**
 * @typedef {import("schemas").KeyView} Key
 * @typedef {import("pages/start").Caller} Caller
 * @typedef {{title: string, note: string, send: string, submit: () => Promise<any>}} Question
 */

const DAY = 86_400;
/** @type {[string, string][]} */
const SCOPES = [
  ["read", "read: sees models, jobs, lists and events, and changes nothing"],
  ["submit", "submit: also starts and stops jobs, registers features, edits schedules and triggers"],
  ["approve", "approve: also decides on prune lists and on features' statuses"],
  ["admin", "admin: all of these, and makes models, keys and webhooks, and reads the audit log"],
];
/** @type {[string, string][]} */
const LASTS = [
  [String(30 * DAY), "30 days"],
  [String(90 * DAY), "90 days"],
  [String(365 * DAY), "1 year"],
  ["until", "on a date"],
  ["", "never"],
];
const HEADS = ["Name", "Scopes", "Model", "State", "Created", "Last used", "Expires"];

/**
 * @param {Element} main
 * @param {{}} parameters
 * @param {Caller} caller
 */
export async function show(main, parameters, caller) {
  if (denied(main, "Keys", caller)) return;
  const wanted = new URLSearchParams(location.search).get("key");
  const ended = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", onchange: () => draw() }));
  const told = element("span", { class: "soft", role: "status" });
  const ask = () => create(caller, update);
  const add = element("button", { class: "primary", onclick: () => void act(add, ask) }, "New key");
  const place = element("div");
  /** @type {Key[]} */
  let keys = [];
  const update = async () => {
    keys = await all("/v1/keys", "keys", { limit: 200 });
    draw();
  };
  const draw = () => {
    const shown = keys.filter((key) => ended.checked || !isOver(key));
    fill(told, `${count(shown.length)} of ${count(keys.length)} keys`);
    const rows = shown.map((key) => row(key, caller, update, key.id === wanted));
    fill(place, rows.length ? captioned("API keys", HEADS, rows) : nothing(keys.length));
  };
  fill(
    main,
    element("h1", {}, "Keys"),
    element("p", { class: "soft" }, about(caller)),
    element(
      "div",
      { class: "row spread" },
      element("label", { class: "inline" }, ended, "Show revoked and expired keys"),
      element("span", { class: "row" }, told, add),
    ),
    element("section", { "aria-label": "Keys" }, place),
  );
  await update();
  ended.checked = keys.some((key) => key.id === wanted && isOver(key));
  draw();
  main.querySelector("tr[aria-current]")?.scrollIntoView({ block: "center" });
}

/** @param {Caller} caller */
function about({ model }) {
  const which = model === null ? "" : ` You see those of the model ${model}, the only one that your key is for.`;
  return `People, serving and pipelines each have a key of their own: the audit log then says who did what.${which}`;
}

/** @param {number} hidden */
function nothing(hidden) {
  return hidden
    ? empty("All keys are revoked or expired. Tick the box above to see them, or create one.")
    : empty(
        "There is no key yet, and whoever is on this machine may do all. The first key ends that: make it an admin's.",
      );
}

/** @param {Key} key */
function isOver(key) {
  return ["revoked", "expired"].includes(state(key));
}

/**
 * @param {Key} key
 * @returns {"active" | "rotated" | "expired" | "revoked"}
 */
function state({ revoked_at, expires_at, old_until }) {
  if (revoked_at !== null) return "revoked";
  if (expires_at !== null && Date.parse(expires_at) <= Date.now()) return "expired";
  return old_until !== null && Date.parse(old_until) > Date.now() ? "rotated" : "active";
}

/**
 * @param {Key} key
 * @param {Caller} caller
 * @param {() => Promise<void>} update
 * @param {boolean} current whether the page's address asks for it
 */
function row(key, caller, update, current) {
  const own = key.id === caller.key_id;
  const id = element("code", { class: "soft", title: "The part of its secret after wnw_" }, key.id);
  const button = (/** @type {string} */ text, /** @type {() => void} */ onclick, danger = false) =>
    element("button", { onclick, class: danger ? "danger" : null, "aria-label": `${text} ${key.name}` }, text);
  const actions = [
    button("Rotate", () => rotate(key, own, update)),
    button("Revoke", () => revoke(key, own, update), true),
  ];
  return element(
    "tr",
    { "aria-current": current && "true" },
    element(
      "td",
      {},
      element(
        "div",
        { class: "row spread acts" },
        element(
          "div",
          {},
          element("strong", {}, key.name),
          own && [" ", badge("yours", "plain")],
          element("div", {}, id),
        ),
        element("span", { class: "row tight" }, isOver(key) ? [] : actions),
      ),
    ),
    element(
      "td",
      {},
      element(
        "span",
        { class: "row tight" },
        key.scopes.map((scope) => badge(scope)),
      ),
    ),
    element("td", {}, key.model ?? "all models"),
    element("td", {}, stateOf(key)),
    element("td", {}, when(key.created_at), ` by ${key.created_by}`),
    element("td", {}, when(key.last_used_at, "never")),
    element("td", {}, when(key.expires_at, "never")),
  );
}

/** @param {Key} key */
function stateOf(key) {
  const now = state(key);
  const more = { active: null, expired: null, revoked: key.revoked_at, rotated: key.old_until }[now];
  const tone = /** @type {const} */ ({ active: "good", rotated: "busy", expired: "plain", revoked: "bad" })[now];
  const told = now === "rotated" ? `the secret before is good until ${moment(more)}` : when(more, "");
  return [badge(now, tone), element("div", { class: "note" }, told)];
}

/**
 * @param {Caller} caller
 * @param {() => Promise<void>} update
 */
async function create(caller, update) {
  const models = caller.model === null ? await all("/v1/models", "models", { limit: 200 }) : [{ name: caller.model }];
  /** @type {[string, string][]} */
  const options = models.map(({ name }) => [name, name]);
  if (caller.model === null) options.unshift(["", "all models"]);
  openForm({
    title: "New key",
    fields: [
      {
        name: "name",
        label: "Name",
        required: true,
        attributes: { maxlength: 200 },
        help: "Whose it is, as the audit log will say.",
      },
      { name: "scopes", label: "Scopes", kind: "choices", options: SCOPES, value: ["read"] },
      { name: "model", label: "Model", kind: "select", options },
      {
        name: "lasts",
        label: "Expires in",
        kind: "select",
        options: LASTS,
        value: String(90 * DAY),
        path: "expires_in_seconds",
      },
      { name: "until", label: "Expires on", kind: "moment", required: true, when: ({ lasts }) => lasts === "until" },
    ],
    send: "Create key",
    submit: ({ name, scopes, model, ...time }) =>
      request("POST", "/v1/keys", { body: { name, scopes, model, expires_in_seconds: seconds(time) } }),
    onDone: async (made) => {
      await showSecret(told(made, `Key ${made.name}`, "It signs in here, and is sent as Authorization: Bearer KEY."));
      await update();
    },
  });
}

/**
 * How long a key is to last; null for ever. Throws FieldError.
 * @param {Record<string, any>} time
 */
function seconds({ lasts, until }) {
  if (lasts !== "until") return lasts === null ? null : Number(lasts);
  const left = Math.round((Date.parse(until) - Date.now()) / 1000);
  if (left < 1) throw new FieldError("until", "This has passed; give a time to come.");
  return left;
}

/**
 * @param {import("schemas").KeyWithSecret} made
 * @param {string} title
 * @param {string} note
 */
function told(made, title, note) {
  return { title, note, label: "Secret", secret: made.key };
}

/**
 * @param {Key} key
 * @param {boolean} own
 * @param {() => Promise<void>} update
 */
function rotate(key, own, update) {
  const signedOut = own ? " You are signed in with it: sign in with the new secret before the present one ends." : "";
  openForm({
    title: `New secret for ${key.name}`,
    note: `Its scopes and its name stay. A secret from before the present one ends at once.${signedOut}`,
    fields: [graceField()],
    send: "Rotate",
    submit: ({ grace }) =>
      request("POST", `/v1/keys/${part(key.id)}/rotate`, { body: { grace_seconds: Number(grace) } }),
    onDone: async (made, { grace }) => {
      const until =
        grace === "0" ? "The one before is no longer good." : `The one before is good until ${moment(made.old_until)}.`;
      await showSecret(told(made, `New secret of ${made.name}`, until));
      await update();
    },
  });
}

/**
 * @param {Key} key
 * @param {boolean} own
 * @param {() => Promise<void>} update
 */
function revoke(key, own, update) {
  const signedOut = own ? " You are signed in with it, and signed out with it." : "";
  confirm({
    title: `Revoke ${key.name}?`,
    note: `Whoever uses it is refused from here on. This can't be taken back; what was done with it stays.${signedOut}`,
    send: "Revoke",
    danger: true,
    submit: () => request("POST", `/v1/keys/${part(key.id)}/revoke`),
    onDone: async () => {
      say(`Key ${key.name} is revoked.`);
      await update();
    },
  });
}
