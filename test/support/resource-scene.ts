/** The built server in front of an RFC 9728 resource and its authorization server, and the person. */

import { eventually, startServer, type TestServer, type TestServerOptions } from './mcp-server.ts';
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from './oidc-authorization-server.ts';
import { signInAtProvider, type Visit } from './oidc-person.ts';
import { type Resource, type ResourceOptions, startResource } from './oidc-resource.ts';

export interface SceneOptions {
  readonly provider?: AuthorizationServerOptions;
  readonly resource?: Partial<ResourceOptions>;
  readonly server?: TestServerOptions;
  /** Lists the provider among the authorization servers that the person trusts. */
  readonly listed?: boolean;
}

export interface Scene {
  readonly provider: AuthorizationServer;
  readonly resource: Resource;
  readonly server: TestServer;
  url(path?: string): string;
  /** Lets the person finish the `nth` address that the browser was asked to open. */
  person(nth?: number, login?: string | null): Promise<{ url: URL; visit: Visit }>;
  close(): Promise<void>;
}

export async function setUpScene(options: SceneOptions = {}): Promise<Scene> {
  const provider = await startAuthorizationServer(options.provider);
  const resource = await startResource({
    authorizationServers: [provider.issuer],
    issuedBy: [provider],
    ...options.resource,
  });
  const listing = options.listed ? { CF_ACCESS_AUTHORIZATION_SERVERS: provider.issuer } : {};
  const server = await startServer({
    ...options.server,
    environment: { ...listing, ...options.server?.environment },
  });
  return {
    provider,
    resource,
    server,
    url: (path = '/page') => resource.resource + path,
    async person(nth = 1, login: string | null = 'alice') {
      const text = await eventually(async () => (await server.opened())[nth - 1]);
      return { url: new URL(text), visit: await signInAtProvider(text, login) };
    },
    async close() {
      await server.close();
      await resource.close();
      await provider.close();
    },
  };
}
