// @ts-check
/** Webhooks: events sent to other systems. The address names a model (?model=) or a webhook (?webhook=). */

import { denied } from "pages/admins";
import { all, get, part, post } from "pages/api";
import { showSecret } from "pages/secret";
import { askWebhook } from "pages/webhooks/form";
import { USE, oneWebhook } from "pages/webhooks/one";
import { rowsOf, webhookTable } from "pages/webhooks/table";
import { element, empty, fill, section } from "views/dom";

/**
 * @param {Element} main
 * @param {{}} parameters
 * @param {import("pages/start").Caller} caller
 */
export async function show(main, parameters, caller) {
  if (denied(main, "Webhooks", caller)) return;
  const asked = new URLSearchParams(location.search);
  const chosen = asked.get("webhook");
  const model = chosen ? (await get(`/v1/webhooks/${part(chosen)}`)).model : (asked.get("model") ?? caller.model);
  const list = element("div");
  const update = async () => {
    const found = await all(path(model), "webhooks");
    const rows = await rowsOf(found);
    fill(list, rows.length ? webhookTable(captionOf(model), rows, chosen) : nothing(model, caller));
  };
  const one = chosen && oneWebhook(chosen, { onChange: update, onDelete: () => location.assign(address(model)) });
  const choice = await modelChoice(model, caller);
  fill(
    main,
    element("h1", {}, "Webhooks"),
    element(
      "p",
      { class: "soft" },
      "Events are sent to other systems as they happen, signed, and again until they are taken.",
    ),
    element(
      "div",
      { class: "row spread" },
      choice,
      element("button", { class: "primary", onclick: () => create(model) }, "New webhook"),
    ),
    section(captionOf(model), list),
    one && one.root,
  );
  await Promise.all([update(), one && one.update()]);
  if (one) one.root.scrollIntoView({ block: "nearest" });
}

/** @param {string | null} model */
function path(model) {
  return model === null ? "/v1/webhooks" : `/v1/models/${part(model)}/webhooks`;
}

/** @param {string | null} model */
function address(model) {
  return model === null ? "/webhooks" : `/webhooks?model=${part(model)}`;
}

/** @param {string | null} model */
function captionOf(model) {
  return model === null ? "Webhooks of all models" : `Webhooks of ${model}`;
}

/**
 * @param {string | null} model
 * @param {import("pages/start").Caller} caller
 */
async function modelChoice(model, caller) {
  if (caller.model !== null) return element("span", {}, `Model ${caller.model}, the only one that your key is for`);
  const models = await all("/v1/models", "models", { limit: 200 });
  const options = [["", "all models together"], ...models.map(({ name }) => [name, name])].map(([value, text]) =>
    element("option", { value, selected: value === (model ?? "") }, text),
  );
  const select = /** @type {HTMLSelectElement} */ (element("select", {}, options));
  select.addEventListener("change", () => location.assign(address(select.value || null)));
  return element("label", { class: "inline" }, "For events of", select);
}

/**
 * @param {string | null} model
 * @param {import("pages/start").Caller} caller
 */
function nothing(model, caller) {
  if (model === null) return empty("No webhook gets the events of all models. Make one, or choose a model above.");
  const others = caller.model === null && element("a", { href: "/webhooks" }, "Webhooks of all models");
  return empty(`No webhook is for ${model} alone. Webhooks of all models get its events too.`, others);
}

/** @param {string | null} model */
function create(model) {
  askWebhook({
    title: model === null ? "New webhook for all models" : `New webhook for ${model}`,
    send: "Create webhook",
    submit: (body) => post(path(model), body),
    onDone: async (made) => {
      await showSecret({ title: "The webhook's signing secret", label: "Secret", note: USE, secret: made.secret });
      location.assign(`/webhooks?webhook=${part(made.id)}`);
    },
  });
}
