// @ts-check
/** Forms in dialogs. Errors stand beside the fields they are of, and what was typed stays until it is accepted. */

import { Problem } from "pages/api";
import { FieldError, Shown } from "pages/fields";
import { watchOver } from "pages/unsaved";
import { element, fill, fresh } from "views/dom";

const SHOWN = 10; // errors of no field in sight, as of one feature among thousands

/**
 * @typedef {Record<string, any>} Values by the fields' names; those not asked for are left out
 *
 * @typedef {object} Form
 * @property {string} title
 * @property {string} [note] what it does, in a sentence or two
 * @property {(import("pages/fields").Field | Node)[]} [fields] nodes stand between fields as they are
 * @property {string | null} [send] what the button that sends says; null where there is nothing to send
 * @property {boolean} [danger] whether what it does can't be taken back
 * @property {(values: Values) => Promise<any>} submit a Problem that it throws is shown; the dialog stays open
 * @property {boolean} [stays] whether the dialog stays open once it is accepted, to be sent again
 * @property {(answer: any, values: Values) => void | Promise<void>} [onDone] once it is accepted
 * @property {(values: Values, form: Open) => void} [onInput] whenever something was typed, and when it opens
 *
 * @typedef {object} Open a form on the page
 * @property {HTMLDialogElement} dialog
 * @property {(name: string, told: string) => void} refuse say what is wrong with a field; "" takes it back
 * @property {() => void} close
 */

/**
 * Ask for something in a dialog. Escape and Cancel close it; the focus goes back to where it was. Where something was
 * typed Escape has to be pressed twice, and the browser asks before it leaves the page.
 *
 * @example
 * openForm({
 *   title: "New key",
 *   fields: [{ name: "name", label: "Name", required: true }, { name: "scopes", label: "Scopes", kind: "choices", options }],
 *   send: "Make the key",
 *   submit: (values) => post("/v1/keys", values),
 *   onDone: (made) => show(made),
 * });
 * @param {Form} form
 * @returns {Open}
 */
export function openForm(form) {
  const fields = (form.fields ?? []).map((field) => (field instanceof Node ? field : new Shown(field)));
  const shown = fields.filter((field) => field instanceof Shown);
  const heading = fresh("dialog");
  const alert = element("p", { class: "alert", role: "alert", hidden: true });
  const send = /** @type {HTMLButtonElement} */ (
    element("button", { class: form.danger ? "danger" : "primary" }, form.send ?? "Save")
  );
  const dialog = /** @type {HTMLDialogElement} */ (element("dialog", { "aria-labelledby": heading }));
  const close = () => dialog.close();
  const refuse = (/** @type {string} */ name, /** @type {string} */ told) =>
    shown.find(({ field }) => field.name === name)?.refuse(told);
  const open = { dialog, refuse, close };
  const lost = watchOver(dialog, () => {
    fill(alert, "What you typed would be lost: press Escape again for that.");
    alert.hidden = false;
  });
  const typed = () => {
    const values = readable(shown);
    for (const each of shown) each.ask(values);
    form.onInput?.(readable(shown), open);
  };
  const body = element(
    "form",
    {
      method: "dialog",
      class: "fields",
      oninput: () => {
        lost(true);
        typed();
      },
      onsubmit: (/** @type {Event} */ event) => void sent(event),
    },
    element("h2", { id: heading }, form.title),
    form.note && element("p", { class: "soft" }, form.note),
    fields.map((field) => (field instanceof Shown ? field.root : field)),
    alert,
    element(
      "p",
      { class: "row end" },
      element("button", { type: "button", onclick: close }, form.stays || form.send === null ? "Close" : "Cancel"),
      form.send !== null && send,
    ),
  );

  /** @param {Event} event */
  async function sent(event) {
    event.preventDefault();
    if (send.disabled) return;
    send.disabled = true;
    for (const each of shown) each.refuse("");
    alert.hidden = true;
    try {
      const values = read(shown);
      const answer = await form.submit(values);
      lost(false);
      if (!form.stays) close();
      void done(form, answer, values);
    } catch (error) {
      tell(error, shown, alert);
    } finally {
      send.disabled = false;
    }
  }

  dialog.append(body);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  typed();
  dialog.showModal();
  return open;
}

/**
 * @param {Form} form
 * @param {any} answer
 * @param {Values} values
 */
async function done(form, answer, values) {
  try {
    await form.onDone?.(answer, values);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), "bad");
    if (!(error instanceof Problem)) throw error;
  }
}

