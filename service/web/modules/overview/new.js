// @ts-check
/** Putting a model under management. */

import { post } from "pages/api";
import { openForm } from "pages/form";

/** @param {(made: any) => void} onDone */
export function newModel(onDone) {
  openForm({
    title: "New model",
    note: "Its features are registered afterwards, and can be read from the data.",
    fields: [
      { name: "name", label: "Name", required: true, help: "Letters, digits, _ and -; for good." },
      { name: "owner", label: "Owner", required: true, help: "Who answers for it: a team or a person." },
      { name: "description", label: "Description", required: false },
      {
        name: "train",
        label: "Training data",
        path: "spec.dataset.train",
        required: false,
        help: "Parquet file, directory or URI.",
      },
      { name: "validation", label: "Validation data", path: "spec.dataset.validation", required: false },
      { name: "test", label: "Test data", path: "spec.dataset.test", required: false },
      { name: "label", label: "Label column", path: "spec.dataset.label", value: "label", required: true },
      { name: "four_eyes", label: "Who submits a job can't approve its list", kind: "check", value: true },
    ],
    send: "Create model",
    submit: ({ name, owner, description, four_eyes, ...places }) => {
      const dataset = Object.fromEntries(Object.entries(places).filter(([, value]) => value !== null));
      const spec = { dataset };
      return post("/v1/models", { name, owner, description: description ?? "", spec, policy: { four_eyes } });
    },
    onDone,
  });
}
