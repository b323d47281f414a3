/**
 * Compares what was seen with docs/cloudflare-access.md. Only the recorded exchange is used, so that
 * anybody with the file can repeat the comparison, and so that the result reveals nothing that the file
 * does not.
 */
import type { Written } from './documents.ts';
import type { Answer, Verdict, WrittenToken } from './recording.ts';
import type { Redacted } from './redact.ts';
import {
  type Expectation,
  field,
  hasMembers,
  type Judgement,
  judgeRow,
  loginExpectations,
  missed,
  type Row,
  rowOf,
} from './rows.ts';

export function verdictOf({ question, answer }: Redacted, row: Row, tokens: Tokens): Verdict {
  const rule = rules[question];
  if (answer === undefined) {
    return { is: 'different', compared_with: rule?.section ?? '', how: ['there was no answer'] };
  }
  if (rule === undefined) return { is: 'not documented', compared_with: '' };
  const { compared_with, how } = rule.judge(answer, row, tokens);
  if (how === undefined) return { is: 'not documented', compared_with };
  return how.length === 0
    ? { is: 'as documented', compared_with }
    : { is: 'different', compared_with, how };
}

interface Rule {
  readonly section: string;
  judge(answer: Answer, row: Row, tokens: Tokens): Judgement;
}

type Tokens = Readonly<Record<string, WrittenToken>>;

const documentRule = (section: string, ...names: readonly string[]): Rule => ({
  section,
  judge: (answer) => ({
    compared_with: section,
    how: missed(
      [`the status is ${answer.status}, not 200`, answer.status === 200],
      ...names.map((name): Expectation => [`there is no ${name}`, hasMembers(answer, name)]),
    ),
  }),
});

const isAccess = (row: Row): boolean => row === 'managed OAuth' || row === 'a login page';
const silent = (section: string): Judgement => ({ compared_with: section, how: undefined });

const serverMembers = [
  'issuer',
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'code_challenge_methods_supported',
] as const;

const serverRule = documentRule('§2', ...serverMembers);

const rules: Readonly<Record<string, Rule>> = {
  'as this program asks': { section: '§1', judge: judgeRow },
  'for JSON': { section: '§1', judge: judgeRow },
  'as a script of a page': {
    section: '§1',
    judge(answer, row) {
      if (row !== 'a login page') return judgeRow(answer, row);
      const challenge = field(answer, 'www-authenticate');
      return {
        compared_with: '§1, a login page (XMLHttpRequest)',
        how: missed(
          [`the status is ${answer.status}, not 401`, answer.status === 401],
          ['there is no Cloudflare-Access challenge', /^Cloudflare-Access\b/.test(challenge)],
          ['the body is no HTML', answer.body !== null && 'html' in answer.body],
        ),
      };
    },
  },
  'as a browser': {
    section: '§1',
    judge(answer, row) {
      if (row !== 'managed OAuth') return judgeRow(answer, row);
      return {
        compared_with: '§1, managed OAuth (to a browser)',
        how: missed(
          [`the status is ${answer.status}, not 302`, answer.status === 302],
          ...loginExpectations(answer),
        ),
      };
    },
  },
  'as a preflight': {
    section: '§1',
    judge: ({ status }, row) =>
      isAccess(row) || row === 'Service Auth policies alone'
        ? {
            compared_with: '§1, an OPTIONS request',
            how: missed([`the status is ${status}, not 403`, status === 403 || status < 300]),
          }
        : silent('§1, an OPTIONS request'),
  },
  'who guards this host': {
    section: '§6',
    judge(answer, row, tokens) {
      const compared_with = '§6';
      const given = field(answer, 'cf-access-metadata');
      if (given === '' && answer.status === 404 && isAccess(row)) {
        // What answered the first question with its query is nothing without it.
        return { compared_with: '§6, a host that exists only with a query', how: [] };
      }
      if (given === '') {
        const isExpected = isAccess(row) || row === 'Service Auth policies alone';
        return { compared_with, how: isExpected ? ['there is no cf-access-metadata'] : undefined };
      }
      const token = tokens[given.slice(1, -1)];
      if (token === undefined) return { compared_with, how: ['cf-access-metadata is no JWT'] };
      const claims = (token.claims ?? {}) as Record<string, Written>;
      return {
        compared_with,
        how: missed(
          ['its signature does not hold by the team’s keys', token.signature === 'holds'],
          ['its type is not match', claims.type === 'match'],
          ['its hostname is not the one that was asked', claims.hostname === '{host-1}'],
          ...['auth_domain', 'aud', 'app_hostname', 'iat'].map(
            (name): Expectation => [`there is no ${name}`, name in claims],
          ),
        ),
      };
    },
  },
  'the metadata of the challenge': documentRule('§2', 'resource', 'authorization_servers'),
  'the metadata at RFC 9728’s address': {
    section: '§2',
    judge(answer, row) {
      if (!isAccess(row)) return silent('§2');
      const expected = row === 'managed OAuth' ? 200 : 302;
      return {
        compared_with: `§2, ${row}`,
        how: missed([
          `the status is ${answer.status}, not ${expected}`,
          answer.status === expected,
        ]),
      };
    },
  },
  'the authorization server, at the application': {
    section: '§2',
    judge: (answer, row, tokens) =>
      row === 'managed OAuth' ? serverRule.judge(answer, row, tokens) : silent('§2'),
  },
  'the authorization server, at the team': {
    section: '§2',
    judge: (answer, row, tokens) =>
      row === 'managed OAuth' ? serverRule.judge(answer, row, tokens) : silent('§2'),
  },
  'the team’s keys': documentRule('§6', 'keys'),
  'with the session that is kept': {
    section: '§3 and §5',
    judge: (answer, row) => ({
      compared_with: '§3.4 and §5.5',
      how: isAccess(row)
        ? missed(['the token is refused', rowOf(answer) === 'the application’s own answer'])
        : undefined,
    }),
  },
};
