/**
 * From what was seen to what may be written. Everything is written twice: the first time tells what each
 * value is, so that the second knows it also where it stands before that place.
 */
import type { KeyObject } from 'node:crypto';
import { isSignedBy, readJwt, rs256KeyId } from '../../../cloudflare/jwt.ts';
import type { Fields as AnswerFields } from '../../../http/fields.ts';
import { document } from './documents.ts';
import { type Field, fields } from './fields.ts';
import { page } from './page.ts';
import { Placeholders } from './placeholders.ts';
import type { Answer, Exchange, WrittenToken } from './recording.ts';
import { text, value, type Writer } from './words.ts';

/** What was seen, as it came. */
export interface Seen {
  readonly question: string;
  readonly method: string;
  readonly url: URL;
  readonly fields: readonly Field[];
  /** A person’s credential among the fields: its name there. */
  readonly credential?: Field;
  readonly failure?: string;
  readonly answer?: {
    /** Milliseconds since the epoch, by this machine’s clock. */
    readonly at: number;
    readonly status: number;
    readonly headers: AnswerFields;
    /** Undefined where it is not to be recorded. */
    readonly body: string | undefined;
  };
}

export type Redacted = Omit<Exchange, 'verdict'>;

export interface Redaction {
  readonly url: string;
  readonly exchanges: readonly Redacted[];
  readonly tokens: Readonly<Record<string, WrittenToken>>;
}

/** `keys`: the team’s, by name. */
export function redact(
  url: URL,
  seen: readonly Seen[],
  keys: ReadonlyMap<string, KeyObject>,
): Redaction {
  const first = new Placeholders();
  write(first, url, seen, keys);
  return write(new Placeholders(first), url, seen, keys);
}

function write(
  names: Placeholders,
  url: URL,
  seen: readonly Seen[],
  keys: ReadonlyMap<string, KeyObject>,
): Redaction {
  const tokens: Record<string, WrittenToken> = {};
  let now = seen[0]?.answer?.at ?? 0;
  const writer: Writer = {
    names,
    jwt(given) {
      const jwt = readJwt(given);
      if (jwt === undefined) return undefined;
      const name = names.nameOf('jwt', given);
      const key = name.slice(1, -1);
      if (!Object.hasOwn(tokens, key)) {
        const signer = keys.get(rs256KeyId(jwt) ?? '');
        // Its place is taken first: a token may hold another one.
        tokens[key] = { header: null, claims: null, signature: 'unknown key' };
        tokens[key] = {
          header: document(writer, jwt.header, now),
          claims: document(writer, jwt.claims, now),
          signature: !signer ? 'unknown key' : isSignedBy(jwt, signer) ? 'holds' : 'does not hold',
        };
      }
      return name;
    },
  };
  const written = value(writer, url.href);
  const exchanges = seen.map((each) => {
    now = serverTime(each) ?? now;
    return exchange(writer, each, now);
  });
  return { url: written, exchanges, tokens };
}

/** Instants are its server’s: by its clock, how long the answer was on its way does not count. */
function serverTime({ answer }: Seen): number | undefined {
  const date = Date.parse(answer?.headers.get('date') ?? '');
  return Number.isNaN(date) ? answer?.at : date;
}

function exchange(writer: Writer, seen: Seen, now: number): Redacted {
  const { question, method, url, credential, answer, failure } = seen;
  const sent: Field[] = [
    ...seen.fields,
    ...(credential ? [[credential[0], credentialText(writer, credential[1])] as const] : []),
  ];
  return {
    question,
    request: { method, url: value(writer, url.href), fields: sent.map(line) },
    ...(answer ? { answer: answerOf(writer, answer, now) } : {}),
    ...(failure === undefined ? {} : { failure }),
  };
}

const line = ([name, given]: Field): string => `${name}: ${given}`;

function credentialText(writer: Writer, given: string): string {
  const [, scheme = '', secret = given] = /^(Bearer )?(.*)$/s.exec(given) ?? [];
  return scheme + value(writer, secret, 'token');
}

function answerOf(
  writer: Writer,
  { at, status, headers, body }: NonNullable<Seen['answer']>,
  now: number,
): Answer {
  const { known, others } = fields(writer, headers, { server: now, own: at });
  return {
    status,
    fields: known.map(line),
    other_fields: others,
    body: body === undefined || body === '' ? null : bodyOf(writer, body, headers, now),
  };
}

function bodyOf(writer: Writer, body: string, headers: AnswerFields, now: number): Answer['body'] {
  const type = headers.get('content-type') ?? '';
  if (/\bjson\b/i.test(type)) {
    try {
      return { json: document(writer, JSON.parse(body), now) };
    } catch {
      // Cut, or none: its words are written.
    }
  }
  return /\bx?html\b/i.test(type) ? { html: page(writer, body) } : { text: text(writer, body) };
}
