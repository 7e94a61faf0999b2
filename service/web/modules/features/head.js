// @ts-check
/** The head of a model's page: whose it is, how its lists are agreed to, what can be done. */

import { part, request } from "pages/api";
import { inferFeatures, uploadFeatures } from "pages/features/register";
import { startSelection } from "pages/features/start";
import { act } from "pages/form";
import { policy } from "pages/list/policy";
import { tabs } from "pages/model-tabs";
import { element } from "views/dom";

/**
 * @param {any} model
 * @param {import("pages/start").Caller} caller
 * @param {() => void} changed features were registered
 */
export function head(model, caller, changed) {
  const submit = caller.scopes.includes("submit");
  const path = `/v1/models/${part(model.name)}`;
  const actions = submit && [
    element(
      "button",
      { "data-key": "Start a selection", class: "primary", onclick: () => startSelection(path, model.name) },
      "Start a selection",
    ),
    element(
      "button",
      { "data-key": "Register from data", onclick: () => inferFeatures(path, model, changed) },
      "Register from data",
    ),
    element(
      "button",
      { "data-key": "Register from a file", onclick: () => uploadFeatures(path, changed) },
      "Register from a file",
    ),
  ];
  return element(
    "div",
    {},
    element("h1", {}, model.name),
    element(
      "p",
      {},
      element("span", { class: "soft" }, "Owner: "),
      model.owner,
      model.description && ` · ${model.description}`,
    ),
    element("p", { class: "soft" }, policy(model.policy, caller)),
    tabs(model.name, "features"),
    element(
      "div",
      { class: "row spread" },
      element("div", { class: "row" }, actions || []),
      element("div", { class: "row" }, exports(path, model.name)),
    ),
  );
}

/**
 * @param {string} path
 * @param {string} name
 */
function exports(path, name) {
  return [
    ["CSV", "text/csv", "csv"],
    ["JSON", "application/json", "json"],
  ].map(([text, type, end]) => {
    const button = element(
      "button",
      {
        onclick: () => act(button, () => save(path, type, `${name}-features.${end}`)),
        title: "All features, as they can be registered again",
      },
      `Export all as ${text}`,
    );
    return button;
  });
}

/**
 * @param {string} path
 * @param {string} type
 * @param {string} file
 */
async function save(path, type, file) {
  const content = await request("GET", `${path}/feature-export`, { headers: { Accept: type } });
  const text = typeof content === "string" ? content : JSON.stringify(content, null, 1);
  const address = URL.createObjectURL(new Blob([text], { type }));
  element("a", { href: address, download: file }).click();
  URL.revokeObjectURL(address);
}
