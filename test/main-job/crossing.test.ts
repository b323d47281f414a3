/**
 * What was given to one person does not reach the next: cookies and kept answers are theirs whose
 * credential was sent, also where the sign-in happens within the call or behind a redirect.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  type HostileApplication,
  startHostileApplication,
} from '../support/hostile-application.ts';
import { type HostileOrigin, redirect, startHostileOrigin } from '../support/hostile-origin.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let app: HostileApplication;
let front: HostileOrigin;
let server: TestServer;
let signIns = 0;

beforeEach(async () => {
  signIns = 0;
  app = await startHostileApplication({
    page: ({ headers, path }) => ({
      headers: { 'set-cookie': `sid=${headers.authorization?.slice(-6)}; Path=/` },
      body: `${path} of the person with ${headers.authorization?.slice(-6)}`,
    }),
  });
  front = await startHostileOrigin(({ path }) => redirect(app.at(path)));
  server = await startServer({ environment: { CF_ACCESS_HOSTS: 'localhost' } });
});
afterEach(async () => {
  await server.close();
  await app.close();
  await front.close();
});

/** Somebody signs in within this call. */
async function signingIn(args: Record<string, unknown>) {
  const call = server.call('access_fetch', args);
  const url = await eventually(async () => (await server.opened())[signIns]);
  signIns += 1;
  await fetch(url);
  const answer = await call;
  expect(answer.json).toMatchObject({ status: 200 });
  return answer;
}

/** From now on nobody is signed in. */
function signOut() {
  app.expire();
  app.twists = {
    ...app.twists,
    token: ({ body }, honest) =>
      body.includes('grant_type=refresh_token')
        ? { status: 400, json: { error: 'invalid_grant' } }
        : honest(),
  };
}

const letIn = (path: string) =>
  app
    .of(path)
    .filter(({ headers }) => app.issued.some((one) => headers.authorization?.endsWith(one)));

for (const [name, at] of [
  ['asked itself', (path: string) => app.at(path)],
  ['behind a redirect', (path: string) => front.at(path)],
] as const) {
  it(`neither a cookie nor a kept answer of an application ${name} reaches the next person`, async () => {
    const url = at('/a');
    await signingIn({ url, max_length: 6 });
    await server.call('access_fetch', { url, max_length: 6 });
    const first = letIn('/a').at(-1);
    expect(first?.headers.cookie).toBe(`sid=${first?.headers.authorization?.slice(-6)}`);
    const asked = app.of('/a').length;
    const more = await server.call('access_fetch', { url, start_index: 6 });
    expect(more.body).toContain(first?.headers.authorization?.slice(-6));
    expect(app.of('/a')).toHaveLength(asked);

    signOut();
    await signingIn({ url: at('/b') });
    const second = letIn('/b').at(-1);
    expect(second?.headers.authorization).not.toBe(first?.headers.authorization);
    expect(second?.headers.cookie).toBeUndefined();
    const theirs = await server.call('access_fetch', { url, start_index: 6 });
    expect(theirs.body).toContain(second?.headers.authorization?.slice(-6));
    expect(app.of('/a').length).toBeGreaterThan(asked);
  });
}
