import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { decline, signInAs } from '../../../src/sandbox/team/person.ts';
import { oauthUrl, postForm, register, resourceOf, statusWith } from '../oauth-client.ts';
import { readJson } from '../raw-request.ts';

const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';

let sandbox: Sandbox;
let client_id: string;
beforeAll(async () => {
  sandbox = await startSandbox({ announceDeviceFlow: true, deviceIntervalSeconds: 0.05 });
  ({ client_id } = await register(sandbox, { grant_types: [grant_type, 'refresh_token'] }));
});
afterAll(() => sandbox.close());

async function begin(on = sandbox, client = client_id): Promise<Record<string, string>> {
  const form = { client_id: client, resource: resourceOf(on) };
  const answer = await postForm(oauthUrl(on, 'device_authorization'), form);
  expect(answer.status).toBe(200);
  return readJson<Record<string, string>>(answer);
}

async function ask(device_code: string | undefined, on = sandbox, client = client_id) {
  const form = { client_id: client, grant_type, device_code: device_code ?? '' };
  const answer = await postForm(oauthUrl(on, 'token'), form);
  return readJson<Record<string, string>>(answer);
}

test('a person types the code elsewhere, and the device gets its tokens (RFC 8628 §3)', async () => {
  const started = await begin();
  expect(started).toMatchObject({
    device_code: expect.any(String),
    user_code: expect.stringMatching(/^[B-Z]{4}-[B-Z]{4}$/),
    verification_uri: `${oauthUrl(sandbox, 'device')}`,
    expires_in: 600,
    interval: 0.05,
  });
  const visited = await signInAs(String(started.verification_uri), 'ada@example.com', {
    userCode: String(started.user_code).toLowerCase().replace('-', ' '),
  });
  expect([visited.status, visited.page]).toEqual([200, expect.stringContaining('Signed in')]);
  const tokens = await ask(started.device_code);
  expect(await statusWith(sandbox, String(tokens.access_token))).toBe(200);
  expect((await ask(started.device_code)).error).toBe('invalid_grant');
});

test('the complete address needs no typing; declining reaches the device (RFC 8628 §3.5)', async () => {
  for (const person of [decline, sandbox.refusedPerson]) {
    const started = await begin();
    const visited = await signInAs(String(started.verification_uri_complete), person);
    expect(visited.status).toBe(403);
    expect((await ask(started.device_code)).error).toBe('access_denied');
  }
});

test('who asks too soon is told to slow down, by five seconds more (RFC 8628 §3.5)', async () => {
  const slow = await startSandbox({ announceDeviceFlow: true, deviceIntervalSeconds: 0.4 });
  try {
    const client = (await register(slow, { grant_types: [grant_type] })).client_id;
    const { device_code } = await begin(slow, client);
    expect((await ask(device_code, slow, client)).error).toBe('authorization_pending');
    expect((await ask(device_code, slow, client)).error).toBe('slow_down');
    const asked = performance.now();
    await expect.poll(() => performance.now() - asked).toBeGreaterThan(450);
    expect((await ask(device_code, slow, client)).error).toBe('slow_down');
  } finally {
    await slow.close();
  }
});

test('a device code is for its client, and expires', async () => {
  const other = await register(sandbox, { grant_types: [grant_type] });
  const { device_code } = await begin();
  expect((await ask(device_code, sandbox, other.client_id)).error).toBe('invalid_grant');
  const brief = await startSandbox({ announceDeviceFlow: true, deviceCodeSeconds: 0 });
  try {
    const client = (await register(brief, { grant_types: [grant_type] })).client_id;
    const expired = await begin(brief, client);
    expect((await ask(expired.device_code, brief, client)).error).toBe('expired_token');
    const visited = await signInAs(String(expired.verification_uri_complete), 'ada@example.com');
    expect(visited.status).toBe(400);
  } finally {
    await brief.close();
  }
});
