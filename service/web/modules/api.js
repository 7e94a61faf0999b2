// @ts-check
/** The service's API as the signed-in reader. Errors are Problems, whose message says what to do. */

import { anyUnsaved } from "pages/unsaved";

export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{type?: string, detail?: string, errors?: {field: string, value?: any, message: string}[]}} document
   */
  constructor(status, document) {
    const fields = (document.errors ?? []).map((error) => `${error.field}: ${error.message}`);
    super([document.detail ?? `the service answered ${status}`, ...fields].join("\n"));
    this.status = status;
    this.detail = document.detail ?? this.message;
    this.errors = document.errors ?? [];
    this.kind = (document.type ?? "").replace("urn:winnow:", "");
  }
}

/**
 * @typedef {Record<string, string | number | boolean | readonly string[] | null | undefined>} Query
 * @typedef {{query?: Query, body?: any, match?: string | null, signal?: AbortSignal, headers?: Record<string, string>}} Options
 */

/**
 * A request; the answer's content, undefined where it has none.
 * @param {string} method
 * @param {string} path
 * @param {Options} [options] `match` is the ETag that must still hold; a `body` is sent as JSON, a Blob as what it is
 * @returns {Promise<any>}
 */
export async function request(method, path, options = {}) {
  return (await answered(method, path, options)).content;
}

/**
 * A request, and beside its content its ETag.
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<{content: any, etag: string | null}>}
 */
export async function answered(method, path, { query = {}, body, match, signal, headers = {} } = {}) {
  /** @type {Record<string, string>} */
  const sent = { Accept: "application/json", ...headers };
  if (body !== undefined) sent["Content-Type"] = body instanceof Blob ? body.type : "application/json";
  if (match) sent["If-Match"] = match;
  const text = body === undefined || body instanceof Blob ? body : JSON.stringify(body);
  let response;
  try {
    response = await fetch(path + encoded(query), {
      method,
      headers: sent,
      body: text,
      signal,
      credentials: "same-origin",
    });
  } catch (error) {
    if (error instanceof DOMException) throw error;
    throw new Problem(0, { detail: "The service can't be reached. It is tried again when the page is loaded again." });
  }
  // Where a dialog holds what was typed, it says by itself that the sign-in is over.
  if (response.status === 401 && !anyUnsaved()) {
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const content = await contentOf(response);
  if (!response.ok) throw new Problem(response.status, typeof content === "object" ? content : {});
  return { content, etag: response.headers.get("etag") };
}

/**
 * An answer without content has a content type all the same.
 * @param {Response} response
 */
async function contentOf(response) {
  if (response.status === 204) return undefined;
  const isJson = response.headers.get("content-type")?.includes("json");
  return isJson ? await response.json() : await response.text();
}

/**
 * @param {string} path
 * @param {Query} [query]
 * @param {AbortSignal} [signal]
 */
export function get(path, query, signal) {
  return request("GET", path, { query, signal });
}

/**
 * What is at a path, or null where nothing is (yet).
 * @param {string} path
 * @param {Query} [query]
 */
export async function find(path, query) {
  try {
    return await get(path, query);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

/**
 * @param {string} path
 * @param {any} [body]
 */
export function post(path, body) {
  return request("POST", path, { body });
}

/**
 * All rows of a list, page by page.
 * @param {string} path
 * @param {string} rows the page's key that holds them
 * @param {Query} [query]
 * @param {number} [most] stop after so many
 * @returns {Promise<any[]>}
 */
export async function all(path, rows, query = {}, most = Infinity) {
  const found = [];
  let cursor;
  do {
    const page = await get(path, { ...query, cursor });
    found.push(...page[rows]);
    cursor = page.next;
  } while (cursor !== null && cursor !== undefined && found.length < most);
  return found;
}

/**
 * A part of an address, such as a feature's name.
 * @param {string | number} part
 */
export function part(part) {
  return encodeURIComponent(part);
}

/** @param {Query} query */
function encoded(query) {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined) continue;
    for (const each of Array.isArray(value) ? value : [value]) pairs.append(name, String(each));
  }
  const text = pairs.toString();
  return text && `?${text}`;
}
