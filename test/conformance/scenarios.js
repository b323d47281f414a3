/**
 * The client scenarios of both suites: which an RFC 9728 client can meet, how each has to end, and why
 * the others are not for it. A scenario that stands in neither list makes the run fail.
 */

/**
 * The error code of `access_fetch`; `null` where the page is reached.
 * @type {Readonly<Record<string, string | null>>}
 */
export const endings = {
  'auth/metadata-default': null,
  'auth/metadata-var1': null,
  'auth/metadata-var2': null,
  'auth/metadata-var3': null,
  'auth/basic-cimd': null,
  'auth/scope-from-www-authenticate': null,
  'auth/scope-from-scopes-supported': null,
  'auth/scope-omitted-when-undefined': null,
  'auth/scope-step-up': null,
  'auth/scope-retry-limit': 'token_rejected',
  'auth/token-endpoint-auth-basic': null,
  'auth/token-endpoint-auth-post': null,
  'auth/token-endpoint-auth-none': null,
  'auth/pre-registration': null,
  'auth/resource-mismatch': 'invalid_resource_metadata',
  'auth/offline-access-scope': null,
  'auth/offline-access-not-supported': null,
  'auth/authorization-server-migration': null,
  'auth/iss-supported': null,
  'auth/iss-not-advertised': null,
  'auth/iss-supported-missing': 'invalid_server_metadata',
  'auth/iss-wrong-issuer': 'invalid_server_metadata',
  'auth/iss-unexpected': 'invalid_server_metadata',
  'auth/iss-normalized': 'invalid_server_metadata',
  'auth/metadata-issuer-mismatch': 'invalid_server_metadata',
};

const notMcp = 'It tests an MCP client’s messages; `access_fetch` only passes them on.';
const notAPerson = 'It tests a grant in which nobody signs in.';
const notRfc9728 =
  'It tests the revision 2025-03-26, in which resources had no metadata (RFC 9728).';
const notBearer = 'It requires tokens bound to a key; this server supports only Bearer tokens.';

/** @type {Readonly<Record<string, string>>} */
export const leftOut = {
  initialize: notMcp,
  tools_call: notMcp,
  'elicitation-sep1034-client-defaults': notMcp,
  'sse-retry': notMcp,
  'request-metadata': notMcp,
  'sep-2322-client-request-state': notMcp,
  'http-standard-headers': notMcp,
  'http-custom-headers': notMcp,
  'http-invalid-tool-headers': notMcp,
  'json-schema-ref-no-deref': notMcp,
  'json-schema-2020-12-preservation': notMcp,
  'sep-2640-client-no-prefetch': notMcp,
  'sep-2640-client-verify-digest': notMcp,
  'sep-2640-client-verify-size': notMcp,
  'sep-2640-client-verify-frontmatter': notMcp,
  'auth/2025-03-26-oauth-metadata-backcompat': notRfc9728,
  'auth/2025-03-26-oauth-endpoint-fallback': notRfc9728,
  'auth/client-credentials-jwt': notAPerson,
  'auth/client-credentials-basic': notAPerson,
  'auth/cross-app-access-complete-flow': notAPerson,
  'auth/enterprise-managed-authorization': notAPerson,
  'auth/wif-jwt-bearer': notAPerson,
  'auth/dpop': notBearer,
  'auth/dpop-nonce': notBearer,
};

/** Where a client ID metadata document is meant: the one that the suites know. */
export const metadataDocuments = {
  'auth/basic-cimd': 'https://conformance-test.local/client-metadata.json',
};
