/**
 * The demo's scenes: from a challenge to a page, an expired token, and applications without Managed OAuth.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import type { RecordedRequest } from '../../sandbox/server/request-log.ts';
import { signInAs } from '../../sandbox/team/person.ts';
import { atPath } from '../../secure-url.ts';
import type { Host, ToolResult } from './host.ts';
import { DemoFailure, type StepRunner } from './steps.ts';
import { count, watch } from './wire.ts';

export interface Scene {
  readonly runner: StepRunner;
  readonly sandbox: Sandbox;
  readonly host: Host;
  /** True: the person at the screen signs in. False: the demo does it for them. */
  readonly browser: boolean;
  readonly signal: AbortSignal;
}

const atOnce = 5;

export async function play(scene: Scene): Promise<void> {
  const expiresAt = await signIn(scene);
  await fetchPage(scene);
  await refresh(scene, expiresAt);
  await giveToken(scene);
  await transfer(scene);
  await serviceToken(scene);
}

async function signIn(scene: Scene): Promise<number> {
  const { runner, sandbox, host } = scene;
  const url = wiki(sandbox);
  await runner.step('detect_protection: what guards the wiki?', async (step) => {
    const traffic = watch(sandbox);
    const { json } = await call(host, 'detect_protection', { url });
    step.prove('it is Managed OAuth', json.protection === 'managed_oauth');
    step.prove(
      `people sign in at ${sandbox.team.host}`,
      json.authorization_server === sandbox.team.origin,
    );
    step.prove('no credential was sent', traffic().program.every(withoutCredential));
    for (const line of traffic().lines()) step.wire(line);
  });
  return runner.step('authenticate: a person signs in once, in a browser', async (step) => {
    const traffic = watch(sandbox);
    const { json } = await untilSignedIn(scene, () => call(host, 'authenticate', { url }));
    step.prove(
      `${scene.browser ? 'the person' : sandbox.people[0]} is signed in`,
      json.status === 'authenticated' && json.method === 'authorization_code',
    );
    const expiresAt = Date.parse(String(json.expires_at));
    const lifetimeMs = expiresAt - Date.now();
    step.prove(
      `the access token expires in ${Math.round(lifetimeMs)} ms`,
      lifetimeMs > 0 && lifetimeMs <= 2000,
    );
    for (const line of traffic().lines()) step.wire(line);
    return expiresAt;
  });
}

