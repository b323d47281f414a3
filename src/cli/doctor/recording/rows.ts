/**
 * Finds the row of docs/cloudflare-access.md §1 that a recorded answer belongs to, and what it must then
 * contain.
 */
import type { Answer } from './recording.ts';

/** The rows of §1, distinguished by the answer to the first request. */
export type Row =
  | 'managed OAuth'
  | 'a login page'
  | 'Service Auth policies alone'
  | 'a refusal of whoever asks'
  | 'an application that uses Access as its identity provider'
  | 'no application'
  | 'a tunnel that is down'
  | 'the application’s own answer'
  | undefined;

export interface Judgement {
  readonly compared_with: string;
  /** Undefined if the page does not describe it. */
  readonly how: readonly string[] | undefined;
}

/** How the answer would differ, and whether it is as expected. */
export type Expectation = readonly [words: string, isSo: boolean];

export const missed = (...expected: readonly Expectation[]): string[] =>
  expected.filter(([, isSo]) => !isSo).map(([words]) => words);

const all = ({ fields }: Answer, name: string): string[] =>
  fields.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
export const field = (answer: Answer, name: string): string => all(answer, name).join(', ');

const accessLogin = /^(?:https:\/\/\{host-\d+\})?\/cdn-cgi\/access\/login\/\{host-\d+\}\?/;
const metadataAddress =
  /resource_metadata="https:\/\/\{host-1\}\/\.well-known\/cloudflare-access-protected-resource\//;

export function rowOf(answer: Answer | undefined): Row {
  if (answer === undefined) return undefined;
  const { status, body } = answer;
  const location = field(answer, 'location');
  const challenge = field(answer, 'www-authenticate');
  const words = JSON.stringify(body);
  if (status === 401 && /^Bearer\b/i.test(challenge)) return 'managed OAuth';
  if (accessLogin.test(location) || /^Cloudflare-Access\b/.test(challenge)) return 'a login page';
  if (location.includes('/cdn-cgi/access/sso/')) {
    return 'an application that uses Access as its identity provider';
  }
  if (field(answer, 'cf-access-error') !== '') return 'a refusal of whoever asks';
  if (/\b1043\b/.test(words)) return 'no application';
  if (status === 530) return 'a tunnel that is down';
  if (field(answer, 'cf-access-aud') !== '' || field(answer, 'cf-access-domain') !== '') {
    return 'Service Auth policies alone';
  }
  return status === 401 || status === 403 ? undefined : 'the application’s own answer';
}

export function judgeRow(answer: Answer, row: Row): Judgement {
  const compared_with = row === undefined ? '§1' : `§1, ${row}`;
  if (row === undefined) return { compared_with, how: undefined };
  return { compared_with, how: missed(...expectations(answer, row)) };
}

function expectations(answer: Answer, row: NonNullable<Row>): Expectation[] {
  const { status, body } = answer;
  const is = (...statuses: number[]): Expectation => [
    `the status is ${status}, not ${statuses.join(' or ')}`,
    statuses.includes(status),
  ];
  const challenge = field(answer, 'www-authenticate');
  const names: Expectation = [
    'the challenge does not name the metadata at Access’s own address on this host',
    metadataAddress.test(challenge),
  ];
  switch (row) {
    case 'managed OAuth':
      return [
        is(401),
        names,
        ['the challenge’s realm is not "OAuth"', challenge.includes('realm="OAuth"')],
        ['the challenge’s error is not invalid_token', challenge.includes('error="invalid_token"')],
        [
          'the body is not JSON with error, error_description and resource_metadata',
          hasMembers(answer, 'error', 'error_description', 'resource_metadata'),
        ],
      ];
    case 'a login page':
      return [is(302), ...loginExpectations(answer), names];
    case 'Service Auth policies alone':
      return [
        is(403, 401),
        ['there is no cf-access-aud', field(answer, 'cf-access-aud') !== ''],
        ['there is no cf-access-domain', field(answer, 'cf-access-domain') !== ''],
      ];
    case 'a refusal of whoever asks':
    case 'no application':
      return [is(403)];
    case 'an application that uses Access as its identity provider':
      return [is(301, 302, 303, 307, 308)];
    case 'a tunnel that is down':
      return [['the body is not error code: 1033', JSON.stringify(body).includes('1033')]];
    case 'the application’s own answer':
      return [];
  }
}

export function loginExpectations(answer: Answer): Expectation[] {
  const location = field(answer, 'location');
  return [
    ['the redirect does not lead to the login page', accessLogin.test(location)],
    ['kid is no audience tag', /[?&]kid=\{aud-\d+\}/.test(location)],
    ['meta is no JWT', /[?&]meta=\{jwt-\d+\}/.test(location)],
    ['there is no redirect_url', /[?&]redirect_url=/.test(location)],
    [
      'no CF_AppSession cookie is set',
      all(answer, 'set-cookie').some((cookie) => cookie.startsWith('CF_AppSession=')),
    ],
  ];
}

export function hasMembers({ body }: Answer, ...names: readonly string[]): boolean {
  if (body === null || !('json' in body)) return false;
  const { json } = body;
  return typeof json === 'object' && json !== null && names.every((name) => name in json);
}
