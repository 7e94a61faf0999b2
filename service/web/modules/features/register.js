// @ts-check
/** Registering features: those that a data set's columns could be, or those of a file. */

import { post, request } from "pages/api";
import { openForm, say } from "pages/form";
import { count } from "views/format";
import { element } from "views/dom";

const STATUSES = /** @type {[string, string][]} */ ([
  ["candidate", "candidate: in its jobs, to be tried"],
  ["active", "active: in the model and in its jobs"],
  ["essential", "essential: in every job, and no list prunes it"],
]);

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
    note: "The schema and statistics of Parquet files are read, not their rows. You choose among what is found.",
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
 * @param {{features: any[], registered: string[], unfit: Record<string, string>, files: number, files_read: number}} found
 * @param {() => void} onDone
 */
function choose(path, found, onDone) {
  const { features } = found;
  const unfit = Object.entries(found.unfit).map(([column, why]) => element("li", {}, `${column}: ${why}`));
  const told = `${count(features.length)} columns could be features, by ${count(found.files_read)} of ${count(found.files)} files. ${count(found.registered.length)} columns are registered already.`;
  const left =
    unfit.length > 0 &&
    element(
      "details",
      {},
      element("summary", {}, `${count(unfit.length)} columns can't be read`),
      element("ul", {}, unfit),
    );
  const options = /** @type {[string, string][]} */ (features.map((feature) => [feature.name, described(feature)]));
  openForm({
    title: "Choose features",
    note: told,
    fields: [
      ...(left ? [left] : []),
      {
        name: "names",
        label: "Features",
        kind: "choices",
        options,
        value: features.map(({ name }) => name),
        path: "features",
      },
      { name: "status", label: "Status", kind: "select", options: STATUSES, value: "candidate" },
      {
        name: "tags",
        label: "Tags",
        kind: "list",
        required: false,
        help: "Separated by commas; added to each feature.",
      },
    ],
    send: "Register",
    submit: ({ names, status, tags }) => {
      const chosen = new Set(names);
      return post(`${path}/features`, {
        features: features.filter(({ name }) => chosen.has(name)).map((feature) => ({ ...feature, status, tags })),
      });
    },
    onDone: (made) => registered(made, onDone),
  });
}

/** @param {any} feature */
function described({ name, kind, dim, hash_size }) {
  const size = hash_size ? `, hash size ${count(hash_size)}` : "";
  return `${name} (${kind.replace("_", "-")}, dim ${dim ?? 1}${size})`;
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
