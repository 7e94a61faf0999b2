// @ts-check
/** One status for many features: all of them, or none. */

import { post } from "pages/api";
import { STATUSES } from "pages/features/statuses";
import { options } from "pages/features/words";
import { openForm } from "pages/form";
import { count } from "views/format";

const NAMED = 5;

/**
 * @param {string} path the model's
 * @param {string[]} names
 * @param {(done: {changed: number, unchanged: number}) => void} onDone
 */
export function changeStatus(path, names, onDone) {
  const more = names.length > NAMED ? `, and ${count(names.length - NAMED)} more` : "";
  openForm({
    title:
      names.length === 1 ? `Change the status of ${names[0]}` : `Change the status of ${count(names.length)} features`,
    note: `${names.slice(0, NAMED).join(", ")}${more}. All of them change, or none.`,
    fields: [
      { name: "status", label: "Status", kind: "select", options: options(STATUSES), value: "active" },
      { name: "reason", label: "Reason", required: true, help: "Why, for the features' history." },
    ],
    send: "Change the status",
    submit: (values) => post(`${path}/features/status`, { features: names, ...values }),
    onDone,
  });
}
