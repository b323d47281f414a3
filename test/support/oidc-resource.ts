/**
 * A small RFC 9728 resource: pages behind a Bearer token of an authorization server, each with the
 * scope that it wants. It checks tokens where they were issued, by audience and scope.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AuthorizationServer } from './oidc-authorization-server.ts';

export interface ResourceOptions {
  /** In the order in which the metadata names them. */
  readonly authorizationServers: readonly string[];
  /** Where tokens are looked up. */
  readonly issuedBy: readonly AuthorizationServer[];
  /** The path that the resource covers. */
  readonly path?: string;
  readonly scopesSupported?: readonly string[];
  /** The challenge's `scope`. */
  readonly scope?: string;
  /** False: the challenge does not name the metadata. */
  readonly namesMetadata?: boolean;
  /** The scope that a path wants, in a 403 when it is missing. */
  readonly wants?: (path: string) => string | undefined;
  /** Spoils the metadata. */
  readonly metadata?: (document: Record<string, unknown>) => object;
}

export interface ResourceRequest {
  readonly path: string;
  readonly token: string | undefined;
  readonly status: number;
}

export interface Resource {
  readonly origin: string;
  /** The resource identifier. */
  readonly resource: string;
  readonly requests: ResourceRequest[];
  /** Changed between two requests, as an operator would. */
  options: ResourceOptions;
  close(): Promise<void>;
}

const wellKnown = '/.well-known/oauth-protected-resource';

export async function startResource(given: ResourceOptions): Promise<Resource> {
  const requests: ResourceRequest[] = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://resource');
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
    await answer(started, pathname, token, response);
    requests.push({ path: pathname, token, status: response.statusCode });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const started: Resource = {
    origin,
    resource: origin + (given.path ?? ''),
    requests,
    options: given,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return started;
}

async function answer(
  { origin, resource, options }: Resource,
  path: string,
  value: string | undefined,
  response: ServerResponse,
): Promise<void> {
  const metadataUrl = `${origin}${wellKnown}${options.path ?? ''}`;
  if (path === new URL(metadataUrl).pathname) {
    const document = {
      resource,
      authorization_servers: options.authorizationServers,
      ...(options.scopesSupported ? { scopes_supported: options.scopesSupported } : {}),
    };
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify(options.metadata?.(document) ?? document));
    return;
  }
  if (path.startsWith('/.well-known/')) {
    response.writeHead(404).end();
    return;
  }
  const challenge = (status: number, parameters: Record<string, string | undefined>) => {
    const given = {
      ...parameters,
      resource_metadata: options.namesMetadata === false ? undefined : metadataUrl,
    };
    const written = Object.entries(given)
      .filter(([, text]) => text !== undefined)
      .map(([name, text]) => `${name}="${text}"`);
    response
      .writeHead(status, { 'www-authenticate': `Bearer ${written.join(', ') || 'realm="x"'}` })
      .end('No.');
  };
  const found = value && (await findToken(options.issuedBy, value));
  if (!found || ![found.aud].flat().includes(resource)) {
    challenge(401, {
      scope: options.scope,
      error: value === undefined ? undefined : 'invalid_token',
    });
    return;
  }
  const wanted = options.wants?.(path);
  if (wanted !== undefined && !(found.scope ?? '').split(' ').includes(wanted)) {
    challenge(403, { error: 'insufficient_scope', scope: wanted });
    return;
  }
  response
    .writeHead(200, { 'content-type': 'text/plain' })
    .end(`${found.accountId} may: ${found.scope || 'nothing in particular'}`);
}

async function findToken(servers: readonly AuthorizationServer[], value: string) {
  for (const server of servers) {
    const token = await server.token(value);
    if (token?.isValid) return token;
  }
  return undefined;
}
