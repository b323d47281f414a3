/**
 * Turns the text of a recording into what is sent: each placeholder becomes a value of its kind, always
 * the same one, which clients accept like the real one. Tokens are signed with our own keys.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Recording } from './recording-file.ts';

export interface Values {
  text(template: string): string;
  document(template: unknown): unknown;
  /**
   * For the text that follows, instants are relative to this many seconds after now, as the answer’s own
   * clock shows.
   */
  countFrom(seconds: number): void;
}

/** A token’s times are current, and the token stays the same for as long as its rounded times do. */
const tokenMs = 4_000;

/** `hosts`: the loopback hosts that replace the recorded ones, by placeholder name. */
export function createValues(
  { tokens }: Recording,
  hosts: ReadonlyMap<string, string>,
  clock: () => number = Date.now,
): Values {
  const keys = new Map<string, { privateKey: KeyObject; publicKey: KeyObject }>();
  const made = new Map<string, { jwt: string; at: number }>();
  const making = new Set<string>();

  let aheadMs = 0;
  const now = () => clock() + aheadMs;

  const keyOf = (name: string) => {
    const key = keys.get(name) ?? generateKeyPairSync('rsa', { modulusLength: 2048 });
    keys.set(name, key);
    return key;
  };

  const jwt = (name: string): string => {
    const kept = made.get(name);
    if (kept !== undefined && now() - kept.at < tokenMs) return kept.jwt;
    const token = Object.hasOwn(tokens, name) ? tokens[name] : undefined;
    // A token that contains itself has no value.
    if (token === undefined || making.has(name)) return digest(name);
    making.add(name);
    const header = document(token.header) as { kid?: unknown };
    const input = `${encode(header)}.${encode(document(token.claims))}`;
    const signature = token.isSigned
      ? sign('sha256', Buffer.from(input), keyOf(String(header.kid)).privateKey)
      : createHash('sha512').update(input).digest();
    making.delete(name);
    const text = `${input}.${signature.toString('base64url')}`;
    made.set(name, { jwt: text, at: now() });
    return text;
  };

  const valueFor = (name: string): string => {
    const kind = name.replace(/-\d+$/, '');
    switch (kind) {
      case 'open':
        return '{';
      case 'close':
        return '}';
      case 'host':
        return hosts.get(name) ?? `${name}.example`;
      case 'person':
        return `${name}@people.example`;
      case 'aud':
      case 'modulus':
        return digest(name);
      case 'id':
        return uuid(digest(name));
      case 'token':
      case 'cookie':
      case 'key':
        return digest(name).slice(0, 32);
      case 'ray':
        return `${digest(name).slice(0, 16)}-LOC`;
      case 'number':
        return String(numberOf(name));
      case 'jwt':
        return jwt(name);
      default:
        return name;
    }
  };

  const placeholder = (inner: string): string => {
    const [, encoding, encoded = ''] = /^(percent|base64url|base64) ([\s\S]*)$/.exec(inner) ?? [];
    if (encoding === 'percent') return percentEncoded(text(encoded));
    if (encoding !== undefined) {
      return Buffer.from(text(encoded)).toString(encoding as BufferEncoding);
    }
    const offset = /^now([+-]\d{1,10})?$/.exec(inner);
    if (offset) return new Date(now() + Number(offset[1] ?? 0) * 1000).toUTCString();
    return inner === 'never' ? '-' : valueFor(inner);
  };

  const text = (template: string): string => {
    let out = '';
    for (let at = 0; at < template.length; ) {
      const start = template.indexOf('{', at);
      if (start < 0) return out + template.slice(at);
      const end = closing(template, start);
      const before = template.slice(at, start);
      const inner = template.slice(start + 1, end);
      out += hosts.has(inner) ? before.replace(/https:\/\/$/, 'http://') : before;
      out += placeholder(inner);
      at = end + 1;
    }
    return out;
  };

  const document = (template: unknown): unknown => {
    if (typeof template === 'string') return whole(template);
    if (Array.isArray(template)) return template.map(document);
    if (typeof template !== 'object' || template === null) return template;
    const filled = Object.fromEntries(
      Object.entries(template).map(([name, value]) => [text(name), document(value)]),
    );
    return withModulus(filled);
  };

  const whole = (template: string): unknown => {
    const offset = /^\{now([+-]\d{1,10})?\}$/.exec(template);
    if (offset) return Math.floor(now() / 1000) + Number(offset[1] ?? 0);
    const number = /^\{(number-\d+)\}$/.exec(template)?.[1];
    return number === undefined ? text(template) : numberOf(number);
  };

  /** One of the team’s keys is replaced by ours with the same name. */
  const withModulus = (filled: Record<string, unknown>): Record<string, unknown> => {
    const { kid, n } = filled;
    if (typeof kid !== 'string' || typeof n !== 'string') return filled;
    return { ...filled, n: keyOf(kid).publicKey.export({ format: 'jwk' }).n };
  };

  return {
    text,
    document,
    countFrom(seconds) {
      aheadMs = seconds * 1000;
    },
  };
}

/** Where the placeholder that begins at `start` ends; placeholders may be nested. */
function closing(template: string, start: number): number {
  let depth = 0;
  for (let at = start; at < template.length; at += 1) {
    if (template[at] === '{') depth += 1;
    if (template[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  return template.length;
}

/** Too large to be mistaken for a status. */
function numberOf(name: string): number {
  return 20_000_000 + Number(/\d+$/.exec(name)?.[0] ?? 0);
}

function digest(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

function uuid(hex: string): string {
  return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Encoded text stays encoded, even if its new value does not require it. */
function percentEncoded(text: string): string {
  const encoded = encodeURIComponent(text);
  if (encoded.includes('%')) return encoded;
  return encoded.replace(/^./, (first) => `%${first.charCodeAt(0).toString(16)}`);
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
