/** What access_fetch does with start_index and save_to, against a real origin; no guard in between. */
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createCookieStore } from '../../src/http/cookies.ts';
import { createPages } from '../../src/http/pages.ts';
import type { Access } from '../../src/session/access.ts';
import type { Session } from '../../src/session/records.ts';
import { accessFetchInput } from '../../src/tools/access-fetch-input.ts';
import { runAccessFetch } from '../../src/tools/fetching.ts';
import type { ToolContext } from '../../src/tools/tool.ts';
import { directSend, origin } from '../http/origin.ts';

/** An origin that counts what it was asked, and a caller that signs in with the first request if told. */
async function scene({ signsIn = false } = {}) {
  const seen: string[] = [];
  const at = await origin((request, response) => {
    seen.push(request.method ?? '');
    response.end(`answer ${seen.length} `.repeat(20));
  });
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'fetching-')));
  onTestFinished(() => rm(folder, { recursive: true }));
  const send = directSend();
  let session: Session | undefined;
  const access: Pick<Access, 'sendHop'> & { sessions: Pick<Access['sessions'], 'find'> } = {
    sessions: { find: async () => session },
    async sendHop({ method, url, headers, body }) {
      const answer = await send({ method, url, headers, ...(body ? { body } : {}) });
      if (signsIn) {
        const [resource, accessToken] = [url.origin, 'oauth:abcdef'];
        session = { format: 1, resource, method: 'authorization_code', accessToken, obtainedAt: 0 };
      }
      return { ...answer, auth: 'none', secrets: [] };
    },
  };
  const context: ToolContext = {
    access: access as Access,
    signal: new AbortController().signal,
    askPerson: async () => 'unavailable',
    roots: async () => [folder],
    kept: { pages: createPages({ now: () => 0 }), cookies: createCookieStore() },
    temporary: { write: () => Promise.reject(new Error('nothing temporary is written here')) },
  };
  const fetch = async (more: object) => {
    const input = accessFetchInput.parse({ url: at.href, max_length: 10, ...more });
    const [head, body] = (await runAccessFetch(input, context)).content as { text: string }[];
    return { head: JSON.parse(head?.text ?? ''), body: body?.text };
  };
  return { seen, folder, fetch };
}

test('goes on in the kept answer, also when the first call signed in (contract §2, start_index)', async () => {
  const { seen, fetch } = await scene({ signsIn: true });
  const first = await fetch({ method: 'POST', body: 'x' });
  const second = await fetch({ method: 'POST', body: 'x', start_index: 10 });
  expect([first.body, second.body]).toEqual(['answer 1 a', 'nswer 1 an']);
  expect(seen).toEqual(['POST']);
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
