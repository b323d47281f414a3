/** Faults of the token endpoint, at the first token and at the refresh (RFC 6749 §4.1.3, §6; contract §5). */
import { expect } from 'vitest';
import {
  always,
  authorizationPath,
  type HostileApplication,
  type Twist,
  tokenPath,
  withFields,
} from '../support/hostile-application.ts';
import { matrix, type Row, visit } from '../support/hostile-matrix.ts';
import { type Reply, redirect, reset } from '../support/hostile-origin.ts';
import { eventually, startServer } from '../support/mcp-server.ts';

/** At the redemption of the code. When it fails nothing is kept; `null`: it must not fail. */
function first(
  fault: string,
  code: string | null,
  token: (evil: string) => Twist,
  far: (app: HostileApplication, answer: { json: unknown; words: string }) => unknown = () => {},
): Row {
  return {
    fault: `the first token: ${fault}`,
    code,
    run: async (world) => {
      const app = await world.app({ token: token(world.evil.origin) });
      const url = await world.pending(app);
      const waiting = world.call('authenticate', { url: app.at('/'), wait_seconds: 20 });
      const page = await (await visit(url)).text();
      const signedIn = await waiting;
      const kept = await world.call('access_fetch', { url: app.at('/'), sign_in: false });
      return {
        answer: signedIn,
        far: async () => {
          expect(world.evil.seen).toEqual([]);
          expect(app.of(tokenPath)).toHaveLength(1);
          if (code === null) expect(kept.json).toMatchObject({ status: 200, auth: 'oauth' });
          else expect(kept.json.error?.code).toBe('sign_in_required');
          await far(app, {
            json: signedIn.json,
            words: JSON.stringify(signedIn.json) + page + world.server.stderr(),
          });
        },
      };
    },
  };
}

/**
 * At the refresh, of a session that was good. A passing fault loses nothing: no browser is opened, and
 * when the fault is gone the same session goes on.
 */
function refresh(
  fault: string,
  code: string | null,
  token: (evil: string) => Twist,
  far: (app: HostileApplication) => unknown = () => {},
): Row {
  return {
    fault: `the refresh: ${fault}`,
    code,
    run: async (world) => {
      const app = await world.app();
      await world.signIn(app);
      app.expire();
      app.seen.length = 0;
      app.twists.token = token(world.evil.origin);
      const answer = await world.call('access_fetch', { url: app.at('/'), sign_in: false });
      return {
        answer,
        far: async () => {
          expect(world.evil.seen).toEqual([]);
          expect((await world.openedAt(app)).length).toBeLessThanOrEqual(1);
          await far(app);
          delete app.twists.token;
          const after = await world.call('access_fetch', { url: app.at('/'), sign_in: false });
          if (code === 'sign_in_required' || code === 'token_rejected') return;
          expect(after.json, 'the session was lost').toMatchObject({ status: 200, auth: 'oauth' });
        },
      };
    },
  };
}

/** Without the honest work: the refresh token has not been spent. */
const instead = (reply: Reply) => () => always(reply);
const spent =
  (times: number) =>
  (app: HostileApplication): void =>
    expect(app.of(tokenPath)).toHaveLength(times);

