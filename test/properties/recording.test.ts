/**
 * What a recording may hold: whatever a server sends, wherever and however it is spelled, only words of
 * the vocabulary are written as they are, and one value has one placeholder.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact, type Seen } from '../../src/cli/doctor/recording/redact.ts';
import {
  isCookieName,
  isMemberName,
  isParameterName,
  isPathSegment,
  isPublicHost,
  isTagName,
  isWord,
} from '../../src/cli/doctor/recording/vocabulary.ts';

const url = new URL('https://wiki.acme-corp.com/team/page?ticket=abc');
const at = Date.UTC(2026, 10, 1);

interface Sent {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

function seen(...answers: readonly Sent[]): Seen[] {
  return answers.map(({ fields, body }) => {
    const headers = new Headers();
    for (const [name, value] of fields) {
      // What HTTP cannot carry, no server sends.
      headers.append(name, value.replace(/[^\t\x20-\x7e]/g, ''));
    }
    return {
      question: 'as this program asks',
      method: 'GET',
      url,
      fields: [],
      answer: { at, status: 403, headers, body },
    };
  });
}

/** The answers of a host that says `value` wherever something can be said. */
function everywhere(value: string): Sent[] {
  const bytes = Buffer.from(value);
  const part = (claims: unknown) => Buffer.from(JSON.stringify(claims)).toString('base64url');
  const jwt = `${part({ alg: 'RS256', kid: value })}.${part({ sub: value, email: value, [value]: [value], iat: value })}.${bytes.toString('base64url')}`;
  const encoded = encodeURIComponent(value);
  const spelled = [
    value,
    value.toUpperCase(),
    value.toLowerCase(),
    encoded,
    encodeURIComponent(encoded),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  ];
  const text = spelled.join(' ');
  return [
    {
      fields: [
        ['content-type', 'text/html'],
        ['set-cookie', `CF_Authorization=${value}; Path=/${value}; Domain=${value}; ${value}`],
        ['set-cookie', `${value}=1; Max-Age=${value}`],
        ['location', `https://${encoded}/${encoded}?${encoded}=${encoded}&state=${value}#${value}`],
        ['www-authenticate', `Bearer realm="${value}", ${value}="x", error_description="${text}"`],
        ['cf-access-error', text],
        ['cf-access-aud', value],
        ['cf-access-domain', `${value}/${value}`],
        ['cf-access-metadata', jwt],
        ['cf-ray', value],
        ['server', value],
        ['date', value],
      ],
      body: `<title>${value}</title><p class="${value}" title="${value}">${text}<!-- ${value} --><script>${value}</script>`,
    },
    {
      fields: [['content-type', 'application/json']],
      body: JSON.stringify({
        error: value,
        [value]: { message: text, keys: [value] },
        status: value,
      }),
    },
    {
      fields: [
        ['content-type', 'text/plain'],
        [
          'location',
          `/${encoded}?redirect_url=${encodeURIComponent(`https://x.test/?state=${encoded}`)}&meta=${jwt}`,
        ],
      ],
      body: `${text} {"a":"${value}"} ${jwt}`,
    },
  ];
}

/** Everything that is written, as one text, and each string by itself. */
function stringsIn(written: unknown): string[] {
  if (typeof written === 'string') return [written];
  if (typeof written !== 'object' || written === null) return [];
  return Object.entries(written).flatMap(([name, each]) => [name, ...stringsIn(each)]);
}

const placeholders =
  /\{(?:[a-z]+-\d+|open|close|never|now(?:[+-]\d+)?|percent |base64(?:url)? )|\}/g;
const ourWords = new Set([
  // The format’s own.
  ...['exchanges', 'tokens', 'question', 'request', 'fields', 'answer', 'other_fields', 'body'],
  ...['url', 'json', 'html', 'text', 'any', 'claims', 'signature', 'holds', 'method', 'cf'],
  ...['as', 'asks', 'program', 'Path', 'Domain', 'Max-Age', 'Expires', 'SameSite', 'GET', 'key'],
  ...[
    'location',
    'date',
    'set-cookie',
    'cf-access-metadata',
    'cf-access-error',
    'www-authenticate',
  ],
  'content-type',
]);

