/**
 * Loopback is a host like any other: whoever listens on a port of this machine may be another user, so
 * it has to be named before it gets the service token or a browser login without proof. And `localhost`
 * is this machine, whatever a resolver would say.
 */

import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createCertificate } from '../support/certificate.ts';
import { credentialsIn, type EvilHost, type Reply, startEvilHost } from '../support/evil-host.ts';
import { startServer, temporaryFolder } from '../support/mcp-server.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const start = async (environment: Record<string, string>) => {
  const server = await startServer({ environment });
  ending.push(() => server.close());
  return server;
};

const pair = {
  CF_ACCESS_CLIENT_ID: `${'a'.repeat(32)}.access`,
  CF_ACCESS_CLIENT_SECRET: `cfast_${'b'.repeat(48)}`,
};
const serviceAuth: Reply = {
  status: 403,
  headers: { 'cf-access-aud': 'c'.repeat(64), 'cf-access-domain': 'wiki.example.com' },
};
const loginPage: Reply = {
  status: 302,
  headers: {
    location: `/cdn-cgi/access/login/wiki.example.com?kid=${'c'.repeat(64)}`,
    'www-authenticate': 'Cloudflare-Access',
    'cf-access-domain': 'wiki.example.com',
  },
};

/** A program on this machine that says what Access would say, and lets in who brings the pair. */
async function stranger(reply: Reply): Promise<EvilHost> {
  const host = await startEvilHost(({ url, headers }) => {
    if (url.startsWith('/cdn-cgi')) return { status: 404 };
    return headers['cf-access-client-secret'] ? { status: 200, body: 'got it' } : reply;
  });
  ending.push(() => host.close());
  return host;
}

describe('a program on loopback that asks as Access does', () => {
  const otherPort = ({ url }: EvilHost) => `localhost:${Number(url.port) === 1 ? 2 : 1}`;
  it.each<[string, (host: EvilHost) => string]>([
    ['nothing is named', () => ''],
    ['other hosts are named', () => 'wiki.example.com, *.corp.example.com'],
    ['another port of this machine is named', otherPort],
    ['another name of this machine is named', () => '127.0.0.1, [::1]'],
  ])('gets no credential where %s', async (_name, hosts) => {
    const host = await stranger(serviceAuth);
    const server = await start({ ...pair, CF_ACCESS_HOSTS: hosts(host), CF_ACCESS_HEADLESS: '1' });
    const url = host.url.href;
    const fetched = await server.call('access_fetch', { url });
    expect(fetched.json.error).toMatchObject({
      code: 'service_token_host_not_allowed',
      next_step: expect.stringContaining(`CF_ACCESS_HOSTS=${host.url.host}`),
    });
    const authenticated = await server.call('authenticate', { url, method: 'service_token' });
    expect(authenticated.json.error?.code).toBe('service_token_host_not_allowed');
    const told = await server.call('detect_protection', { url });
    expect(told.json).toMatchObject({ service_token: 'host_not_allowed' });
    expect(host.reached.length).toBeGreaterThan(2);
    expect(host.reached.flatMap(credentialsIn)).toEqual([]);
  });

  it.each<[string, (host: EvilHost) => string]>([
    ['by name, for every port', () => 'localhost'],
    ['with its port', ({ url }) => url.host],
  ])('gets the pair where it is named %s', async (_name, hosts) => {
    const host = await stranger(serviceAuth);
    const server = await start({ ...pair, CF_ACCESS_HOSTS: hosts(host), CF_ACCESS_HEADLESS: '1' });
    const { json, body } = await server.call('access_fetch', { url: host.url.href });
    expect([json.status, json.auth, body]).toEqual([200, 'service_token', 'got it']);
  });

  it('has no browser login opened without proof of its team, unless it is named', async () => {
    const host = await stranger(loginPage);
    const url = host.url.href;
    const server = await start({ CF_ACCESS_HOSTS: 'wiki.example.com' });
    for (const tool of ['access_fetch', 'authenticate']) {
      const { json } = await server.call(tool, { url });
      expect(json.error).toMatchObject({
        code: 'untrusted_authorization_server',
        next_step: expect.stringContaining(`CF_ACCESS_HOSTS=${host.url.host}`),
      });
    }
    expect(await server.opened()).toEqual([]);
    const vouching = await start({ CF_ACCESS_HOSTS: host.url.host });
    const { json } = await vouching.call('authenticate', { url, wait_seconds: 0 });
    expect(json).toMatchObject({ status: 'pending', method: 'browser_transfer' });
  });
});

describe('localhost is reached without a resolver', () => {
  const here: RequestListener = (_, response) => void response.end('here');
  const listenOn = async (server: Server, host: string) => {
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    ending.push(() => server.close());
    return (server.address() as AddressInfo).port;
  };

  it.each(['127.0.0.1', '::1'])('where only %s is listened on', async (address) => {
    const port = await listenOn(createServer(here), address);
    const server = await start({});
    const { body } = await server.call('access_fetch', { url: `http://localhost:${port}/` });
    expect(body).toBe('here');
  });

  it('below its name too, which no resolver here knows, and past a proxy', async () => {
    const certificate = createCertificate(['deep.app.localhost']);
    const authority = join(await temporaryFolder(), 'authority.pem');
    await writeFile(authority, certificate.cert);
    const port = await listenOn(createTlsServer(certificate, here), '127.0.0.1');
    let proxied = 0;
    const proxy = createServer();
    proxy.on('connect', (_, socket) => {
      proxied += 1;
      socket.destroy();
    });
    const proxyPort = await listenOn(proxy, '127.0.0.1');
    for (const more of [{}, { HTTPS_PROXY: `http://127.0.0.1:${proxyPort}` }]) {
      const server = await start({ NODE_EXTRA_CA_CERTS: authority, ...more });
      const url = `https://deep.app.localhost:${port}/`;
      expect((await server.call('access_fetch', { url })).body).toBe('here');
    }
    expect(proxied).toBe(0);
  });

  it('and says that nothing listens there', async () => {
    const server = await start({});
    const { json } = await server.call('access_fetch', { url: 'http://localhost:1/' });
    expect(json.error).toMatchObject({
      code: 'network_error',
      message: expect.stringContaining('port 1 of this machine'),
    });
  });
});
