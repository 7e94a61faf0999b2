// @ts-check
/** Putting a model under management. */

import { post } from "pages/api";
import { openForm } from "pages/form";
import { specFields, withFields } from "pages/model-spec";

/** @param {(made: any) => void} onDone */
export function newModel(onDone) {
  openForm({
    title: "New model",
    note: "Its features are registered afterwards, and can be read from the data. Its settings can be changed later.",
    fields: [
      { name: "name", label: "Name", required: true, help: "Letters, digits, _ and -; it can't be changed." },
      { name: "owner", label: "Owner", required: true, help: "A team or a person." },
      { name: "description", label: "Description", required: false },
      ...specFields({}),
      { name: "four_eyes", label: "Who submits a job can't approve its list", kind: "check", value: true },
    ],
    send: "Create model",
    submit: ({ name, owner, description, four_eyes, ...values }) => {
      const { spec } = withFields({}, values);
      return post("/v1/models", { name, owner, description: description ?? "", spec, policy: { four_eyes } });
    },
    onDone,
  });
}
