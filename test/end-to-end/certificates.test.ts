/** Certificates are verified, whatever the environment says (contract §4.1). */
import { writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createProgram } from '../cli/program.ts';
import { createCertificate } from '../support/certificate.ts';
import { startServer } from '../support/mcp-server.ts';

const host = 'app.internal.example';
const untrusted = createCertificate(['localhost', host]);
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** A server whose certificate nobody has signed but itself. */
async function startImpostor({
  key,
  cert,
} = untrusted): Promise<{ port: number; heard: string[] }> {
  const heard: string[] = [];
  const server = createServer({ key, cert }, (request, response) => {
    heard.push(request.url ?? '');
    response.end('an impostor’s page');
  });
  // What a proxy is asked for, after TLS with the proxy itself.
  server.on('connect', (request, socket) => {
    heard.push(request.url ?? '');
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endings.push(() => server.closeAllConnections());
  endings.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, heard };
}

/** An honest proxy, for which every name is this machine. */
async function startProxy(): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const proxy = createHttpServer();
  proxy.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    const onward = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) end.on('error', () => {});
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  endings.push(() => proxy.close());
  return { port: (proxy.address() as AddressInfo).port, asked };
}

async function fetchWith(environment: Record<string, string>, url: string) {
  const server = await startServer({
    environment: { NODE_TLS_REJECT_UNAUTHORIZED: '0', ...environment },
  });
  endings.push(() => server.close());
  const answer = await server.call('access_fetch', { url });
  return { answer, stderr: server.stderr() };
}

it('with NODE_TLS_REJECT_UNAUTHORIZED=0, which is reported as ignored', async () => {
  const { port, heard } = await startImpostor();
  const { answer, stderr } = await fetchWith({}, `https://localhost:${port}/secret`);
  expect(answer.json.error?.code).toBe('tls_untrusted');
  expect(heard).toEqual([]);
  expect(stderr).toContain('NODE_TLS_REJECT_UNAUTHORIZED=0 is ignored');
});

it('behind a proxy’s tunnel', async () => {
  const { port, heard } = await startImpostor();
  const proxy = await startProxy();
  const environment = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
  const { answer } = await fetchWith(environment, `https://${host}:${port}/secret`);
  expect(proxy.asked).toEqual([`${host}:${port}`]);
  expect(answer.json.error?.code).toBe('tls_untrusted');
  expect(heard).toEqual([]);
});

it('of a proxy that is spoken to over TLS', async () => {
  const { port, heard } = await startImpostor();
  const environment = { HTTPS_PROXY: `https://localhost:${port}` };
  const { answer } = await fetchWith(environment, `https://${host}/secret`);
  expect(answer.json.error?.code).toBe('tls_untrusted');
  expect(heard).toEqual([]);
});

it('that is for another name is not helped by trusting more certificates, and nothing says so', async () => {
  const certificate = createCertificate([host]);
  const { port, heard } = await startImpostor(certificate);
  const program = await createProgram();
  endings.push(() => program.remove());
  const authorities = join(program.place, 'authorities.pem');
  await writeFile(authorities, certificate.cert);
  const environment = { NODE_EXTRA_CA_CERTS: authorities };
  const { answer } = await fetchWith(environment, `https://localhost:${port}/secret`);
  expect(answer.json.error).toMatchObject({
    code: 'tls_untrusted',
    message: `The certificate that came for localhost:${port} is for other names (ERR_TLS_CERT_ALTNAME_INVALID).`,
    next_step: expect.stringMatching(/host name in the URL is right.*a certificate with this name/),
  });
  expect(answer.json.error?.next_step).not.toContain('NODE_EXTRA_CA_CERTS');
  expect(heard).toEqual([]);
});

it.each([
  ['has expired', 'CERT_HAS_EXPIRED', ['200101000000Z', '210101000000Z']],
  ['is not valid yet', 'CERT_NOT_YET_VALID', ['480101000000Z', '490101000000Z']],
] as const)(
  'that %s may be the clock’s fault, which every face says',
  async (is, code, validity) => {
    const certificate = createCertificate(['localhost'], validity);
    const { port, heard } = await startImpostor(certificate);
    const url = `https://localhost:${port}/secret`;
    const program = await createProgram();
    endings.push(() => program.remove());
    const authorities = join(program.place, 'authorities.pem');
    await writeFile(authorities, certificate.cert);
    const environment = { NODE_EXTRA_CA_CERTS: authorities };
    const words = new RegExp(
      `localhost:${port} ${is} by this machine’s clock, which says 20\\d\\d-.*\\(${code}\\)`,
    );

    const server = await startServer({ environment });
    endings.push(() => server.close());
    for (const tool of ['access_fetch', 'authenticate', 'detect_protection', 'get_token']) {
      const { json } = await server.call(tool, { url });
      expect(json.error).toMatchObject({
        code: 'tls_untrusted',
        message: expect.stringMatching(words),
        next_step: expect.stringMatching(/whether this machine’s clock is right.*renew/),
      });
    }
    for (const [command, exitCode] of [
      ['fetch', 60],
      ['login', 1],
      ['token', 1],
    ] as const) {
      const run = await program.run([command, url], { environment });
      expect(run).toMatchObject({ code: exitCode, stderr: expect.stringMatching(words) });
    }
    const { code: exitCode, stdout } = await program.run(['doctor', url], { environment });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(new RegExp(`✗ TLS .*${words.source}`));
    expect(stdout).toMatch(/→ Check whether this machine’s clock is right/);
    expect(heard).toEqual([]);
  },
);
