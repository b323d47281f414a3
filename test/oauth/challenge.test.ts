import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Challenge, parseChallenges } from '../../src/oauth/challenge.ts';
import { cpuMs } from '../support/cpu-time.ts';

const plain = (challenges: readonly Challenge[]) =>
  challenges.map(({ scheme, token68, parameters }) => ({
    scheme,
    ...(token68 === undefined ? {} : { token68 }),
    ...Object.fromEntries(parameters),
  }));

describe('reads the grammar of RFC 9110 §11.6.1', () => {
  const vectors: [name: string, field: string, challenges: object[]][] = [
    ['nothing', '', []],
    ['a scheme alone', 'Negotiate', [{ scheme: 'negotiate' }]],
    ['a parameter', 'Basic realm="simple"', [{ scheme: 'basic', realm: 'simple' }]],
    [
      'the two challenges of the RFC’s example (§11.6.1)',
      'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
      [
        { scheme: 'basic', realm: 'simple' },
        { scheme: 'newauth', realm: 'apps', type: '1', title: 'Login to "apps"' },
      ],
    ],
    [
      'RFC 9728’s example (§5.1)',
      'Bearer resource_metadata="https://resource.example.com/.well-known/oauth-protected-resource"',
      [
        {
          scheme: 'bearer',
          resource_metadata: 'https://resource.example.com/.well-known/oauth-protected-resource',
        },
      ],
    ],
    [
      'RFC 6750’s example (§3)',
      'Bearer realm="example", error="invalid_token", error_description="The access token expired"',
      [
        {
          scheme: 'bearer',
          realm: 'example',
          error: 'invalid_token',
          error_description: 'The access token expired',
        },
      ],
    ],
    ['token68', 'Negotiate YWJj/-._~+==', [{ scheme: 'negotiate', token68: 'YWJj/-._~+==' }]],
    [
      'token68 between others',
      'Negotiate YQ==, Bearer realm=x, NTLM',
      [
        { scheme: 'negotiate', token68: 'YQ==' },
        { scheme: 'bearer', realm: 'x' },
        { scheme: 'ntlm' },
      ],
    ],
    ['a quoted pair', 'A x="\\a\\\\\\""', [{ scheme: 'a', x: 'a\\"' }]],
    ['an empty quoted string', 'A x=""', [{ scheme: 'a', x: '' }]],
    ['bad whitespace (§5.6.3)', 'A x \t= \t"1" ,y\t=2', [{ scheme: 'a', x: '1', y: '2' }]],
    ['several spaces', 'A   x=1', [{ scheme: 'a', x: '1' }]],
    [
      'empty list elements (§5.6.1)',
      ', ,A x=1,, ,y=2, ,B,,',
      [{ scheme: 'a', x: '1', y: '2' }, { scheme: 'b' }],
    ],
    [
      'a bare URL of the metadata',
      'Bearer resource_metadata=https://a.example:8/.well-known/x?y=[1]#z, error=e',
      [
        {
          scheme: 'bearer',
          resource_metadata: 'https://a.example:8/.well-known/x?y=[1]#z',
          error: 'e',
        },
      ],
    ],
    [
      'a bare path of the metadata',
      'Bearer resource_metadata=/meta',
      [{ scheme: 'bearer', resource_metadata: '/meta' }],
    ],
    ['names in any case', 'BEARER Realm=x', [{ scheme: 'bearer', realm: 'x' }]],
    ['a comma inside quotes', 'A x="1, B y=2"', [{ scheme: 'a', x: '1, B y=2' }]],
    [
      'the same scheme twice',
      'A x=1, A x=2',
      [
        { scheme: 'a', x: '1' },
        { scheme: 'a', x: '2' },
      ],
    ],
  ];
  it.each(vectors)('%s', (_name, field, challenges) => {
    expect(plain(parseChallenges(field))).toEqual(challenges);
  });
});

