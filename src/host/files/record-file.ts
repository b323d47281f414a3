/**
 * The content of a record's file: `{"kind", "key", "record"}`. It includes kind and key so that a file
 * that was copied to another name, or whose name's hash collides, is not taken for another record.
 */
import { safeParse } from 'valibot';
import type { RecordKind } from '../../session/ports.ts';
import { type Records, recordSchemas } from '../../session/records.ts';
import { sha256 } from '../../sha256.ts';

export const recordKinds = Object.keys(recordSchemas) as RecordKind[];
export const recordSuffix = '.json';

export type Decoded<K extends RecordKind> =
  | { readonly state: 'record'; readonly key: string; readonly record: Records[K] }
  | { readonly state: 'newer'; readonly format: number }
  | { readonly state: 'damaged'; readonly why: string };

/** The file's name. It is a hash, since the key may be a URL, which a file name must not reveal. */
export function recordFileName(key: string): string {
  return sha256(key).toString('hex').slice(0, 32) + recordSuffix;
}

export function encodeRecord<K extends RecordKind>(
  kind: K,
  key: string,
  record: Records[K],
): Uint8Array {
  return Buffer.from(`${JSON.stringify({ kind, key, record })}\n`);
}

/** Never throws: bytes on disk are as hostile as any others. `name`: the file's name. */
export function decodeRecord<K extends RecordKind>(
  kind: K,
  name: string,
  bytes: Uint8Array,
): Decoded<K> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return { state: 'damaged', why: 'it is not JSON' };
  }
  if (!isObject(value) || value.kind !== kind || typeof value.key !== 'string') {
    return { state: 'damaged', why: 'it is not a record of this kind' };
  }
  if (recordFileName(value.key) !== name) {
    return { state: 'damaged', why: 'it is the copy of another file' };
  }
  const { key, record } = value;
  if (isObject(record) && Number.isSafeInteger(record.format) && Number(record.format) > 1) {
    return { state: 'newer', format: Number(record.format) };
  }
  const parsed = safeParse(recordSchemas[kind], record);
  if (!parsed.success) return { state: 'damaged', why: 'its fields are not what they should be' };
  return { state: 'record', key, record: parsed.output as Records[K] };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
