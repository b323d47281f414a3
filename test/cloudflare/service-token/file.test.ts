import { describe, expect, test } from 'vitest';
import {
  checkServiceTokenPair,
  parseServiceTokensFile,
} from '../../../src/cloudflare/service-token/file.ts';

const id = `${'0f'.repeat(16)}.access`;
const newSecret = `cfast_${'Ab3'.repeat(16)}`;
const oldSecret = '0a'.repeat(32);

describe('a pair', () => {
  test.each([newSecret, oldSecret])('of either shape is fine (§4)', (secret) => {
    expect(checkServiceTokenPair(id, secret)).toEqual({ problems: [], warnings: [] });
  });

  test.each([
    ['', oldSecret],
    [id, ''],
    [id, `${oldSecret}\r\nX-Injected: 1`],
    [`${id}\n`, oldSecret],
    [id, `${oldSecret} `],
    [id, `${oldSecret}\0`],
    [id, `${oldSecret}é`],
    [`CF-Access-Client-Id: ${id}`, oldSecret],
    [id, `cf-access-client-secret:${oldSecret}`],
    [oldSecret, id],
    [id, 'x'.repeat(5000)],
  ])('that cannot be one is refused without a value being named', (clientId, clientSecret) => {
    const { problems } = checkServiceTokenPair(clientId, clientSecret);
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain(oldSecret);
    expect(problems.join()).not.toContain(id);
  });

  test('of a strange shape is warned about and can be sent', () => {
    const { problems, warnings } = checkServiceTokenPair('someone', 'opaque');
    expect(problems).toEqual([]);
    expect(warnings).toHaveLength(2);
  });
});

describe('CF_ACCESS_SERVICE_TOKENS_FILE', () => {
  const entry = {
    hosts: ['a.example.com', '*.corp.example.com'],
    client_id: id,
    client_secret: newSecret,
  };

  test('gives its tokens', async () => {
    const read = await parseServiceTokensFile(`\uFEFF${JSON.stringify([entry])}`);
    expect(read).toMatchObject({ problems: [], warnings: [] });
    expect(read.tokens).toHaveLength(1);
    expect(read.tokens[0]).toMatchObject({ clientId: id, clientSecret: newSecret, general: false });
    expect(read.tokens[0]?.hosts).toHaveLength(2);
  });

  test.each([
    ['', 'not valid JSON'],
    [`[{"client_secret":"${oldSecret}"`, 'not valid JSON'],
    ['{}', 'not a JSON array'],
    ['null', 'not a JSON array'],
    ['[null]', 'entry 1: is not an object'],
    ['[[]]', 'entry 1: is not an object'],
    [JSON.stringify([{ ...entry, hosts: [] }]), 'entry 1: hosts is not a list'],
    [JSON.stringify([{ ...entry, hosts: 'a.example.com' }]), 'entry 1: hosts is not a list'],
    [JSON.stringify([{ ...entry, hosts: [1] }]), 'entry 1: hosts is not a list'],
    [JSON.stringify([{ ...entry, hosts: ['a.example.com', '*'] }]), 'entry 1: host 2 is a bare *'],
    [
      JSON.stringify([{ ...entry, hosts: ['*.com'] }]),
      'entry 1: host 1 is a wildcard under a public suffix',
    ],
    [JSON.stringify([{ ...entry, hosts: [''] }]), 'entry 1: host 1 is not a valid host'],
    [JSON.stringify([{ ...entry, client_secret: 7 }]), 'entry 1: client_secret is missing'],
    [JSON.stringify([{ hosts: entry.hosts }]), 'entry 1: client_id is missing'],
    [
      JSON.stringify([{ ...entry, client_id: 'a\r\nb' }]),
      'entry 1: the client ID contains a line break',
    ],
    [JSON.stringify([{ ...entry, secret: oldSecret }]), 'entry 1: has 1 unknown field'],
    [
      JSON.stringify([entry, { ...entry, hosts: ['A.example.com'] }]),
      'entries 1 and 2 name the same host',
    ],
  ])('is refused as a whole, without a value being named: %#', async (text, problem) => {
    const read = await parseServiceTokensFile(text);
    expect(read.tokens).toEqual([]);
    expect(read.problems.join('\n')).toContain(problem);
    for (const secret of [id, oldSecret, newSecret])
      expect(read.problems.join()).not.toContain(secret);
  });

  test('tells all of its problems at once', async () => {
    const { problems } = await parseServiceTokensFile(
      JSON.stringify([{}, { ...entry, hosts: ['*'] }, 3]),
    );
    expect(problems.map((problem) => problem.slice(0, 7))).toEqual([
      'entry 1',
      'entry 1',
      'entry 1',
      'entry 2',
      'entry 3',
    ]);
  });
});
