/** `multipart/form-data` (RFC 7578) with the bytes that curl sends. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Datum } from '../options.ts';
import { type FormContent, type FormField, readFormField } from './form-field.ts';
import { type Piece, readPiece } from './pieces.ts';

export interface Multipart {
  /** Belongs behind the media type. */
  readonly boundary: string;
  readonly pieces: readonly Piece[];
}

/** Throws CurlFailure 2 for what is no field, and 26 for a file that cannot be read. */
export async function multipart(form: readonly Datum[]): Promise<Multipart> {
  const boundary = drawBoundary();
  const parts: Piece[][] = [];
  for (const { kind, text } of form) {
    parts.push(await fieldPieces(readFormField(text, { literal: kind === 'raw' })));
  }
  return { boundary, pieces: delimited(boundary, parts) };
}

async function fieldPieces({ name, contents }: FormField): Promise<Piece[]> {
  const [only] = contents;
  const disposition = `form-data; name="${escaped(name)}"`;
  if (contents.length === 1 && only) return partPieces(disposition, only);
  // Files of one field are a message of their own (RFC 2388 §4.2); RFC 7578 §4.3 knows it as the old way.
  const boundary = drawBoundary();
  const parts: Piece[][] = [];
  for (const content of contents) parts.push(await partPieces('attachment', content));
  const head = `Content-Disposition: ${disposition}\r\nContent-Type: multipart/mixed; boundary=${boundary}\r\n\r\n`;
  return [Buffer.from(head), ...delimited(boundary, parts)];
}

async function partPieces(disposition: string, content: FormContent): Promise<Piece[]> {
  const { kind, value } = content;
  const filename = content.filename ?? (kind === 'file' ? path.basename(value) : undefined);
  const type = content.type ?? guessedType(content, filename);
  const named = filename === undefined ? '' : `; filename="${escaped(filename)}"`;
  const head = `Content-Disposition: ${disposition}${named}\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}\r\n`;
  return [Buffer.from(head), kind === 'text' ? Buffer.from(value) : await readPiece(value)];
}

function delimited(boundary: string, parts: readonly Piece[][]): Piece[] {
  return [
    ...parts.flatMap((pieces, at) => [
      Buffer.from(`${at === 0 ? '' : '\r\n'}--${boundary}\r\n`),
      ...pieces,
    ]),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ];
}

function drawBoundary(): string {
  return '-'.repeat(24) + randomBytes(8).toString('hex');
}

/** As browsers and curl do (WHATWG HTML, multipart/form-data encoding): nothing ends the quotes or the line. */
function escaped(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

const types: readonly [string, string][] = [
  ['.gif', 'image/gif'],
  ['.jpg', 'image/jpeg'],
  ['.jpeg', 'image/jpeg'],
  ['.png', 'image/png'],
  ['.svg', 'image/svg+xml'],
  ['.txt', 'text/plain'],
  ['.htm', 'text/html'],
  ['.html', 'text/html'],
  ['.pdf', 'application/pdf'],
  ['.xml', 'application/xml'],
];

/** curl's guesses, by the names. */
function guessedType(
  { kind, value }: FormContent,
  filename: string | undefined,
): string | undefined {
  const byName = (name: string | undefined) =>
    types.find(([ending]) => name?.toLowerCase().endsWith(ending))?.[1];
  const fromDisk = kind !== 'text' && value !== '-';
  const type = byName(filename) ?? (fromDisk ? byName(value) : undefined);
  // Text is what a part is when nothing is said (RFC 7578 §4.4).
  if (filename === undefined) return type === 'text/plain' ? undefined : type;
  return type ?? (fromDisk ? 'application/octet-stream' : undefined);
}
