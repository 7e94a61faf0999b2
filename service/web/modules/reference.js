// @ts-check
/** The API's reference, from the service's own description of it. Trying a call out is done as the signed-in reader. */

// A script of its own, before this module: it has no form that could be imported.
const { SwaggerUIBundle } = /** @type {any} */ (globalThis);

SwaggerUIBundle({ url: "/openapi.json", dom_id: "#reference", deepLinking: true, tryItOutEnabled: false });
