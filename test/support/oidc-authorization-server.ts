/**
 * An authorization server that nobody here wrote: `oidc-provider`, with dynamic registration, PKCE,
 * resource indicators and refresh rotation, on loopback. It keeps what it was asked, and lets a test
 * spoil what it says.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type AccessToken, type Context } from 'oidc-provider';

export interface AuthorizationServerOptions {
  /** The issuer's path, such as `/tenant`. */
  readonly path?: string;
  readonly deviceFlow?: boolean;
  /** False: no dynamic registration. */
  readonly registration?: boolean;
  readonly clients?: readonly object[];
  readonly clientAuthMethods?: readonly string[];
  readonly clientIdMetadataDocuments?: boolean;
  /** Scopes that its resources know. */
  readonly resourceScopes?: string;
  /** Which resource indicators it knows; any otherwise. */
  readonly knowsResource?: (resource: string) => boolean;
  readonly accessTokenSeconds?: number;
  /** Spoils the metadata. */
  readonly metadata?: (document: Record<string, unknown>) => object;
  /** Spoils the redirect that carries the authorization response. */
  readonly response?: (parameters: URLSearchParams) => void;
  readonly configuration?: object;
}

export interface Asked {
  /** The route's name: `discovery`, `registration`, `authorization`, `token`, … */
  readonly route: string;
  readonly parameters: Readonly<Record<string, string | undefined>>;
  readonly authorization: string | undefined;
  readonly status: number;
  /** The answer's `error`. */
  readonly error: string | undefined;
}

export interface AuthorizationServer {
  readonly issuer: string;
  /** In order; the person's pages are not among them. */
  readonly asked: Asked[];
  routes(): string[];
  token(value: string): Promise<AccessToken | undefined>;
  close(): Promise<void>;
}

const lasting = ['DeviceCode', 'Grant', 'IdToken', 'Interaction', 'RefreshToken', 'Session'];
/** What a client asks; the rest is the person's browser. */
const ours = ['discovery', 'registration', 'token', 'device_authorization', 'revocation'];

export async function startAuthorizationServer(
  options: AuthorizationServerOptions = {},
): Promise<AuthorizationServer> {
  const { path = '', resourceScopes = 'read write' } = options;
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = origin + path;
  const asked: Asked[] = [];
  const provider = quietly(
    () =>
      new Provider(issuer, {
        clients: options.clients ?? [],
        scopes: ['openid', 'offline_access'],
        ...(options.clientAuthMethods ? { clientAuthMethods: options.clientAuthMethods } : {}),
        // Left out, each of these is told of on the console.
        findAccount: (_context: unknown, accountId: string) => ({
          accountId,
          claims: () => ({ sub: accountId }),
        }),
        renderError: (context: Context, out: object) => {
          context.body = JSON.stringify(out);
        },
        ttl: Object.fromEntries(lasting.map((kind) => [kind, 600])),
        cookies: { keys: ['a secret of these tests'] },
        rotateRefreshToken: true,
        issueRefreshToken: (
          _context: unknown,
          client: { grantTypeAllowed(type: string): boolean },
        ) => client.grantTypeAllowed('refresh_token'),
        expiresWithSession: () => false,
        features: {
          registration: { enabled: options.registration ?? true },
          revocation: { enabled: true },
          deviceFlow: { enabled: options.deviceFlow ?? false },
          ...(options.clientIdMetadataDocuments
            ? { clientIdMetadataDocument: { enabled: true } }
            : {}),
          resourceIndicators: {
            enabled: true,
            defaultResource: () => undefined,
            useGrantedResource: () => false,
            getResourceServerInfo: (_context: unknown, resource: string) => {
              if (options.knowsResource?.(resource) === false) throw new Error('unknown resource');
              return {
                scope: resourceScopes,
                audience: resource,
                accessTokenFormat: 'opaque',
                accessTokenTTL: options.accessTokenSeconds ?? 600,
              };
            },
          },
        },
        ...options.configuration,
      }),
  );
  provider.use(async (context, next) => {
    await next();
    spoil(context, options);
    const { oidc, request, status } = context;
    if (oidc?.route === undefined || !ours.includes(oidc.route)) return;
    asked.push({
      route: oidc.route,
      parameters: { ...(oidc.body as Record<string, string>), ...oidc.params },
      authorization: request.headers.authorization,
      status,
      error: (context.body as { error?: string } | undefined)?.error,
    });
  });
  const callback = provider.callback();
  server.on('request', (request, response) => {
    const url = request.url ?? '/';
    if (path === '') return callback(request, response);
    // Mounted under its path: RFC 8414's inserted address is not among what it answers.
    if (!url.startsWith(`${path}/`)) return response.writeHead(404).end();
    Object.assign(request, { originalUrl: url, url: url.slice(path.length) });
    return callback(request, response);
  });
  return {
    issuer,
    asked,
    routes: () => asked.map(({ route }) => route),
    token: (value) => provider.AccessToken.find(value),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function spoil(context: Context, { metadata, response }: AuthorizationServerOptions): void {
  if (context.oidc?.route === 'discovery' && metadata) {
    context.body = metadata(context.body as Record<string, unknown>);
  }
  const location = context.response.get('location');
  if (response && /^http:\/\/(?:localhost|127\.0\.0\.1):\d+\/callback\?/.test(location)) {
    const url = new URL(location);
    response(url.searchParams);
    context.set('location', url.href);
  }
}

/** It tells on the console what a real deployment should configure. */
function quietly<T>(work: () => T): T {
  const { info, warn } = console;
  Object.assign(console, { info: () => {}, warn: () => {} });
  try {
    return work();
  } finally {
    Object.assign(console, { info, warn });
  }
}
