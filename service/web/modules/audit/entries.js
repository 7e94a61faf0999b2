// @ts-check
/** Entries of the audit log: what each is about, in words and as a link, and as CSV. */

import { part } from "pages/api";
import { element } from "views/dom";
import { csvCell } from "views/format";

/**
 * @typedef {import("schemas").AuditView} Entry
 * @typedef {{text: string, href: string}} Link
 */

/** What operations of a model's parts are shown on. */
const OF_MODEL = /** @type {Record<string, string>} */ ({
  schedules: "/starting",
  triggers: "/starting",
  latency: "/starting",
  "prune-list": "/lists",
  features: "",
});

/**
 * An operation's name as words: "rotateKey" → "rotate key".
 * @param {string} operation
 */
export function words(operation) {
  return operation === "none"
    ? "no such operation"
    : operation.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/**
 * The page of the thing that a request was about; null where none is.
 * @param {Entry} entry
 * @returns {Link | null}
 */
export function concerned({ path }) {
  const [version, kind, id, group, item] = path.split("/").slice(1).map(decoded);
  if (version !== "v1" || !kind) return null;
  if (kind === "jobs") return id ? { text: `job ${id}`, href: `/jobs/${part(id)}` } : { text: "jobs", href: "/jobs" };
  if (kind === "keys")
    return id ? { text: `key ${id}`, href: `/keys?key=${part(id)}` } : { text: "keys", href: "/keys" };
  if (kind === "webhooks") {
    return id ? { text: id, href: `/webhooks?webhook=${part(id)}` } : { text: "webhooks", href: "/webhooks" };
  }
  if (kind === "audit") return { text: "the audit log", href: "/audit" };
  if (kind === "models" && id) return ofModel(id, group, item);
  return kind === "models" ? { text: "models", href: "/" } : null;
}

/**
 * @param {string} model
 * @param {string | undefined} group
 * @param {string | undefined} item
 * @returns {Link}
 */
function ofModel(model, group, item) {
  const root = `/models/${part(model)}`;
  if (group === "jobs") return { text: `jobs of ${model}`, href: "/jobs" };
  if (group === "webhooks") return { text: `webhooks of ${model}`, href: `/webhooks?model=${part(model)}` };
  if (group === "prune-lists") {
    return item
      ? { text: `list ${item} of ${model}`, href: `${root}/lists/${part(item)}` }
      : { text: `lists of ${model}`, href: `${root}/lists` };
  }
  if (group === "features" && item && !["import", "infer", "status"].includes(item)) {
    return { text: `feature ${item}`, href: `${root}/features/${part(item)}` };
  }
  if (group === undefined) return { text: `model ${model}`, href: root };
  return { text: `${words(group).replace("-", " ")} of ${model}`, href: root + (OF_MODEL[group] ?? "") };
}

/** @param {string} segment as it came; what can't be decoded stays */
function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

const COLUMNS = /** @type {const} */ ([
  "time",
  "by",
  "key_id",
  "operation",
  "method",
  "path",
  "model",
  "status",
  "request_id",
]);

/**
 * Have the browser save entries as CSV.
 * @param {Entry[]} entries
 */
export function save(entries) {
  const rows = entries.map((entry) => [...COLUMNS.map((name) => entry[name]), entry.detail.address]);
  const text = [[...COLUMNS, "address"], ...rows].map((row) => row.map(quoted).join(",")).join("\r\n");
  const address = URL.createObjectURL(new Blob([`${text}\r\n`], { type: "text/csv;charset=utf-8" }));
  element("a", { href: address, download: "audit.csv" }).click();
  window.setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/**
 * A cell. Callers choose their names and paths.
 * @param {unknown} value
 */
function quoted(value) {
  const text = csvCell(String(value ?? ""));
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