describe('believes nothing from the first malformed challenge on', () => {
  const vectors: [name: string, field: string, challenges: object[]][] = [
    ['an unterminated quote', 'A x=1, B y="1, C z=2', [{ scheme: 'a', x: '1' }]],
    ['a quote that ends in a backslash', 'A x="1\\"', []],
    ['a name without value', 'A x=1, y=, B z=1', []],
    ['a missing comma', 'A x=1 y=2, B z=1', []],
    ['text after a quoted string', 'A x="1"2', []],
    ['a parameter that occurs twice (§11.2)', 'A x=1, x=2, B', []],
    ['… in another case', 'A resource_metadata=1, RESOURCE_METADATA=2', []],
    ['token68 and parameters', 'A YQ==, x=1', [{ scheme: 'a', token68: 'YQ==' }]],
    ['a quoted scheme', 'A x=1, "B" y=2', [{ scheme: 'a', x: '1' }]],
    ['no scheme', '=x', []],
    ['a control character', 'A x=\u0001', []],
    ['a parameter twice', 'Bearer x=1, x=2', [{ scheme: 'bearer' }]],
    ['single quotes', "Bearer resource_metadata='https://a.example/x'", [{ scheme: 'bearer' }]],
    ['semicolons', 'Bearer realm="x"; error="y", B', [{ scheme: 'bearer' }]],
    ['semicolons behind a bare URL', 'Bearer resource_metadata=/x; y=1', [{ scheme: 'bearer' }]],
    ['a bare URL of another parameter', 'Bearer uri=https://a.example/x', [{ scheme: 'bearer' }]],
  ];
  it.each(vectors)('%s', (_name, field, challenges) => {
    expect(plain(parseChallenges(field))).toEqual(challenges);
  });
});

describe('cannot be steered', () => {
  it('takes no resource_metadata out of a quoted description', () => {
    const [challenge] = parseChallenges(
      'Bearer error_description="see resource_metadata=\\"https://evil.example/\\", resource_metadata=https://evil.example/"',
    );
    expect(challenge?.parameters.has('resource_metadata')).toBe(false);
  });

  it('does not give one scheme the parameter of another', () => {
    const challenges = parseChallenges(
      'Bearer error="invalid_token", Other resource_metadata="https://evil.example/"',
    );
    expect(plain(challenges)).toEqual([
      { scheme: 'bearer', error: 'invalid_token' },
      { scheme: 'other', resource_metadata: 'https://evil.example/' },
    ]);
  });

  it('keeps whatever text is quoted inside its own parameter', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const quoted = `"${text.replace(/[\\"]/g, '\\$&')}"`;
        const field = `Bearer error_description=${quoted}, scope="a", Basic realm="b"`;
        expect(plain(parseChallenges(field))).toEqual([
          { scheme: 'bearer', error_description: text, scope: 'a' },
          { scheme: 'basic', realm: 'b' },
        ]);
      }),
    );
  });
});

const token = fc
  .string({ unit: fc.constantFrom(..."abcXYZ019!#$%&'*+-.^_`|~"), minLength: 1, maxLength: 12 })
  .map((text) => text.toLowerCase());
const challenge = fc.record({
  scheme: token,
  parameters: fc.dictionary(token, fc.string(), { maxKeys: 5, noNullPrototype: true }),
});

describe('for any text', () => {
  it('never throws', () => {
    const alphabet = fc.constantFrom(...'aB1="\\, \t=/~+:\u0000é'.split(''));
    const parse = (field: string) => void parseChallenges(field);
    fc.assert(fc.property(fc.string({ unit: alphabet, maxLength: 200 }), parse), {
      numRuns: 500,
    });
    fc.assert(fc.property(fc.string({ unit: 'binary' }), parse));
  });

  it('gives back what was written', () => {
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
        const field = challenges
          .map(({ scheme, parameters }) => {
            const written = Object.entries(parameters).map(
              ([name, value]) => `${name}="${value.replace(/[\\"]/g, '\\$&')}"`,
            );
            return `${scheme} ${written.join(', ')}`.trim();
          })
          .join(', ');
        const read = parseChallenges(field);
        expect(
          read.map(({ scheme, parameters }) => ({
            scheme,
            parameters: Object.fromEntries(parameters),
          })),
        ).toEqual(challenges);
      }),
    );
  });

  const fill = (unit: string, length = 65_536) => unit.repeat(Math.ceil(length / unit.length));
  it.each([
    ['tokens', fill('a')],
    ['equals signs', `A a${fill('=')}x`],
    ['an unterminated quote', `A x="${fill('\\')}`],
    ['an unterminated quote of text', `A x="${fill('a')}`],
    ['an open quote after each of many', `A ${fill('x="')}`],
    ['spaces', `A ${fill(' ')}x`],
    ['spaces in tokens', fill('a ')],
    ['commas', fill(', ')],
    ['challenges', fill('A x=1, ')],
    ['parameters', `A ${Array.from({ length: 8000 }, (_, at) => `p${at}=1`).join(',')}`],
    ['names and spaces', `A x=1${fill(', a ')}`],
    ['a long quoted string', `A x="${fill('\\"')}"`],
  ])('needs linear time for 64 KiB of %s', (_name, field) => {
    // A quadratic reading of 64 KiB takes seconds; this one takes a few milliseconds.
    expect(cpuMs(() => parseChallenges(field))).toBeLessThan(250);
  });
});
