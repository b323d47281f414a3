/** What one `-F` says, in curl's grammar (curl(1), --form). */
import { CurlFailure } from '../exit-code.ts';

export interface FormField {
  readonly name: string;
  /** Several after `@` are files of one field. */
  readonly contents: readonly FormContent[];
}

export interface FormContent {
  /** `text`: the content itself; `file`: a file that is attached; `content`: what is in a file, as text. */
  readonly kind: 'text' | 'file' | 'content';
  /** The content, or the file's path. */
  readonly value: string;
  readonly type?: string;
  readonly filename?: string;
}

/** `literal`: for `--form-string`, where no character of the value means anything. Throws CurlFailure 2. */
export function readFormField(text: string, { literal }: { literal: boolean }): FormField {
  const at = text.indexOf('=');
  if (at === -1) throw misused(text, 'it has no “=”: write name=value, name=@file or name=<file');
  const name = text.slice(0, at);
  const value = text.slice(at + 1);
  if (literal) return { name, contents: [{ kind: 'text', value }] };
  if (value.startsWith('(') || value === '=)') {
    throw misused(text, 'parts within parts are not offered; several files are, as name=@one,two');
  }
  const kind = value.startsWith('@') ? 'file' : value.startsWith('<') ? 'content' : 'text';
  const contents: FormContent[] = [];
  let rest = kind === 'text' ? value : value.slice(1);
  for (;;) {
    const part = readPart(text, rest, kind === 'file' ? ',' : undefined);
    contents.push({ kind, ...part.content });
    if (part.rest === undefined) return { name, contents };
    rest = part.rest;
  }
}

/** Up to `end`, the mark between two files, or to the end of the text. */
function readPart(
  text: string,
  input: string,
  end: string | undefined,
): { content: Omit<FormContent, 'kind'>; rest?: string } {
  let { word: value, rest } = readWord(input, end);
  const said: { type?: string; filename?: string } = {};
  while (rest.startsWith(';')) {
    const parameter = rest.slice(1).trimStart();
    const [, name, given = ''] = /^(\w+)=\s*(.*)$/s.exec(parameter) ?? [];
    if (parameter === '') rest = '';
    else if (name === 'type') {
      // A media type has parameters of its own, behind semicolons.
      const stop = end === undefined ? -1 : given.indexOf(end);
      const whole = stop === -1 ? given : given.slice(0, stop);
      const next = /;\s*(?:filename|type|headers|encoder)=/.exec(whole);
      const type = next ? whole.slice(0, next.index) : whole;
      if (!/^[^/ ]{1,127}\/[^;, \n]{1,127}/.test(type)) {
        throw misused(text, `${JSON.stringify(type)} is no media type`);
      }
      said.type = type.trim();
      rest = given.slice(type.length);
    } else if (name === 'filename') {
      ({ word: said.filename, rest } = readWord(given, end));
    } else {
      const what = /^(?:headers|encoder)$/.test(name ?? '')
        ? `${name}= is not offered`
        : 'what follows its “;” is neither type= nor filename=; put quotes around a value that holds one';
      throw misused(text, what);
    }
  }
  const content = { value, ...said };
  if (rest === '') return { content };
  if (end !== undefined && rest.startsWith(end)) return { content, rest: rest.slice(1) };
  throw misused(text, 'something follows the closing quote');
}

/** In quotes, a backslash takes the meaning of a quote or a backslash away. */
function readWord(input: string, end: string | undefined): { word: string; rest: string } {
  const text = input.trimStart();
  const quoted = /^"((?:[^"\\]|\\.)*)"\s*/s.exec(text);
  if (quoted) {
    const [whole, word = ''] = quoted;
    return { word: word.replace(/\\(["\\])/g, '$1'), rest: text.slice(whole.length) };
  }
  const stop = text.search(end === undefined ? /;/ : /[;,]/);
  if (stop === -1) return { word: text.trimEnd(), rest: '' };
  return { word: text.slice(0, stop).trimEnd(), rest: text.slice(stop) };
}

function misused(text: string, why: string): CurlFailure {
  return new CurlFailure(2, `--form ${JSON.stringify(text.slice(0, 60))} cannot be sent: ${why}.`);
}
