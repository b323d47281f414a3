/** The least OAuth client there can be, on plain fetch, so that the sandbox is tested by strangers' code. */
import { createHash, randomBytes } from 'node:crypto';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs, type Visited } from '../../src/sandbox/team/person.ts';

export const redirectUri = 'http://localhost:8400/callback';

export interface TokenAnswer {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  [other: string]: unknown;
}

export const oauthUrl = (sandbox: Sandbox, endpoint: string) =>
  new URL(`/cdn-cgi/access/oauth/${endpoint}`, sandbox.team);

export function postJson(url: URL, value: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(value) });
}

export function postForm(
  url: URL,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, { method: 'POST', headers, body: new URLSearchParams(fields) });
}

export async function register(
  sandbox: Sandbox,
  metadata: Record<string, unknown> = {},
): Promise<{ client_id: string; client_secret?: string }> {
  const answer = await postJson(oauthUrl(sandbox, 'registration'), {
    client_name: 'A test',
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: 'native',
    ...metadata,
  });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as { client_id: string; client_secret?: string };
}

/** A verifier whose challenge begins with a letter or digit. */
export function newVerifier(): { verifier: string; challenge: string } {
  for (;;) {
    const verifier = randomBytes(32).toString('base64url');
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    if (/^[A-Za-z0-9]/.test(challenge)) return { verifier, challenge };
  }
}

export function resourceOf(sandbox: Sandbox): string {
  return sandbox.applications['managed-oauth'].url.origin;
}

export function authorizationUrl(
  sandbox: Sandbox,
  clientId: string,
  challenge: string,
  changes: Record<string, string | undefined> = {},
): URL {
  const url = oauthUrl(sandbox, 'authorization');
  const all = {
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: 'the state',
    resource: resourceOf(sandbox),
    ...changes,
  };
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

/** Opens the address as a person would, up to the client's callback, which is not loaded. */
export function open(url: URL, person: string): Promise<Visited> {
  return signInAs(url, person, { stopAt: (at) => at.href.startsWith(redirectUri) });
}

export interface Code {
  clientId: string;
  verifier: string;
  code: string;
}

export async function obtainCode(
  sandbox: Sandbox,
  person = 'ada@example.com',
  changes: Record<string, string | undefined> = {},
): Promise<Code> {
  const { client_id: clientId } = await register(sandbox);
  const { verifier, challenge } = newVerifier();
  const { url } = await open(authorizationUrl(sandbox, clientId, challenge, changes), person);
  const code = url.searchParams.get('code');
  if (code === null) throw new Error(`No code at ${url.href}`);
  return { clientId, verifier, code };
}

export function redeem(
  sandbox: Sandbox,
  { clientId, verifier, code }: Code,
  changes: Record<string, string> = {},
): Promise<Response> {
  return postForm(oauthUrl(sandbox, 'token'), {
    grant_type: 'authorization_code',
    code,
    client_id: clientId,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    resource: resourceOf(sandbox),
    ...changes,
  });
}

export async function obtainTokens(
  sandbox: Sandbox,
  person?: string,
): Promise<TokenAnswer & { clientId: string }> {
  const code = await obtainCode(sandbox, person);
  const answer = await redeem(sandbox, code);
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return { ...((await answer.json()) as TokenAnswer), clientId: code.clientId };
}

export function refresh(
  sandbox: Sandbox,
  { clientId, refresh_token }: { clientId: string; refresh_token: string },
  changes: Record<string, string> = {},
): Promise<Response> {
  return postForm(oauthUrl(sandbox, 'token'), {
    grant_type: 'refresh_token',
    refresh_token,
    client_id: clientId,
    resource: resourceOf(sandbox),
    ...changes,
  });
}

/** The status of a request that carries this access token. */
export async function statusWith(
  sandbox: Sandbox,
  accessToken: string,
  name: keyof Sandbox['applications'] = 'managed-oauth',
): Promise<number> {
  const headers = { authorization: `Bearer ${accessToken}` };
  const url = new URL('/admin', sandbox.applications[name].url);
  const answer = await fetch(url, { headers, redirect: 'manual' });
  await answer.body?.cancel();
  return answer.status;
}
