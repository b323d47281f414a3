/** How the person is asked: by the host where it can, else by the browser, else in the result. */
import {
  CancelledNotificationSchema,
  ElicitationCompleteNotificationSchema,
  ElicitRequestSchema,
  type ElicitResult,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import {
  eventually,
  isModern,
  startServer,
  type TestServer,
  type TestServerOptions,
} from '../support/mcp-server.ts';

let sandbox: Sandbox;
let servers: TestServer[];

beforeEach(async () => {
  sandbox = await startSandbox();
  servers = [];
});
afterEach(async () => {
  for (const server of servers) await server.close();
  await sandbox.close();
});

const start = async (options: TestServerOptions = {}) => {
  const server = await startServer(options);
  servers.push(server);
  return server;
};
const url = () => sandbox.applications['managed-oauth'].url.href;
const person = () => sandbox.people[0] ?? '';
const opened = (server: TestServer) => eventually(async () => (await server.opened())[0]);

/** A host that shows URLs itself and lets `answer` decide. */
function urlMode(
  answer: (url: string) => ElicitResult['action'] | Promise<ElicitResult['action']>,
) {
  const asked: { url: string; message: string; id: string; request: unknown }[] = [];
  const completed: string[] = [];
  const takenBack: unknown[] = [];
  const options: TestServerOptions = {
    capabilities: { elicitation: { url: {} } },
    prepare: (client) => {
      client.setRequestHandler(ElicitRequestSchema, async ({ params }, { requestId: request }) => {
        if (params.mode !== 'url') throw new Error('a form was not expected');
        const { url, message, elicitationId: id } = params;
        asked.push({ url, message, id, request });
        return { action: await answer(params.url) };
      });
      client.setNotificationHandler(ElicitationCompleteNotificationSchema, ({ params }) => {
        completed.push(params.elicitationId);
      });
      client.setNotificationHandler(CancelledNotificationSchema, ({ params }) => {
        takenBack.push(params.requestId);
      });
    },
  };
  return { asked, completed, takenBack, options };
}

const later = <T>(milliseconds: number, answer: T) =>
  new Promise<T>((resolve) => setTimeout(() => resolve(answer), milliseconds));

describe('a host with URL-mode elicitation', () => {
  it('shows the address itself, no browser is opened, and it hears when the sign-in is done', async () => {
    const host = urlMode((address) => {
      signInAs(address, person());
      return 'accept';
    });
    const server = await start(host.options);
    const answer = await server.call('authenticate', { url: url() });
    expect(answer.json).toMatchObject({ status: 'authenticated' });
    expect(host.asked).toHaveLength(1);
    expect(host.asked[0]?.message).toContain(new URL(url()).host);
    expect(await server.opened()).toEqual([]);
    // The newer revision has no such notification: the answer to the repeated call tells.
    if (!isModern) expect(await eventually(() => host.completed[0])).toBe(host.asked[0]?.id);
  });

  it('whose person declines after two seconds ends the sign-in, and the agent is told to stop', async () => {
    const host = urlMode(() => later(2_000, 'decline'));
    const server = await start(host.options);
    const answer = await server.call('authenticate', { url: url() });
    expect(answer.json.error?.code).toBe('sign_in_declined');
    expect(await server.opened()).toEqual([]);
  });

  it('whose person dismisses the question leaves the sign-in open, with the address in the result', async () => {
    const host = urlMode(() => later(2_000, 'cancel'));
    const server = await start(host.options);
    const answer = await server.call('authenticate', { url: url() });
    expect(answer.json).toMatchObject({ status: 'pending' });
    await signInAs(String(answer.json.authorization_url), person());
    expect((await server.call('authenticate', { url: url() })).json).toMatchObject({
      status: 'authenticated',
    });
    expect(await server.opened()).toEqual([]);
  });

  // As Codex 0.169 and `claude -p` do: nobody has seen the question.
  it.each(['decline', 'cancel'] as const)(
    'that answers %s within 5 ms has the browser opened, and the address is in the result',
    async (action) => {
      const host = urlMode(() => later(5, action));
      const server = await start(host.options);
      const pending = await server.call('authenticate', { url: url(), wait_seconds: 1 });
      expect(pending.json).toMatchObject({ status: 'pending' });
      expect(pending.content[0]?.text).toContain(host.asked[0]?.url);
      expect(await server.opened()).toEqual([pending.json.authorization_url]);
      await signInAs(await opened(server), person());
      expect((await server.call('authenticate', { url: url() })).json).toMatchObject({
        status: 'authenticated',
      });
      expect(await server.opened()).toHaveLength(1);
      expect(host.asked).toHaveLength(1);
    },
  );

  it('that answers decline within 5 ms where no browser opens leaves the address alone', async () => {
    const host = urlMode(() => later(5, 'decline'));
    const server = await start({ ...host.options, browser: '/bin/false' });
    const pending = await server.call('authenticate', { url: url() });
    expect(pending.json).toMatchObject({ status: 'pending' });
    await signInAs(String(pending.json.authorization_url), person());
    expect((await server.call('authenticate', { url: url() })).json).toMatchObject({
      status: 'authenticated',
    });
  });

  // In the newer revision the host keeps the call to itself meanwhile: input-required.test.ts.
  it.skipIf(isModern)(
    'that never answers has the address in the result, and its question is taken back in the end',
    async () => {
      const host = urlMode(() => new Promise(() => {}));
      const server = await start(host.options);
      const pending = await server.call('authenticate', { url: url(), wait_seconds: 1 });
      expect(pending.json).toMatchObject({ status: 'pending' });
      expect(host.takenBack).toEqual([]);
      await signInAs(String(pending.json.authorization_url), person());
      expect((await server.call('authenticate', { url: url() })).json).toMatchObject({
        status: 'authenticated',
      });
      await eventually(() => (host.takenBack.length > 0 ? true : undefined));
      expect(host.takenBack).toEqual([host.asked[0]?.request]);
      expect(await server.opened()).toEqual([]);
    },
  );

  it.skipIf(isModern)('that fails to ask has the browser opened instead', async () => {
    const host = urlMode(() => Promise.reject(new Error('no window')));
    const server = await start(host.options);
    const signingIn = server.call('authenticate', { url: url() });
    await signInAs(await opened(server), person());
    expect((await signingIn).json).toMatchObject({ status: 'authenticated' });
  });

  it('that dies while the person signs in loses nothing: the next server has the session', async () => {
    const host = urlMode(() => new Promise(() => {}));
    const server = await start(host.options);
    server.call('authenticate', { url: url() }).catch(() => {});
    const address = await eventually(() => host.asked[0]?.url);
    process.kill(server.pid, 'SIGKILL');
    const other = await start({ dataDir: server.dataDir });
    const joining = other.call('authenticate', { url: url() });
    const signingIn = eventually(async () => {
      const { status } = await signInAs(address, person());
      return status === 200 ? true : undefined;
    });
    expect(await signingIn).toBe(true);
    expect((await joining).json).toMatchObject({ status: 'authenticated' });
    expect(await other.opened()).toEqual([]);
  });
});

describe('a host without URL-mode elicitation', () => {
  it.each([
    ['none at all', {}],
    ['forms alone', { elicitation: {} }],
    ['forms by name', { elicitation: { form: {} } }],
  ])('(%s) has the browser opened', async (_, capabilities) => {
    const server = await start({ capabilities });
    const signingIn = server.call('authenticate', { url: url() });
    await signInAs(await opened(server), person());
    expect((await signingIn).json).toMatchObject({ status: 'authenticated' });
    expect(await server.opened()).toHaveLength(1);
  });

  it('and without a browser gets the address at once, and can hand over where it ended', async () => {
    const server = await start({ browser: '/bin/false' });
    const startedAt = performance.now();
    const pending = await server.call('authenticate', { url: url() });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(pending.json).toMatchObject({ status: 'pending' });
    expect(JSON.stringify(pending.content[0]?.text)).toContain('callback_url');
    // The person's browser is on another machine: nothing of ours listens there.
    const { url: end } = await signInAs(String(pending.json.authorization_url), person(), {
      stopAt: (address) => address.pathname === '/callback',
    });
    const wrong = new URL(end);
    wrong.searchParams.set('state', 'somebody-else');
    const refused = await server.call('authenticate', { url: url(), callback_url: wrong.href });
    expect(refused.json.error?.code).toBe('sign_in_expired');
    const answer = await server.call('authenticate', { url: url(), callback_url: end.href });
    expect(answer.json).toMatchObject({ status: 'authenticated', method: 'authorization_code' });
    const again = await server.call('authenticate', { url: url(), callback_url: end.href });
    expect(again.json).toMatchObject({ status: 'authenticated' });
  });

  it('spends nothing on an address that is handed over for another application', async () => {
    const server = await start({ browser: '/bin/false' });
    const pending = await server.call('authenticate', { url: url() });
    const { url: end } = await signInAs(String(pending.json.authorization_url), person(), {
      stopAt: (address) => address.pathname === '/callback',
    });
    const other = sandbox.applications['managed-oauth-path'].url.href;
    const wrong = await server.call('authenticate', { url: other, callback_url: end.href });
    expect(wrong.json.error?.code).toBe('sign_in_expired');
    expect(sandbox.requests.filter(({ what }) => what.startsWith('token:'))).toEqual([]);
    const right = await server.call('authenticate', { url: url(), callback_url: end.href });
    expect(right.json).toMatchObject({ status: 'authenticated' });
  });
});

describe('while the person signs in', () => {
  it('a call that asked for progress hears of it, and cancelling leaves the sign-in open', async () => {
    const server = await start();
    const heard: string[] = [];
    const controller = new AbortController();
    const call = server.client.callTool(
      { name: 'authenticate', arguments: { url: url(), wait_seconds: 60 } },
      undefined,
      {
        signal: controller.signal,
        timeout: 60_000,
        onprogress: ({ message }) => heard.push(message ?? ''),
      },
    );
    const cancelled = expect(call).rejects.toThrow();
    expect(await eventually(() => heard[0], 15_000)).toMatch(
      /^Waiting for the sign-in at .+, \d+ s$/,
    );
    controller.abort();
    await cancelled;
    await signInAs(await opened(server), person());
    const answer = await eventually(async () => {
      const { json } = await server.call('authenticate', { url: url(), wait_seconds: 5 });
      return json.status === 'authenticated' ? json : undefined;
    });
    expect(answer).toMatchObject({ status: 'authenticated' });
    expect(await server.opened()).toHaveLength(1);
  });

  it('a call answers pending when its time is up, and later calls join without a second tab', async () => {
    const server = await start();
    const pending = await server.call('authenticate', { url: url(), wait_seconds: 0 });
    expect(pending.json).toMatchObject({ status: 'pending', method: 'authorization_code' });
    expect(pending.structured).toEqual(pending.json);
    // A second person may have to approve, so it is an hour; the text says until when.
    const leftMs = Date.parse(String(pending.json.expires_at)) - Date.now();
    expect(leftMs).toBeGreaterThan(50 * 60_000);
    expect(leftMs).toBeLessThanOrEqual(60 * 60_000);
    expect(pending.json.next_step).toContain(String(pending.json.expires_at));
    const again = await server.call('authenticate', { url: url(), wait_seconds: 1 });
    expect(again.json.authorization_url).toBe(pending.json.authorization_url);
    const fetched = await server.call('access_fetch', { url: url(), timeout_seconds: 2 });
    expect(fetched.json.error).toMatchObject({
      code: 'sign_in_pending',
      authorization_url: pending.json.authorization_url,
      expires_at: pending.json.expires_at,
    });
    await signInAs(String(pending.json.authorization_url), person());
    expect((await server.call('access_fetch', { url: url() })).json).toMatchObject({ status: 200 });
    expect(await server.opened()).toHaveLength(1);
  });
});

describe('what hosts show beside the tools', () => {
  it('a prompt that asks to sign in, and the sessions without their tokens', async () => {
    const server = await start();
    const { prompts } = await server.client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(['sign_in']);
    const prompt = await server.client.getPrompt({ name: 'sign_in', arguments: { url: url() } });
    expect(JSON.stringify(prompt.messages)).toContain(new URL(url()).host);
    const signingIn = server.call('authenticate', { url: url() });
    await signInAs(await opened(server), person());
    await signingIn;
    const { resources } = await server.client.listResources();
    const { contents } = await server.client.readResource({ uri: resources[0]?.uri ?? '' });
    const text = JSON.stringify(contents);
    expect(text).toContain('authorization_code');
    expect(text).not.toMatch(/oauth:/);
    expect(server.client.getServerVersion()?.icons).toHaveLength(1);
  });
});
