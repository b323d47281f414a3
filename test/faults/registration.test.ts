/** Faults in dynamic client registration (RFC 7591): a registration at Access can never be deleted. */
import { expect } from 'vitest';
import {
  always,
  type HostileApplication,
  registrationPath,
  type Twist,
  tokenPath,
  withFields,
} from '../support/hostile-application.ts';
import { eventually, matrix, type Row, visit } from '../support/hostile-matrix.ts';
import { redirect, reset } from '../support/hostile-origin.ts';

function row(
  fault: string,
  code: string | null,
  registration: (evil: string) => Twist,
  attempts: number,
  far: (app: HostileApplication, url: URL) => unknown = () => {},
): Row {
  return {
    fault,
    code,
    run: async (world) => {
      const app = await world.app({ registration: registration(world.evil.origin) });
      const answer = await world.call('authenticate', { url: app.at('/'), wait_seconds: 0 });
      return {
        answer,
        far: async () => {
          expect(world.evil.seen).toEqual([]);
          expect(app.of(registrationPath)).toHaveLength(attempts);
          if (code !== null) expect(await world.openedAt(app)).toEqual([]);
          else await far(app, new URL(String(answer.json.authorization_url)));
        },
      };
    },
  };
}

const refusal = { status: 400, json: { error: 'invalid_client_metadata' } };

const rows: Row[] = [
  row('both loopback names are refused', 'registration_rejected', () => always(refusal), 2),
  row(
    'one loopback name is refused: the other is tried, once',
    null,
    () => (seen, honest) =>
      JSON.parse(seen.body).redirect_uris[0].startsWith('http://localhost') ? refusal : honest(),
    2,
    (_, url) =>
      expect(url.searchParams.get('redirect_uri')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/),
  ),
  row(
    'no client_id',
    'registration_rejected',
    () => withFields(() => ({ client_id: undefined })),
    1,
  ),
  row(
    'a client_id that is a number',
    'registration_rejected',
    () => withFields(() => ({ client_id: 7 })),
    1,
  ),
  row(
    'a client_id of 100 kB',
    'registration_rejected',
    () => withFields(() => ({ client_id: 'x'.repeat(100_000) })),
    1,
  ),
  row(
    'a client_id with a line break and a parameter',
    'registration_rejected',
    () => withFields(() => ({ client_id: 'a\r\nb&redirect_uri=http://evil.example' })),
    1,
  ),
  row('HTML', 'registration_rejected', () => always({ status: 201, body: '<h1>hello</h1>' }), 1),
  row(
    'a redirect with the body to another origin (contract §4.3)',
    'registration_rejected',
    (evil) => always(redirect(`${evil}/register`, 307)),
    1,
  ),
  row('a server that fails', 'temporarily_unavailable', () => always({ status: 500 }), 1),
  row('a server that has had enough', 'temporarily_unavailable', () => always({ status: 429 }), 1),
  row('a cut connection', 'network_error', () => always(reset), 1),
  row(
    'an answer of 2 MiB',
    'response_too_large',
    () => withFields(() => ({ x: 'x'.repeat(2 << 20) })),
    1,
  ),
  row(
    'a way to authenticate that we do not know',
    'unsupported_authorization_server',
    () => withFields(() => ({ token_endpoint_auth_method: 'private_key_jwt' })),
    1,
  ),
  row(
    'redirection URIs other than ours in the answer',
    null,
    (evil) => withFields(() => ({ redirect_uris: [`${evil}/callback`] })),
    1,
    (_, url) =>
      expect(url.searchParams.get('redirect_uri')).toMatch(/^http:\/\/localhost:\d+\/callback$/),
  ),
  {
    fault: 'a client that the token endpoint never knows: one new registration, no loop',
    code: 'registration_rejected',
    run: async (world) => {
      const app = await world.app({
        token: always({ status: 401, json: { error: 'invalid_client' } }),
      });
      const signingIn = world.call('authenticate', { url: app.at('/'), wait_seconds: 20 });
      for (const times of [1, 2]) {
        const urls = await eventually(async () => {
          const all = await world.openedAt(app);
          return all.length >= times ? all : undefined;
        });
        await visit(urls.at(-1) ?? '');
      }
      const answer = await signingIn;
      return {
        answer,
        far: () => {
          expect(app.of(registrationPath)).toHaveLength(2);
          // Each is asked about once more, as it may be known a second later.
          expect(app.of(tokenPath)).toHaveLength(4);
        },
      };
    },
  },
  {
    fault: 'a client secret goes to the token endpoint alone',
    code: null,
    run: async (world) => {
      const secret = 'client-secret-0123456789';
      const app = await world.app({
        serverMetadata: withFields(() => ({
          token_endpoint_auth_methods_supported: ['client_secret_post'],
        })),
        registration: withFields(() => ({
          client_secret: secret,
          client_secret_expires_at: 0,
          token_endpoint_auth_method: 'client_secret_post',
        })),
      });
      const url = await world.pending(app);
      await visit(url);
      const answer = await world.call('access_fetch', { url: app.at('/') });
      return {
        answer,
        far: () => {
          const holders = app.seen.filter((seen) => JSON.stringify(seen).includes(secret));
          expect(holders.map(({ path }) => path)).toEqual([tokenPath]);
          expect(JSON.stringify(answer.content) + world.server.stderr() + url.href).not.toContain(
            secret,
          );
        },
      };
    },
  },
];

matrix('registration', rows);
