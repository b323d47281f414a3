/** The body of a request from `-d` and its kin, as curl puts it together. */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { CurlFailure } from './exit-code.ts';
import type { Datum } from './options.ts';

/** Throws CurlFailure 26 for what cannot be read. `undefined` when nothing is to be sent. */
export async function requestData(data: readonly Datum[]): Promise<Buffer | undefined> {
  if (data.length === 0) return undefined;
  const parts: Buffer[] = [];
  for (const [index, datum] of data.entries()) {
    // JSON is put together as it stands; forms are joined as fields are.
    if (index > 0 && datum.kind !== 'json') parts.push(Buffer.from('&'));
    parts.push(await read(datum));
  }
  return Buffer.concat(parts);
}

async function read({ kind, text }: Datum): Promise<Buffer> {
  if (kind === 'raw') return Buffer.from(text);
  if (kind === 'encode') return Buffer.from(await encoded(text));
  if (!text.startsWith('@')) return Buffer.from(text);
  const bytes = await readSource(text.slice(1));
  // What `-d @file` drops, so that a file of lines is one form.
  return kind === 'form' ? (bytes.filter((byte) => ![0, 10, 13].includes(byte)) as Buffer) : bytes;
}

/** `content`, `=content`, `name=content`, `@file`, `name@file`. */
async function encoded(text: string): Promise<string> {
  const [, name = '', mark, rest = ''] = /^([^=@]*)([=@])(.*)$/s.exec(text) ?? [];
  if (mark === undefined) return encode(text);
  const content = mark === '@' ? (await readSource(rest)).toString('utf8') : rest;
  return name === '' ? encode(content) : `${name}=${encode(content)}`;
}

/** A blank becomes a plus sign, as in forms. */
function encode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

async function readSource(name: string): Promise<Buffer> {
  try {
    return name === '-' ? await buffer(process.stdin) : await readFile(name);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    throw new CurlFailure(26, `${JSON.stringify(name)} cannot be read${code}.`, { cause: error });
  }
}
