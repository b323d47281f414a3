/**
 * Cloudflare's own authorization server for remote MCP servers, `@cloudflare/workers-oauth-provider`, and
 * a resource server of the same package, in a process of their own on loopback: the package is for
 * Workers, so what it takes from that runtime (one class, a key-value store) is given to it here. Prints
 * `{issuer, resource}` when it listens, then a line of JSON for each request that is not the person's.
 */
import { createServer } from 'node:http';
import { register } from 'node:module';
import { createInterface } from 'node:readline';

const runtime = `export class WorkerEntrypoint { constructor(ctx, env) { Object.assign(this, { ctx, env }); } }`;
register(
  `data:text/javascript,${encodeURIComponent(`
    const url = 'data:text/javascript,' + encodeURIComponent(${JSON.stringify(runtime)});
    export const resolve = async (specifier, context, next) =>
      specifier === 'cloudflare:workers' ? { url, shortCircuit: true } : next(specifier, context);
  `)}`,
);
const { OAuthAuthorizationServer, OAuthResourceServer, insufficientScope } = await import(
  '@cloudflare/workers-oauth-provider'
);

/** As Workers KV: texts by key, some with an end and with metadata. */
function createStore() {
  /** @type {Map<string, { value: string, metadata: unknown, endsAt: number }>} */
  const entries = new Map();
  const live = (/** @type {string} */ key) => {
    const entry = entries.get(key);
    return entry && entry.endsAt > Date.now() ? entry : undefined;
  };
  return {
    async get(/** @type {string} */ key, /** @type {any} */ options) {
      const text = live(key)?.value;
      if (text === undefined) return null;
      return options === 'json' || options?.type === 'json' ? JSON.parse(text) : text;
    },
    async put(/** @type {string} */ key, /** @type {string} */ value, /** @type {any} */ options) {
      const { expirationTtl, expiration, metadata = null } = options ?? {};
      const endsAt =
        expirationTtl === undefined
          ? (expiration ?? Number.POSITIVE_INFINITY) * 1000
          : Date.now() + expirationTtl * 1000;
      entries.set(key, { value, metadata, endsAt });
    },
    async delete(/** @type {string} */ key) {
      entries.delete(key);
    },
    async list(/** @type {any} */ { prefix = '' } = {}) {
      const keys = [...entries.keys()]
        .filter((name) => name.startsWith(prefix) && live(name))
        .map((name) => ({ name, metadata: live(name)?.metadata ?? undefined }));
      return { keys, list_complete: true };
    },
  };
}

/** @param {import('node:http').RequestListener} listener @returns {Promise<{ origin: string, server: import('node:http').Server }>} */
async function listen(listener) {
  const server = createServer(listener);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { origin: `http://127.0.0.1:${port}`, server };
}

const print = (/** @type {object} */ line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const env = { OAUTH_KV: createStore() };

/**
 * @param {(request: Request, context: any) => Promise<Response>} handler
 * @param {() => string} origin
 * @returns {import('node:http').RequestListener}
 */
function serving(handler, origin) {
  return async (incoming, outgoing) => {
    const parts = [];
    for await (const part of incoming) parts.push(part);
    const body = Buffer.concat(parts);
    const request = new Request(origin() + incoming.url, {
      method: incoming.method ?? 'GET',
      headers: /** @type {any} */ (incoming.headers),
      ...(body.length > 0 ? { body } : {}),
    });
    const path = new URL(request.url).pathname;
    const answer = await handler(request, {
      waitUntil() {},
      passThroughOnException() {},
      props: {},
    });
    const text = await answer.text();
    if (path !== '/authorize') {
      const isForm = incoming.headers['content-type']?.startsWith('application/x-www-form');
      const form = isForm ? new URLSearchParams(body.toString()) : undefined;
      print({
        path,
        status: answer.status,
        grant: form?.get('grant_type') ?? undefined,
        resource: form?.get('resource') ?? undefined,
        refreshToken: form?.get('refresh_token') ?? undefined,
        authorization: incoming.headers.authorization,
      });
    }
    outgoing.writeHead(answer.status, [...answer.headers].flat());
    outgoing.end(text);
  };
}

/** The page that the package leaves to whoever uses it, as its documentation has it. */
async function authorize(/** @type {Request} */ request) {
  const oauth = authorizationServer.getOAuthApi(env);
  if (request.method === 'GET') {
    const asked = await oauth.parseAuthRequest(request);
    const { headers, handle } = await oauth.beginConsent(asked);
    headers.set('content-type', 'text/html; charset=utf-8');
    const page = `<form method="post" action="/authorize"><input type="hidden" name="handle" value="${handle}"></form>`;
    return new Response(page, { headers });
  }
  const form = await request.formData();
  const handle = String(form.get('handle'));
  if (form.has('abort')) {
    const { headers } = await oauth.denyConsent(request, handle);
    return new Response(null, { status: 302, headers });
  }
  const { request: approved, headers } = await oauth.approveConsent(request, handle);
  const { redirectTo } = await oauth.completeAuthorization({
    request: approved,
    userId: 'alice',
    metadata: {},
    scope: approved.scope,
    props: { name: 'alice' },
  });
  headers.set('location', redirectTo);
  return new Response(null, { status: 302, headers });
}

const auth = await listen((...given) => serveAuth(...given));
const mcp = await listen((...given) => serveMcp(...given));
const issuer = auth.origin;
const resource = `${mcp.origin}/mcp`;

const authorizationServer = new OAuthAuthorizationServer({
  issuer,
  resources: [resource],
  scopesSupported: ['mcp:read', 'mcp:write'],
  clientRegistrationEndpoint: '/oauth/register',
});
const resourceServer = new OAuthResourceServer({
  resourceMetadata: { resource, authorization_servers: [issuer] },
  requiredScopes: ['mcp:read'],
  validateToken: () => (/** @type {string} */ of, /** @type {string} */ token) =>
    authorizationServer.validateToken(of, token, env),
  handler: {
    async fetch(/** @type {Request} */ request, /** @type {any} */ _env, /** @type {any} */ ctx) {
      const needed = request.url.endsWith('/write') ? ['mcp:read', 'mcp:write'] : ['mcp:read'];
      const { scope } = ctx.auth;
      if (!needed.every((one) => scope.includes(one))) return insufficientScope(ctx.auth, needed);
      return new Response(`${ctx.props.name} may: ${[...scope].sort().join(' ')}`);
    },
  },
});
const serveAuth = serving(
  (request, context) =>
    new URL(request.url).pathname === '/authorize'
      ? authorize(request)
      : authorizationServer.fetch(request, env, context),
  () => issuer,
);
const serveMcp = serving(
  (request, context) => resourceServer.fetch(request, env, context),
  () => mcp.origin,
);
print({ issuer, resource });
// Each line that is said to it ends all access tokens; refresh tokens stay good.
for await (const _ of createInterface({ input: process.stdin })) {
  for (const { name } of (await env.OAUTH_KV.list({ prefix: 'token:' })).keys) {
    await env.OAUTH_KV.delete(name);
  }
  print({ ended: true });
}
process.exit();
