/**
 * Recognises credentials by the content of a file, wherever it was copied to: records of this program
 * (host/files/record-file.ts), cloudflared's tokens, and the curl configurations of `get_token`. The
 * record's shape is repeated here on purpose, because damaged records and those of other versions must be
 * recognised too.
 */
import type { FileHandle } from 'node:fs/promises';
import { isAccessToken } from '../secrets/access-assertions.ts';

/** A record's fields may be 64 KiB long, but its beginning is enough to recognise it. */
const headBytes = 64 * 1024;

/**
 * What the file is, as the end of “it is …”, if it holds a credential. Does not change the handle's
 * position.
 */
export async function credentialIn(handle: FileHandle): Promise<string | undefined> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  const head = textOf(buffer.subarray(0, bytesRead)).trim();
  if (isRecord(head)) return 'a copy of one of this server’s sessions';
  if (isAccessToken(Buffer.from(head, 'latin1'))) return 'a token of Cloudflare Access';
  if (curlCredential.test(head)) return 'a curl configuration with a token';
  return undefined;
}

/**
 * One character per byte, or per two bytes in UTF-16, as PowerShell's `>` writes it. Only ASCII is
 * searched for.
 */
function textOf(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.toString('utf16le', 2);
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  return bytes.toString('latin1', start);
}

/** In any order and layout, as another tool may have rewritten it, and even without its end. */
function isRecord(text: string): boolean {
  return /^[[{]/.test(text) && recordFields.every((field) => field.test(text));
}

const recordFields = [
  /"kind"\s*:\s*"\w/,
  /"key"\s*:\s*"/,
  /"record"\s*:\s*\{/,
  /"format"\s*:\s*\d/,
];

const curlCredential =
  /^[ \t]*-{0,2}header[ \t]*[=:]?[ \t]*["']?(?:authorization:[ \t]*bearer[ \t]+|cf-access-(?:token|client-secret):[ \t]*)[^\s$<{]\S{15}/im;
