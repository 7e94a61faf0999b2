// @ts-check
/** The audit log's filters: a form whose fields make the page's address. */

import { all, get } from "pages/api";
import { words } from "pages/audit/entries";
import { Shown } from "pages/fields";
import { element } from "views/dom";

const NAMES = ["by", "operation", "model", "status", "after", "before", "key_id", "request_id"];
// Done besides the API's own operations: by the sign-in's form, and on the host.
const ELSEWHERE = ["signIn", "signOut", "winnow keys create", "winnow keys revoke"];
/** @type {[string, string][]} */
const ANSWERS = [
  ["", "any"],
  ["401", "refused: no good key (401)"],
  ["403", "refused: not allowed (403)"],
];

/**
 * The filters that an address has.
 * @param {string} search
 * @returns {Record<string, string>}
 */
export function wanted(search) {
  return Object.fromEntries([...new URLSearchParams(search)].filter(([name, value]) => NAMES.includes(name) && value));
}

/**
 * The form, as it was sent.
 * @param {Record<string, string>} asked
 */
export async function filters(asked) {
  const [operations, models] = await Promise.all([changes(), all("/v1/models", "models", { limit: 200 })]);
  const fields = shown(
    asked,
    operations,
    models.map(({ name }) => name),
  );
  /** @param {Event} event */
  const send = (event) => {
    event.preventDefault();
    const values = fields.map((each) => [each.field.name, each.read()]).filter(([, value]) => value !== null);
    location.assign(`/audit?${new URLSearchParams(values)}`);
  };
  return element(
    "form",
    { class: "card row filters", "aria-label": "Filters", onsubmit: send },
    fields.map(({ root }) => root),
    element(
      "span",
      { class: "row" },
      element("button", { class: "primary" }, "Show"),
      element("a", { href: "/audit" }, "Clear"),
    ),
  );
}

/**
 * @param {Record<string, string>} asked
 * @param {string[]} operations
 * @param {string[]} models
 */
function shown(asked, operations, models) {
  /** @type {import("pages/fields").Field[]} */
  const fields = [
    { name: "by", label: "Who", attributes: { placeholder: "a key's name" } },
    { name: "operation", label: "Action", kind: "select", options: choice(operations, asked.operation, words) },
    { name: "model", label: "Model", kind: "select", options: choice(models, asked.model) },
    { name: "status", label: "Result", kind: "select", options: ANSWERS },
    { name: "after", label: "From", kind: "moment" },
    { name: "before", label: "To", kind: "moment" },
  ];
  // Only links lead to these: nobody types them.
  if (asked.key_id) fields.push({ name: "key_id", label: "Key id" });
  if (asked.request_id) fields.push({ name: "request_id", label: "Request id" });
  return fields.map((field) => new Shown({ ...field, value: asked[field.name] }));
}

/**
 * @param {string[]} values
 * @param {string | undefined} asked is among them even where nothing has it
 * @param {(value: string) => string} text
 * @returns {[string, string][]}
 */
function choice(values, asked, text = (value) => value) {
  const all = new Set([...values, ...(asked ? [asked] : [])]);
  const options = /** @type {[string, string][]} */ ([...all].map((value) => [value, text(value)]));
  return [["", "any"], ...options.sort(([, one], [, other]) => one.localeCompare(other))];
}

/** Operations that change something, as the API's description has them. */
async function changes() {
  const { paths } = await get("/openapi.json");
  /** @type {Record<string, {operationId: string}>[]} */
  const items = Object.values(paths);
  const found = items.flatMap((item) =>
    Object.entries(item).flatMap(([method, { operationId }]) => (method === "get" ? [] : [operationId])),
  );
  return [...found, ...ELSEWHERE];
}
