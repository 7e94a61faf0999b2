// @ts-check
/** Fields of forms: a label, a control, help and an error beside it, and the value that the control stands for. */

import { moment } from "views/format";
import { element, fill, fresh } from "views/dom";

/**
 * One field. `name` is its key among the values; `path` is how the API calls it in errors, the name unless given.
 *
 * | kind | its value |
 * |---|---|
 * | text (unless given), area, password, select | text; null where empty |
 * | number | a number; null where empty |
 * | check | true or false |
 * | choices | the values of the ticked boxes |
 * | list | texts, apart by commas or line ends; [] where empty |
 * | json | what the JSON stands for; null where empty |
 * | moment | an instant in ISO 8601, typed in the reader's zone; null where empty |
 * | file | a File; null where none is chosen |
 *
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {"text" | "area" | "password" | "select" | "number" | "check" | "choices" | "list" | "json" | "moment" | "file"} [kind]
 * @property {any} [value] what it holds at first
 * @property {string} [path]
 * @property {boolean} [required] false says on the page that it may be left empty
 * @property {string} [help] a line below the control
 * @property {[string, string][]} [options] of select and choices: value and text
 * @property {(values: Record<string, any>) => boolean} [when] whether it is asked for, by the other fields' values
 * @property {Record<string, any>} [attributes] of the control: min, step, placeholder, rows, list …
 */

/** Text that can't be read as its field's kind; the message says how to write it. */
export class FieldError extends Error {
  /**
   * @param {string} name the field's
   * @param {string} message
   */
  constructor(name, message) {
    super(message);
    this.field = name;
  }
}

const TYPES = { number: "number", check: "checkbox", moment: "datetime-local", file: "file", password: "password" };

/** A field on the page. */
export class Shown {
  /** @param {Field} field */
  constructor(field) {
    this.field = field;
    this.id = fresh("field");
    this.error = element("p", { class: "field-error", id: `${this.id}-error` });
    this.control = this.#control();
    this.root = this.#root();
    this.refuse("");
  }

  #control() {
    const { kind = "text", name, value, required, options = [], attributes = {} } = this.field;
    const told = [this.field.help && `${this.id}-help`, `${this.id}-error`].filter(Boolean).join(" ");
    const common = { id: this.id, name, required, "aria-describedby": told, ...attributes };
    if (kind === "choices") {
      const chosen = new Set(value ?? []);
      const boxes = options.map(([of, text]) =>
        element(
          "label",
          { class: "inline" },
          element("input", { type: "checkbox", name, value: of, checked: chosen.has(of) }),
          text,
        ),
      );
      return element("div", { class: "row", "aria-describedby": told }, boxes);
    }
    if (kind === "select") {
      const made = options.map(([of, text]) => element("option", { value: of, selected: of === (value ?? "") }, text));
      return element("select", common, made);
    }
    if (kind === "area" || kind === "json" || kind === "list") {
      return element(
        "textarea",
        { rows: kind === "list" ? 3 : 4, spellcheck: "false", ...common },
        written(kind, value),
      );
    }
    const type = /** @type {Record<string, string>} */ (TYPES)[kind] ?? "text";
    const made = /** @type {HTMLInputElement} */ (
      element("input", { type, autocomplete: "off", step: kind === "number" ? "any" : null, ...common })
    );
    if (kind === "check") made.defaultChecked = Boolean(value);
    else if (kind !== "file") made.defaultValue = written(kind, value);
    return made;
  }

  #root() {
    const { kind, label, help, required } = this.field;
    const below = [help && element("p", { class: "note", id: `${this.id}-help` }, help), this.error];
    const told = [label, required === false && element("span", { class: "soft" }, "(optional)")];
    if (kind === "choices")
      return element("fieldset", { class: "field" }, element("legend", {}, label), this.control, below);
    if (kind === "check")
      return element("div", { class: "field" }, element("label", { class: "inline" }, this.control, label), below);
    return element("div", { class: "field" }, element("label", { for: this.id }, told), this.control, below);
  }

  /**
   * What it holds, as its kind says. Throws FieldError.
   * @returns {any}
   */
  read() {
    const { kind = "text", name } = this.field;
    const control = /** @type {HTMLInputElement} */ (this.control);
    if (kind === "choices")
      return [...control.querySelectorAll("input")].filter((box) => box.checked).map((box) => box.value);
    if (kind === "check") return control.checked;
    if (kind === "file") return control.files?.[0] ?? null;
    const text = kind === "password" ? control.value : control.value.trim();
    if (kind === "list")
      return text
        .split(/[,\n]/)
        .map((each) => each.trim())
        .filter(Boolean);
    if (text === "") return null;
    if (kind === "number") return Number(text);
    if (kind === "moment") return new Date(text).toISOString();
    return kind === "json" ? parsed(name, text) : text;
  }

  /**
   * Say what is wrong with it; the empty text takes that back.
   * @param {string} told
   */
  refuse(told) {
    fill(this.error, told);
    this.error.hidden = told === "";
    if (told) this.control.setAttribute("aria-invalid", "true");
    else this.control.removeAttribute("aria-invalid");
  }

  /** @param {Record<string, any>} values the others' */
  ask(values) {
    const asked = this.field.when?.(values) ?? true;
    this.root.hidden = !asked;
    // What isn't shown can't be required: the browser would refuse to send, and show nothing.
    this.control.toggleAttribute("disabled", !asked);
  }

  focus() {
    const first = this.control.matches("div") ? this.control.querySelector("input") : this.control;
    first?.focus();
  }
}

/**
 * @param {string} name
 * @param {string} text
 */
function parsed(name, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FieldError(name, `this is no JSON (${why}); write it as {"training": {"epochs": 2}}`);
  }
}

/**
 * A value as its control has it.
 * @param {string} kind
 * @param {any} value
 */
function written(kind, value) {
  if (value === null || value === undefined) return "";
  if (kind === "json") return JSON.stringify(value, null, 2);
  if (kind === "list") return value.join("\n");
  return kind === "moment" ? moment(value).replace(" ", "T") : String(value);
}