/**
 * Ask whether to go on with something, and do it.
 * @param {Pick<Form, "title" | "note" | "send" | "danger" | "submit" | "onDone">} question
 */
export function confirm(question) {
  return openForm({ send: "Go on", ...question });
}

/**
 * Do something at a button's press, without a form; what goes wrong is said on the page.
 * @param {HTMLElement} button
 * @param {() => Promise<any>} action
 */
export async function act(button, action) {
  const pressed = /** @type {HTMLButtonElement} */ (button);
  pressed.disabled = true;
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(error.message, "bad");
  } finally {
    pressed.disabled = false;
  }
}

/**
 * Say on the page what was done, or what went wrong; it stays until the next is said, or it is put away.
 * @param {string | (Node | string)[]} told
 * @param {"fine" | "caution" | "bad"} [tone]
 * @returns {() => void} takes the message away, where no other has taken its place
 */
export function say(told, tone = "fine") {
  const id = "said";
  let place = document.getElementById(id);
  if (!place) {
    place = element("div", { id, role: "status" });
    document.body.append(place);
  }
  const away = element("button", { "aria-label": "Put the message away", onclick: () => place.replaceChildren() }, "×");
  const text = element("span", {}, ...[told].flat());
  const message = element("p", { class: `alert ${tone === "bad" ? "" : tone}` }, text, away);
  fill(place, message);
  return () => message.remove();
}

/**
 * Values of the fields that are asked for. Throws FieldError.
 * @param {Shown[]} shown
 */
function read(shown) {
  return Object.fromEntries(shown.filter(({ root }) => !root.hidden).map((each) => [each.field.name, each.read()]));
}

/**
 * Values of all fields that can be read, while they are being typed.
 * @param {Shown[]} shown
 */
function readable(shown) {
  /** @type {Values} */
  const values = {};
  for (const each of shown) {
    try {
      values[each.field.name] = each.read();
    } catch {
      // Half a value isn't one; it is refused when it is sent.
    }
  }
  return values;
}

/**
 * Show an error: beside its fields where it names them, else above the buttons.
 * @param {unknown} error
 * @param {Shown[]} shown
 * @param {HTMLElement} alert
 */
function tell(error, shown, alert) {
  const asked = shown.filter(({ root }) => !root.hidden);
  const rest = [];
  for (const { field, value, message } of parts(error)) {
    const of = asked.find((each) => covers(each.field.path ?? each.field.name, field));
    const place = of && field !== (of.field.path ?? of.field.name) ? `${field}: ` : "";
    if (of) of.refuse([of.error.textContent, place + message].filter(Boolean).join("\n"));
    else rest.push([field, value].filter(Boolean).join(" ") + (field ? ": " : "") + message);
  }
  const many = rest.length > SHOWN ? `… and ${rest.length - SHOWN} more` : null;
  fill(alert, [...rest.slice(0, SHOWN), many].filter(Boolean).join("\n"));
  alert.hidden = rest.length === 0;
  if (error instanceof Problem && error.status === 401) alert.append(signInAgain());
  asked.find(({ error: told }) => !told.hidden)?.focus();
}

/** The way to sign in beside this page, which keeps what was typed. */
function signInAgain() {
  const link = element("a", { href: "/sign-in", target: "_blank", rel: "noopener" }, "Sign in in another tab");
  return element("span", {}, "\n", link, ", and send this again: what you typed stays.");
}

/**
 * An error's parts, each with the field it is of, "" for none.
 * @param {unknown} error
 * @returns {{field: string, value?: any, message: string}[]}
 */
function parts(error) {
  if (error instanceof FieldError) return [{ field: error.field, message: error.message }];
  if (!(error instanceof Problem)) {
    reportError(error);
    return [{ field: "", message: `Something went wrong in this page: ${error}` }];
  }
  if (error.status === 412) {
    return [
      {
        field: "",
        message: "Somebody changed it since you opened it. Nothing was saved: reload the page, and change it again.",
      },
    ];
  }
  if (error.errors.length > 0) return error.errors;
  const [, field, rest] = /^([\w.]+): (.+)$/s.exec(error.detail) ?? ["", "", error.detail];
  return [{ field, message: rest }];
}

/**
 * Whether an error's path is a field's, or below it.
 * @param {string} path
 * @param {string} of
 */
function covers(path, of) {
  return of === path || of.startsWith(`${path}.`);
}
