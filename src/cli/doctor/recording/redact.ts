/**
 * Turns what was seen into what may be written. This takes two passes: the first finds out what each value
 * is, so that the second also recognises it in earlier places.
 */
import type { KeyObject } from 'node:crypto';
import { readJwt } from '../../../cloudflare/jwt.ts';
import { isSignedBy, rs256KeyId } from '../../../cloudflare/jwt-signature.ts';
import type { Fields as AnswerFields } from '../../../http/fields.ts';
import { document } from './documents.ts';
import { type Field, fields } from './fields.ts';
import { page } from './page.ts';
import { Placeholders } from './placeholders.ts';
import type { Answer, Exchange, WrittenToken } from './recording.ts';
import { text, value, type Writer } from './words.ts';

/** A request and its answer, unchanged. */
export interface Seen {
  readonly question: string;
  readonly method: string;
  readonly url: URL;
  readonly fields: readonly Field[];
  /** The person's own, in the place of this program's. */
  readonly userAgent?: string;
  /** The name of the header field with a person’s credential, if any. */
  readonly credential?: Field;
  readonly failure?: string;
  readonly answer?: {
    /** Milliseconds since the epoch, by this machine’s clock. */
    readonly at: number;
    readonly status: number;
    readonly headers: AnswerFields;
    /** Undefined if it is not to be recorded. */
    readonly body: string | undefined;
  };
}

export type Redacted = Omit<Exchange, 'verdict'>;

export interface Redaction {
  readonly url: string;
  readonly exchanges: readonly Redacted[];
  readonly tokens: Readonly<Record<string, WrittenToken>>;
}

/** `keys`: the team’s keys, by name. */
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
        // The entry is reserved first, because a token may contain another one.
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

/**
 * Instants are relative to the server's clock, so that the time that the answer took to arrive does not
 * matter.
 */
function serverTime({ answer }: Seen): number | undefined {
  const date = Date.parse(answer?.headers.get('date') ?? '');
  return Number.isNaN(date) ? answer?.at : date;
}

function exchange(writer: Writer, seen: Seen, now: number): Redacted {
  const { question, method, url, userAgent, credential, answer, failure } = seen;
  const sent: Field[] = [
    ...seen.fields,
    ...(userAgent === undefined ? [] : [['user-agent', text(writer, userAgent)] as const]),
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
      // Truncated or not JSON: recorded as text.
    }
  }
  return /\bx?html\b/i.test(type) ? { html: page(writer, body) } : { text: text(writer, body) };
}
