/** What access_fetch does with start_index and save_to, against a real origin; no guard in between. */
import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Access } from '../../src/access/access.ts';
import { createPages } from '../../src/answer/kept-answers.ts';
import { createPageThreads } from '../../src/answer/page-threads.ts';
import { createCookieStore } from '../../src/http/cookies/cookie-store.ts';
import { createConcealers } from '../../src/secrets/concealer.ts';
import type { Session } from '../../src/session/records.ts';
import { sessionCredential } from '../../src/session/resource-credential.ts';
import { accessFetchInput } from '../../src/tools/access-fetch-input.ts';
import { runAccessFetch } from '../../src/tools/fetching.ts';
import type { ToolContext } from '../../src/tools/tool.ts';
import { directSend, origin } from '../http/origin.ts';
import { inTime } from '../support/in-time.ts';

/** An origin that counts what it was asked, and a caller that signs in with the first request if told. */
async function scene({ signsIn = false, status = 200 } = {}) {
  const seen: string[] = [];
  const cookies: string[] = [];
  const accepted: string[] = [];
  const at = await origin((request, response) => {
    seen.push(request.method ?? '');
    cookies.push(request.headers.cookie ?? '');
    accepted.push(request.headers.accept ?? '');
    response.statusCode = status;
    response.setHeader('set-cookie', `sid=${seen.length}`);
    response.end(`answer ${seen.length} `.repeat(20));
  });
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'fetching-')));
  onTestFinished(() => rm(folder, { recursive: true }));
  const send = directSend();
  const signedIn: { as?: number; session?: Session } = {};
  const who = () => {
    const session = signedIn.session;
    return session ? sessionCredential(session).identity : '';
  };
  const access: Pick<Access, 'sendHop' | 'limits' | 'identityAt'> = {
    limits: { readOnly: false },
    identityAt: async () => who(),
    async sendHop({ method, url, headers: own, body, cookies }) {
      const headers = cookies?.attach(url, own, who()) ?? own;
      const answer = await send({
        method,
        url,
        signal: inTime(),
        headers,
        ...(body ? { body } : {}),
      });
      if (signsIn) {
        const [resource, accessToken, obtainedAt] = [url.origin, 'oauth:abcdef', Date.now()];
        const { as: signedInAt = 0 } = signedIn;
        const method = 'authorization_code';
        signedIn.session = { format: 1, resource, method, accessToken, obtainedAt, signedInAt };
      }
      return { ...answer, auth: 'none', identity: who(), secrets: [] };
    },
  };
  const context: ToolContext = {
    access: access as Access,
    signal: new AbortController().signal,
    askPerson: async () => 'unavailable',
    places: async () => ({ roots: [folder], offLimits: [] }),
    kept: {
      pages: createPages({ now: () => 0 }),
      cookies: createCookieStore(),
      concealers: createConcealers(),
      threads: createPageThreads(),
    },
    temporary: { write: () => Promise.reject(new Error('nothing temporary is written here')) },
  };
  const fetch = async (more: object) => {
    const input = accessFetchInput.parse({ url: at.href, max_length: 10, ...more });
    const [head, body] = (await runAccessFetch(input, context)).content as { text: string }[];
    return { head: JSON.parse(head?.text ?? ''), body: body?.text };
  };
  return { seen, cookies, accepted, folder, fetch, signedIn };
}

test('goes on in the kept answer, also when the first call signed in (contract §2, start_index)', async () => {
  const { seen, fetch } = await scene({ signsIn: true });
  const first = await fetch({ method: 'POST', body: 'x' });
  const second = await fetch({ method: 'POST', body: 'x', start_index: 10 });
  expect([first.body, second.body]).toEqual(['answer 1 a', 'nswer 1 an']);
  expect(seen).toEqual(['POST']);
});

test('reads on in nobody else’s answer, and brings along nobody else’s cookies', async () => {
  const { seen, cookies, fetch, signedIn } = await scene({ signsIn: true });
  await fetch({});
  expect((await fetch({ start_index: 10 })).body).toBe('nswer 1 an');
  await fetch({});
  expect(cookies).toEqual(['', 'sid=1']);
  // Refreshed meanwhile: still the same person.
  signedIn.session = { ...(signedIn.session as Session), accessToken: 'oauth:2', obtainedAt: 1 };
  expect((await fetch({ start_index: 10 })).body).toBe('nswer 2 an');
  signedIn.as = 7;
  signedIn.session = { ...(signedIn.session as Session), signedInAt: 7 };
  expect((await fetch({ start_index: 10 })).body).toBe('nswer 3 an');
  expect(seen).toHaveLength(3);
  expect(cookies.at(-1)).toBe('');
});

test('sends a POST whose answer is not kept no second time only to read on', async () => {
  const { seen, fetch } = await scene();
  await expect(fetch({ method: 'POST', body: 'x', start_index: 10 })).rejects.toMatchObject({
    code: 'invalid_input',
  });
  expect(seen).toEqual([]);
  expect((await fetch({ start_index: 10 })).body).toBe('nswer 1 an');
});

test('saves all of the answer although start_index says to go on in it', async () => {
  const { folder, fetch } = await scene();
  await fetch({});
  const { head } = await fetch({ start_index: 10, save_to: 'page' });
  expect(head.saved_to).toBe(join(folder, 'page'));
  expect(await readFile(join(folder, 'page'), 'utf8')).toBe('answer 2 '.repeat(20));
});

test('says that an error is not saved, and shows it', async () => {
  const { folder, fetch } = await scene({ status: 404 });
  const { head, body } = await fetch({ save_to: 'page' });
  expect(head).toMatchObject({ status: 404, saved_to: null });
  expect(head.note).toContain('Not saved: the status is 404; here is the body.');
  expect(body).toBe('answer 1 a');
  expect(await readdir(folder)).toEqual([]);
  expect((await fetch({})).head.note).toBeUndefined();
});

test('asks for Markdown where the agent wants text, and says what it takes nowhere itself', async () => {
  const { accepted, fetch } = await scene();
  await fetch({});
  await fetch({ format: 'markdown' });
  await fetch({ format: 'raw' });
  await fetch({ save_to: 'page' });
  await fetch({ headers: { Accept: 'application/json' } });
  const markdown = 'text/markdown, */*;q=0.9';
  expect(accepted).toEqual([markdown, markdown, '*/*', '*/*', 'application/json']);
});