const rows: Row[] = [
  first('a redirect with the code to another origin', 'temporarily_unavailable', (evil) =>
    always(redirect(`${evil}/token`, 307)),
  ),
  first(
    'HTML',
    'temporarily_unavailable',
    instead({ headers: { 'content-type': 'text/html' }, body: '<title>Sign in</title>' }),
  ),
  first('an answer of 2 MiB', 'response_too_large', () =>
    withFields(() => ({ x: 'x'.repeat(2 << 20) })),
  ),
  first('a cut connection', 'network_error', instead(reset)),
  first('expires_in of -1, as no lifetime', null, () => withFields(() => ({ expires_in: -1 }))),
  first('expires_in of "900"', null, () => withFields(() => ({ expires_in: '900' }))),
  first(
    'expires_in of 1e12: no date beyond what a calendar has',
    null,
    () => withFields(() => ({ expires_in: 1e12 })),
    (_, { json }) =>
      expect(Date.parse((json as { expires_at: string }).expires_at)).toBeLessThan(
        Date.now() + 11 * 365 * 86_400_000,
      ),
  ),
  first('no expires_in: good until refused', null, () =>
    withFields(() => ({ expires_in: undefined })),
  ),
  first('a token with a line break', 'unsupported_authorization_server', () =>
    withFields(() => ({ access_token: 'a\r\nx-evil: 1' })),
  ),
  first('a token that is no text', 'unsupported_authorization_server', () =>
    withFields(() => ({ access_token: { a: 1 } })),
  ),
  first('a token of 20 kB', 'unsupported_authorization_server', () =>
    withFields(() => ({ access_token: 'x'.repeat(20_000) })),
  ),
  first('a refresh token with a line break', 'unsupported_authorization_server', () =>
    withFields(() => ({ refresh_token: 'a\nb' })),
  ),
  first('a token of another type', 'unsupported_authorization_server', () =>
    withFields(() => ({ token_type: 'DPoP' })),
  ),
  first('an ID token of nobody’s', null, () => withFields(() => ({ id_token: 'a.b.c' }))),
  first(
    'a scope of half a million characters',
    null,
    () => withFields(() => ({ scope: 'x '.repeat(250_000).trim() })),
    async (app) => {
      expect(app.issued.length).toBeGreaterThan(0);
    },
  ),
  {
    fault:
      'the first token: what comes with it must not make the session unreadable for the next process',
    code: null,
    run: async (world) => {
      const app = await world.app({
        token: withFields(() => ({ scope: 'x'.repeat(1_048_200) })),
      });
      await world.signIn(app);
      const other = await startServer({ dataDir: world.server.dataDir });
      world.after(() => other.close());
      const answer = await other.call('access_fetch', { url: app.at('/'), sign_in: false });
      return { answer, far: () => expect(answer.json).toMatchObject({ auth: 'oauth' }) };
    },
  },
  first(
    'a refusal that repeats the code and the verifier in its words',
    'sign_in_expired',
    () =>
      ({ body }) => ({
        status: 400,
        json: {
          error: 'invalid_grant',
          error_description: `bad: ${new URLSearchParams(body).get('code')} ${new URLSearchParams(body).get('code_verifier')}`,
        },
      }),
    (app, { words }) => {
      const form = new URLSearchParams(app.of(tokenPath)[0]?.body);
      expect(words).not.toContain(form.get('code'));
      expect(words).not.toContain(form.get('code_verifier'));
    },
  ),
  refresh('a server that fails', 'temporarily_unavailable', instead({ status: 500 }), spent(1)),
  refresh(
    'a server that has had enough',
    'temporarily_unavailable',
    instead({ status: 429, json: { error: 'slow_down' } }),
    spent(1),
  ),
  refresh('a cut connection', 'network_error', instead(reset), spent(1)),
  refresh(
    'a login page in the place of JSON',
    'temporarily_unavailable',
    instead({ headers: { 'content-type': 'text/html' }, body: '<h1>Wi-Fi login</h1>' }),
    spent(1),
  ),
  refresh(
    'a 401 in HTML',
    'temporarily_unavailable',
    instead({ status: 401, body: '<h1>Unauthorized</h1>' }),
    spent(1),
  ),
  refresh(
    'an error that is no text',
    'unsupported_authorization_server',
    instead({ status: 400, json: { error: { code: 'invalid_grant' } } }),
    spent(1),
  ),
  refresh(
    'a refusal that repeats the whole request in plain words',
    'unsupported_authorization_server',
    () =>
      ({ body }) => ({ status: 400, body: `Cannot process ${body}` }),
    spent(1),
  ),
  refresh(
    'temporarily_unavailable by another status (RFC 6749 §4.1.2.1)',
    'temporarily_unavailable',
    instead({ status: 400, json: { error: 'temporarily_unavailable' } }),
    spent(1),
  ),
  refresh('a redirect with the refresh token', 'temporarily_unavailable', (evil) =>
    always(redirect(`${evil}/token`, 308)),
  ),
  refresh(
    'an answer of 2 MiB before the grant is spent',
    'response_too_large',
    instead({ json: { x: 'x'.repeat(2 << 20) } }),
    spent(1),
  ),
  refresh(
    'no new refresh token: the old one stays',
    null,
    () => (_, __, app) => ({
      json: { access_token: app.admit(), token_type: 'bearer', expires_in: 900 },
    }),
    spent(1),
  ),
  refresh(
    'a grant that is over: no loop, no browser by itself',
    'sign_in_required',
    instead({ status: 400, json: { error: 'invalid_grant' } }),
    spent(1),
  ),
  {
    fault:
      'the refresh: a new token that the resource refuses all the same: one refresh, one retry, one sign-in',
    code: 'token_rejected',
    run: async (world) => {
      const app = await world.app();
      await world.signIn(app);
      // The browser may come late to the first sign-in's one-shot address, and find it used.
      const first = app.of(authorizationPath).map(({ query }) => query.get('state'));
      app.seen.length = 0;
      app.twists.page = () => ({
        status: 401,
        headers: {
          'www-authenticate': `Bearer resource_metadata="${app.at('/.well-known/cloudflare-access-protected-resource/')}"`,
        },
      });
      const fresh = async () =>
        (await world.openedAt(app)).filter(
          (url) => !first.includes(new URL(url).searchParams.get('state')),
        );
      const calling = world.call('access_fetch', { url: app.at('/') });
      await visit(new URL(await eventually(async () => (await fresh())[0])));
      const answer = await calling;
      return {
        answer,
        far: async () => {
          // The refresh and the code; what was signed in for just now is not refreshed.
          expect(app.of(tokenPath)).toHaveLength(2);
          expect(app.of('/')).toHaveLength(3);
          const again = await world.call('access_fetch', { url: app.at('/') });
          expect(again.json.error?.code).toBe('token_rejected');
          expect(await fresh()).toHaveLength(1);
        },
      };
    },
  },
  {
    fault: 'the refresh: words of the server that hold the refresh token are not repeated',
    code: 'temporarily_unavailable',
    run: async (world) => {
      const app = await world.app();
      await world.signIn(app);
      app.expire();
      app.twists.token = ({ body }) => ({
        status: 400,
        json: {
          error: 'server_error',
          error_description: `no ${new URLSearchParams(body).get('refresh_token')}`,
        },
      });
      const answer = await world.call('access_fetch', { url: app.at('/') });
      return { answer, far: () => expect(app.of(tokenPath).length).toBeGreaterThan(0) };
    },
  },
];

matrix('token endpoint', rows);
