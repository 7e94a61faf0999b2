// @ts-check
/** One webhook: its settings, what can be done with it, and its deliveries. */

import { graceField, when } from "pages/admins";
import { answered, part, post, request } from "pages/api";
import { act, confirm, openForm, say } from "pages/form";
import { showSecret } from "pages/secret";
import { deliveries } from "pages/webhooks/deliveries";
import { askWebhook } from "pages/webhooks/form";
import { kindsOf, rowsOf, stateOf } from "pages/webhooks/table";
import { element, fill } from "views/dom";
import { moment } from "views/format";

/** @typedef {import("pages/webhooks/table").Webhook} Webhook */

export const USE = "The receiver verifies with it that deliveries are from here (Standard Webhooks).";

/**
 * A webhook's section. What is changed is what it shows: where somebody changed it meanwhile, nothing is.
 * @param {string} id
 * @param {{onChange: () => Promise<void>, onDelete: () => void}} listeners
 */
export function oneWebhook(id, { onChange, onDelete }) {
  const path = `/v1/webhooks/${part(id)}`;
  const heading = element("h2", { id: "webhook" });
  const facts = element("div");
  const actions = element("p", { class: "row" });
  const sent = element("div");
  const root = element("section", { "aria-labelledby": "webhook" }, heading, actions, facts, sent);

  const update = async () => {
    const { content, etag } = await answered("GET", path);
    const [{ why }] = await rowsOf([content]);
    fill(heading, content.url);
    fill(facts, factsOf(content, why));
    const log = deliveries(id, content.enabled);
    fill(actions, buttons(content, etag, log));
    fill(sent, log.root);
    await log.update();
    return content;
  };
  const changed = async () => {
    await update();
    await onChange();
  };

  /**
   * @param {Webhook} webhook
   * @param {string | null} etag
   * @param {ReturnType<typeof deliveries>} log
   */
  function buttons(webhook, etag, log) {
    const change = (/** @type {any} */ body) => request("PATCH", path, { body, match: etag });
    const test = element("button", { class: "primary", onclick: () => void act(test, ping) }, "Send a test");
    const enable = element("button", { class: "primary", onclick: () => void act(enable, on) }, "Enable");
    const ping = async () => {
      await post(`${path}/test`);
      say("A webhook.ping is on its way; what comes of it stands below.");
      await log.expect();
    };
    const on = async () => {
      await change({ enabled: true });
      say("It gets events from here on.");
      await changed();
    };
    return [
      webhook.enabled ? test : enable,
      button("Edit", () => edit(webhook, change, changed)),
      button("Rotate secret", () => rotate(path, changed)),
      webhook.enabled && button("Disable", () => disable(change, changed)),
      button("Delete", () => remove(webhook, () => request("DELETE", path, { match: etag }), onDelete), "danger"),
    ];
  }

  return { root, update };
}

/**
 * @param {string} text
 * @param {() => void} onclick
 * @param {string | null} [kind]
 */
function button(text, onclick, kind = null) {
  return element("button", { onclick, class: kind }, text);
}

/**
 * @param {Webhook} webhook
 * @param {string | null} why
 */
function factsOf(webhook, why) {
  const until = webhook.old_until && Date.parse(webhook.old_until) > Date.now() ? moment(webhook.old_until) : null;
  /** @type {[string, any][]} */
  const rows = [
    ["State", stateOf(webhook, why)],
    ["Events", kindsOf(webhook)],
    ["Model", webhook.model === null ? "all models, and of none" : `the model ${webhook.model}`],
    ["Created", [when(webhook.created_at), ` by ${webhook.created_by}`]],
    ["Changed", when(webhook.updated_at)],
  ];
  if (until) rows.push(["Secret", `the one before the last rotation signs too until ${until}`]);
  rows.push(["Id", element("code", {}, webhook.id)]);
  return element(
    "dl",
    { class: "facts" },
    rows.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]).flat(),
  );
}

/**
 * @param {Webhook} webhook
 * @param {(body: any) => Promise<any>} submit
 * @param {() => Promise<void>} onDone
 */
function edit(webhook, submit, onDone) {
  askWebhook({ title: "Edit the webhook", send: "Save", webhook, submit, onDone });
}

/**
 * @param {string} path
 * @param {() => Promise<void>} changed
 */
function rotate(path, changed) {
  openForm({
    title: "New signing secret",
    note: "While the present one stays good deliveries are signed with both, so that the receiver can change over.",
    fields: [graceField()],
    send: "Rotate",
    submit: ({ grace }) => post(`${path}/rotate`, { grace_seconds: Number(grace) }),
    onDone: async ({ secret }) => {
      await showSecret({ title: "New signing secret", label: "Secret", note: USE, secret });
      await changed();
    },
  });
}

/**
 * @param {(body: any) => Promise<any>} change
 * @param {() => Promise<void>} changed
 */
function disable(change, changed) {
  confirm({
    title: "Disable the webhook?",
    note: "Nothing more is sent. What waits to be sent is given up, and can be redelivered one by one once it is enabled again; events until then never are.",
    send: "Disable",
    submit: () => change({ enabled: false }),
    onDone: async () => {
      say("It is disabled.");
      await changed();
    },
  });
}

/**
 * @param {Webhook} webhook
 * @param {() => Promise<any>} submit
 * @param {() => void} onDone
 */
function remove(webhook, submit, onDone) {
  confirm({
    title: "Delete the webhook?",
    note: `${webhook.url} gets nothing more, and what is known of its deliveries is forgotten. This can't be taken back.`,
    send: "Delete",
    danger: true,
    submit,
    onDone,
  });
}
