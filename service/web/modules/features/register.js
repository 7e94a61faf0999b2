// @ts-check
/** Registering features: those that a data set's columns could be, or those of a file. */

import { post, request } from "pages/api";
import { Proposals } from "pages/features/proposals";
import { IN_JOBS } from "pages/features/statuses";
import { options } from "pages/features/words";
import { openForm, say } from "pages/form";
import { count, decimal } from "views/format";
import { element } from "views/dom";

const FEW = 8;
const NAMED = 5;

/**
 * Look at a data set's columns, and then choose among them.
 * @param {string} path the model's
 * @param {any} model
 * @param {() => void} onDone
 */
export function inferFeatures(path, model, onDone) {
  const train = model.spec.dataset?.train;
  openForm({
    title: "Register features from data",
    note: "The schema, the statistics and the first rows of Parquet files are read. You choose among what is found.",
    fields: [
      {
        name: "dataset",
        label: "Data set",
        value: train,
        required: true,
        help: "A Parquet file, a directory of them, or a URI.",
      },
      {
        name: "leave_out",
        label: "Columns to leave out",
        kind: "list",
        required: false,
        help: "Separated by commas. Label, group and weight are always left out.",
      },
    ],
    send: "Preview",
    submit: (values) => post(`${path}/features/infer`, values),
    onDone: (found) => choose(path, found, onDone),
  });
}

/**
 * @param {string} path
 * @param {import("schemas").Inferred} found
 * @param {() => void} onDone
 */
function choose(path, found, onDone) {
  if (found.features.length === 0) {
    openForm({
      title: "No new features",
      note: `No column of the data, by ${count(found.files_read)} of ${count(found.files)} files, could be a feature that isn't registered yet.`,
      fields: leftOut(found),
      send: null,
      submit: async () => {},
    });
    return;
  }
  const proposals = new Proposals(found);
  openForm({
    title: "Choose features",
    note: `${count(found.features.length)} columns could be features, by ${count(found.files_read)} of ${count(found.files)} files.`,
    fields: [
      ...leaking(found),
      ...doubtful(found),
      ...leftOut(found),
      proposals.root,
      { name: "status", label: "Status", kind: "select", options: options(IN_JOBS), value: "candidate" },
      {
        name: "tags",
        label: "Tags",
        kind: "list",
        required: false,
        help: "Separated by commas; added to each feature.",
      },
    ],
    send: "Register",
    submit: ({ status, tags }) =>
      post(`${path}/features`, { features: proposals.chosen().map((feature) => ({ ...feature, status, tags })) }),
    onDone: (made) => registered(made, onDone),
  });
}

/**
 * What predicts the label alone.
 * @param {import("schemas").Inferred} found
 */
function leaking({ leaks = {} }) {
  const named = Object.entries(leaks).map(([name, auc]) => `${name} (AUC ${decimal(auc, 3)})`);
  if (named.length === 0) return [];
  const told = `: ${named.join(", ")} alone predict the label. Take out what is made from the label, or known only after.`;
  return [element("p", { class: "alert" }, element("strong", {}, "✗ Leak"), told)];
}

/**
 * How many proposals have a warning of their own.
 * @param {import("schemas").Inferred} found
 */
function doubtful({ warnings = {} }) {
  const names = Object.keys(warnings);
  if (names.length === 0) return [];
  const more = names.length > NAMED ? ` and ${count(names.length - NAMED)} more` : "";
  const told = `: ${names.slice(0, NAMED).join(", ")}${more} hold whole numbers: ids, or quantities? Choose the kind of each.`;
  return [element("p", { class: "alert caution" }, element("strong", {}, "⚠ Look at the kind"), told)];
}

/**
 * Which columns are no features, and why.
 * @param {import("schemas").Inferred} found
 */
function leftOut({ registered: known, unfit, left_out: left }) {
  const reasons = [
    ...Object.entries(left ?? {}),
    ...known.map((column) => [column, "registered already"]),
    ...Object.entries(unfit),
  ];
  if (reasons.length === 0) return [];
  const rows = reasons.map(([column, why]) => element("li", {}, `${column}: ${why}`));
  const summary = element("summary", {}, `${count(reasons.length)} columns are left out`);
  return [element("details", { open: reasons.length <= FEW }, summary, element("ul", {}, rows))];
}

/**
 * @param {string} path the model's
 * @param {() => void} onDone
 */
export function uploadFeatures(path, onDone) {
  openForm({
    title: "Register features from a file",
    note: "CSV or JSON as an export gives it. All of its features are registered, or none; those there are already are refused.",
    fields: [
      {
        name: "file",
        label: "File",
        kind: "file",
        required: true,
        attributes: { accept: ".csv,.json" },
        help: "CSV needs the columns name and kind.",
      },
    ],
    send: "Register",
    submit: ({ file }) => {
      const type = file.name.toLowerCase().endsWith(".json") ? "application/json" : "text/csv";
      return request("POST", `${path}/features/import`, { body: new Blob([file], { type }) });
    },
    onDone: (made) => registered(made, onDone),
  });
}

/**
 * @param {{registered: number}} made
 * @param {() => void} onDone
 */
function registered(made, onDone) {
  say(`${count(made.registered)} features are registered.`);
  onDone();
}