async function fetchPage({ runner, sandbox, host }: Scene): Promise<void> {
  await runner.step('access_fetch: the page, as that person', async (step) => {
    const traffic = watch(sandbox);
    const { json, body } = await call(host, 'access_fetch', { url: wiki(sandbox) });
    step.prove(
      'the answer is 200, with the session’s token',
      json.status === 200 && json.auth === 'oauth',
    );
    step.prove('the page was converted to Markdown', /^# Internal wiki$/m.test(body));
    step.say(`“${/^You are .*$/m.exec(body)?.[0] ?? ''}”`);
    step.prove('it took exactly one request', traffic().program.length === 1);
    for (const line of traffic().lines()) step.wire(line);
  });
}

async function refresh(scene: Scene, expiresAt: number): Promise<void> {
  const { runner, sandbox, host, signal } = scene;
  await runner.step('The token expires; five fetches at once', async (step) => {
    const left = Math.max(0, expiresAt - Date.now()) + 50;
    await sleep(left, undefined, { signal });
    step.say(`waited ${Math.round(left)} ms until the access token had expired`);
    const traffic = watch(sandbox);
    const results = await Promise.all(
      Array.from({ length: atOnce }, () =>
        call(host, 'access_fetch', { url: atPath(new URL(wiki(sandbox)), '/echo').href }),
      ),
    );
    step.prove(
      'all five got 200',
      results.every(({ json }) => json.status === 200),
    );
    step.prove(
      'exactly one refresh was made for all of them',
      count(traffic().program, 'token:refresh_token') === 1,
    );
    step.prove('nobody was asked to sign in', traffic().browser.length === 0);
    for (const line of traffic().lines()) step.wire(line);
  });
}

async function giveToken({ runner, sandbox, host, signal }: Scene): Promise<void> {
  await runner.step('get_token: for a program that makes its own requests', async (step) => {
    const traffic = watch(sandbox);
    const { json } = await call(host, 'get_token', { url: wiki(sandbox), min_ttl_seconds: 0 });
    const value = String(json.value);
    step.say(`${json.header}: Bearer … (${value.length - 'Bearer '.length} characters, not shown)`);
    const answer = await fetch(atPath(new URL(wiki(sandbox)), '/status/204'), {
      headers: { [String(json.header)]: value },
      redirect: 'manual',
      signal,
    });
    step.prove('a plain HTTP client gets through with it', answer.status === 204);
    for (const line of traffic().lines()) step.wire(line.replace('browser:', 'plain client:'));
  });
}

async function transfer(scene: Scene): Promise<void> {
  const { runner, sandbox, host } = scene;
  await runner.step('An application without Managed OAuth: browser transfer', async (step) => {
    const traffic = watch(sandbox);
    const url = sandbox.applications['browser-login'].url.href;
    const { json } = await untilSignedIn(scene, () => call(host, 'access_fetch', { url }));
    step.prove(
      'the answer is 200, with the application’s own token',
      json.status === 200 && json.auth === 'cf_access_token',
    );
    step.prove(
      'the token arrived encrypted, through the transfer service',
      count(traffic().program, 'transfer_poll') > 0,
    );
    for (const line of traffic().lines()) step.wire(line);
  });
}

async function serviceToken({ runner, sandbox, host }: Scene): Promise<void> {
  await runner.step('An application for machines: the service token', async (step) => {
    const traffic = watch(sandbox);
    const url = sandbox.applications['service-auth'].url.href;
    const { json } = await call(host, 'access_fetch', { url });
    step.prove(
      'the answer is 200, with the service token and no person',
      json.status === 200 && json.auth === 'service_token',
    );
    for (const line of traffic().lines()) step.wire(line);
  });
}

function withoutCredential({ headers }: RecordedRequest): boolean {
  const fields = ['authorization', 'cookie', 'cf-access-token', 'cf-access-client-secret'];
  return fields.every((name) => headers[name] === undefined);
}

/** The wiki's page, behind Managed OAuth. */
function wiki(sandbox: Sandbox): string {
  return atPath(sandbox.applications['managed-oauth'].url, '/wiki').href;
}

/** Repeats the call once the person has signed in, as agents are told to. */
async function untilSignedIn(scene: Scene, again: () => Promise<ToolResult>): Promise<ToolResult> {
  const { sandbox, browser, signal } = scene;
  let result = await again();
  if (browser) {
    while (authorizationUrl(result) !== undefined && !signal.aborted) result = await again();
    return result;
  }
  const url = authorizationUrl(result);
  if (url === undefined) throw new DemoFailure('Nobody was asked to sign in.');
  await signInAs(url, sandbox.people[0] ?? '', { signal });
  return again();
}

/** The address that a person has to open, if the result is waiting for a sign-in. */
function authorizationUrl({ json }: ToolResult): string | undefined {
  const error = json.error as { authorization_url?: unknown } | undefined;
  const url = error ? error.authorization_url : json.status === 'pending' && json.authorization_url;
  return typeof url === 'string' ? url : undefined;
}

/** Throws a tool's failure, unless it means that a sign-in has to be finished. */
async function call(host: Host, name: string, args: Record<string, unknown>): Promise<ToolResult> {
  const result = await host.call(name, args);
  const { error } = result.json as { error?: { code: string; message: string } };
  if (result.isError && error?.code !== 'sign_in_pending') {
    throw new DemoFailure(`${name} failed: ${error?.message ?? 'no message'}`);
  }
  return result;
}
