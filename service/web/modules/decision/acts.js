// @ts-check
/** What can be done to a prune list: by those who may approve, where its state admits it. The API has the last word. */

import { part, post, request } from "pages/api";
import { openForm, say } from "pages/form";
import { element } from "views/dom";

/**
 * @typedef {import("pages/form").Form} Form
 * @typedef {{name: string, primary?: boolean, danger?: boolean, states: string[], form: (list: any, path: string) => Form}} Act
 */

const REASON = { name: "reason", label: "Reason", kind: /** @type {const} */ ("area"), required: false };

/** @type {Act[]} */
const ACTS = [
  { name: "Approve", primary: true, states: ["proposed"], form: approval },
  { name: "Activate", primary: true, states: ["approved"], form: activation },
  { name: "Reject", danger: true, states: ["proposed", "approved"], form: rejection },
  { name: "Roll back", danger: true, states: ["active"], form: rollback },
];

/**
 * Buttons for what this caller can do to the list as it stands.
 * @param {import("schemas").ListView} list
 * @param {import("pages/start").Caller} caller
 * @param {() => Promise<void>} done called when something was done
 */
export function acts(list, caller, done) {
  if (!caller.scopes.includes("approve")) return [];
  const path = `/v1/models/${part(list.model)}`;
  return ACTS.filter(({ states }) => states.includes(list.state)).map(({ name, primary, danger, form }) => {
    const open = () => {
      const asked = form(list, path);
      openForm({
        ...asked,
        danger,
        onDone: async (answer, values) => {
          await asked.onDone?.(answer, values);
          await done();
        },
      });
    };
    const leads = primary && (list.verdict === "passed" || list.state !== "proposed");
    return element("button", { class: leads ? "primary" : danger ? "danger" : null, onclick: open }, name);
  });
}

const NOTES = /** @type {Record<string, string>} */ ({
  passed: "You agree to what it keeps and prunes. It is served once it is activated.",
  failed:
    "The guard of this list failed: it loses more quality than the spec allows. Say why it is right all the same.",
  inconclusive: "The test rows can't tell whether it loses more quality than the spec allows.",
});

const UNMEASURED =
  "Nobody has measured this revision. A follow-up job fine-tunes and measures it. Say why it can't wait.";

/**
 * @param {import("schemas").ListView} list
 * @param {string} path
 * @returns {Form}
 */
function approval({ number, verdict, revision_of: revised }, path) {
  const measured = revised === null || revised === undefined;
  const override = {
    name: "override_guard",
    label: measured ? "Approve it although its guard failed" : "Approve it although it is not fine-tuned yet",
    kind: /** @type {const} */ ("check"),
    required: true,
  };
  return {
    title: `Approve prune list ${number}`,
    note: measured ? NOTES[verdict] : UNMEASURED,
    fields: measured && verdict !== "failed" ? [REASON] : [override, { ...REASON, required: true }],
    send: "Approve",
    submit: (values) => post(`${path}/prune-lists/${number}/approve`, values),
    onDone: (/** @type {any} */ { state }) => {
      say(`Prune list ${number} is ${state}.`);
    },
  };
}

/**
 * @param {import("schemas").ListView} list
 * @param {string} path
 * @returns {Form}
 */
function activation({ number }, path) {
  return {
    title: `Activate prune list ${number}`,
    note: "Serving is given this list in place of the active one. What it prunes becomes pruned, candidates that it keeps become active.",
    fields: [REASON],
    send: "Activate",
    submit: (values) => post(`${path}/prune-lists/${number}/activate`, values),
    onDone: () => {
      say(`Prune list ${number} is active: serving is given it.`);
    },
  };
}

/**
 * @param {import("schemas").ListView} list
 * @param {string} path
 * @returns {Form}
 */
function rejection({ number }, path) {
  return {
    title: `Reject prune list ${number}`,
    note: "It is put away for good, and can't be approved later.",
    fields: [{ ...REASON, required: true }],
    send: "Reject",
    submit: (values) => post(`${path}/prune-lists/${number}/reject`, values),
    onDone: () => {
      say(`Prune list ${number} is rejected.`);
    },
  };
}

/**
 * @param {import("schemas").ListView} list
 * @param {string} path
 * @returns {Form}
 */
function rollback({ number, list_id: id, previous }, path) {
  const then = previous === null ? "No list is served then" : `List ${previous} is served again`;
  return {
    title: `Roll back prune list ${number}`,
    note: `${then}; features get the statuses back that they had before, but for those that someone changed since.`,
    fields: [REASON],
    send: "Roll back",
    // Only while this very list is the active one.
    submit: (values) => request("POST", `${path}/prune-list/rollback`, { body: values, match: `"${id}.json"` }),
    onDone: (/** @type {any} */ { active }) => {
      const now = active ? `list ${active.number} is served again` : "no list is served";
      say(`Prune list ${number} was rolled back; ${now}.`);
    },
  };
}