function strangersIn(written: unknown): string[] {
  return stringsIn(written)
    .flatMap((text) =>
      text.replace(placeholders, ' ').split(/[\s"'(),;=[\]|/:!?&<>%#.]+|(?<=\w)\.(?=\s|$)/),
    )
    .filter((word) => word !== '' && !/^\d{1,3}$/.test(word))
    .filter(
      (word) =>
        !ourWords.has(word) &&
        ![
          isWord,
          isTagName,
          isMemberName,
          isParameterName,
          isCookieName,
          isPathSegment,
          isPublicHost,
        ].some((isKnown) => isKnown(word)) &&
        !/^(?:cf-access|well-known|cf-ray|x-[a-z-]+|jwt-\d+)$/.test(word),
    );
}

const secrets = fc.oneof(
  fc.string({ minLength: 10, maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 16, maxLength: 64 }),
  fc.string({ unit: fc.constantFrom(...'Ab9_-.~:/+= %{}"\\\''), minLength: 10, maxLength: 60 }),
  fc
    .tuple(fc.stringMatching(/^[a-z]{5,9}$/), fc.stringMatching(/^[a-z0-9-]{6,12}$/))
    .map(([name, domain]) => `${name}@${domain}.com`),
  fc.base64String({ minLength: 16, maxLength: 40 }),
);

describe('a recording', () => {
  it('holds nothing but words of the vocabulary, whatever is sent', () => {
    fc.assert(
      fc.property(secrets, (value) => {
        const written = redact(url, seen(...everywhere(value)), new Map());
        expect(strangersIn(written)).toEqual([]);
      }),
    );
  });

  it('holds no part of a secret, also where it spans fields and a body', () => {
    const secret = fc.string({
      unit: fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-'),
      minLength: 24,
      maxLength: 80,
    });
    fc.assert(
      fc.property(secret, fc.nat(), (value, where) => {
        const cut = 8 + (where % (value.length - 15));
        const [first, last] = [value.slice(0, cut), value.slice(cut)];
        const spanning: Sent = {
          fields: [
            ['content-type', 'text/html'],
            ['cf-access-error', `error ${first}`],
            ['set-cookie', `CF_AppSession=${first}; Path=/`],
          ],
          body: `${last} <p>${last.toUpperCase()}</p>`,
        };
        const text = JSON.stringify(redact(url, seen(spanning, ...everywhere(value)), new Map()));
        for (let start = 0; start + 8 <= value.length; start += 1) {
          const part = value.slice(start, start + 8);
          expect(text.toLowerCase()).not.toContain(part.toLowerCase());
          expect(text).not.toContain(Buffer.from(part).toString('hex'));
        }
      }),
    );
  });

  it('has one placeholder for one value, however it is spelled and wherever it stands', () => {
    const email = 'ada.lovelace@acme-corp.com';
    const team = 'acme-corp.cloudflareaccess.com';
    const session = 'n0-shape-tells-What-it-is';
    const aud = createHash('sha256').update('aud').digest('hex');
    const part = (claims: unknown) => Buffer.from(JSON.stringify(claims)).toString('base64url');
    const jwt = `${part({ alg: 'RS256' })}.${part({ aud: [aud], email, iss: `https://${team}`, exp: at / 1000 + 300 })}.AAAA`;
    const [written] = [
      redact(
        url,
        seen(
          {
            // Before the places that tell what they are.
            fields: [['content-type', 'text/html']],
            body: `<p>${email.toUpperCase()} ${Buffer.from(`you are ${email} of ${team}`).toString('base64')} at ${team} <b>${aud}</b> xx${session}xx`,
          },
          {
            fields: [
              [
                'location',
                `https://${team}/cdn-cgi/access/login/${url.host}?kid=${aud}&redirect_url=${encodeURIComponent(`https://${team.toUpperCase()}/?state=${email}`)}`,
              ],
              ['cf-access-metadata', jwt],
              ['set-cookie', `CF_AppSession=${session}`],
            ],
            body: '',
          },
        ),
        new Map(),
      ),
    ];
    const [first, second] = written?.exchanges ?? [];
    expect(first?.answer?.body).toEqual({
      html: '<p>{person-1} {base64 you are {person-1} of {host-2}} at {host-2}<b>{aud-1}</b>{text-2}{cookie-1}{text-2}',
    });
    expect(second?.answer?.fields).toEqual([
      'cf-access-metadata: {jwt-1}',
      'location: https://{host-2}/cdn-cgi/access/login/{host-1}?kid={aud-1}&redirect_url={percent https://{host-2}/?state={person-1}}',
      'set-cookie: CF_AppSession={cookie-1}',
    ]);
    expect(written?.tokens['jwt-1']).toMatchObject({
      claims: { aud: ['{aud-1}'], email: '{person-1}', iss: 'https://{host-2}', exp: '{now+300}' },
    });
  });

  it('is written in a bounded time, whatever is sent', () => {
    for (const unit of ['eyJ', 'a@', 'a.', 'http://', '%41', '{', '<', 'QUJD', '/a', '@', 'a-']) {
      const body = unit.repeat(65_536 / unit.length);
      // Of this process alone: the machine may be busy.
      const before = process.cpuUsage();
      redact(url, seen({ fields: [['content-type', 'text/html']], body }), new Map());
      redact(url, seen({ fields: [['content-type', 'text/plain']], body }), new Map());
      expect(process.cpuUsage(before).user / 1000, unit).toBeLessThan(1_000);
    }
  });
});
