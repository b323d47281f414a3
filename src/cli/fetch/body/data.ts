/** The body of a request from `-d` and its kin, as curl puts it together. */
import type { Datum } from '../options.ts';
import { type Piece, readPiece, wholeOf, without } from './pieces.ts';

/** Throws CurlFailure 26 for what cannot be read. Empty when nothing is to be sent. */
export async function dataPieces(data: readonly Datum[]): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for (const [index, datum] of data.entries()) {
    // JSON is put together as it stands; forms are joined as fields are.
    if (index > 0 && datum.kind !== 'json') pieces.push(Buffer.from('&'));
    pieces.push(await pieceOf(datum));
  }
  return pieces;
}

/** What `-d @file` drops, so that a file of lines is one form: NUL, LF, CR. */
const droppedFromForms = [0, 10, 13];

async function pieceOf({ kind, text }: Datum): Promise<Piece> {
  if (kind === 'raw') return Buffer.from(text);
  if (kind === 'encode') return Buffer.from(await encoded(text));
  if (!text.startsWith('@')) return Buffer.from(text);
  const piece = await readPiece(text.slice(1));
  return kind === 'form' ? without(piece, droppedFromForms) : piece;
}

/** `content`, `=content`, `name=content`, `@file`, `name@file`. */
async function encoded(text: string): Promise<string> {
  const [, name = '', mark, rest = ''] = /^([^=@]*)([=@])(.*)$/s.exec(text) ?? [];
  if (mark === undefined) return encode(text);
  const content = mark === '@' ? (await wholeOf([await readPiece(rest)])).toString('utf8') : rest;
  return name === '' ? encode(content) : `${name}=${encode(content)}`;
}

/** A blank becomes a plus sign, as in forms. */
function encode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
