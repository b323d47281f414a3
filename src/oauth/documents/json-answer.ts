/**
 * Prepares a JSON answer for the strict library. Sloppy form is corrected and reported where it neither
 * identifies nor grants anything (the rules for each document are in the file named after it); anything else
 * is a fault that names the member and the kind of value it held.
 */
import { AnswerFault } from './answer-fault.ts';

export interface Answer {
  readonly status: number;
  /** Without those that are null, which means the same as absent. */
  readonly members: Record<string, unknown>;
  /** Reports what was corrected. */
  readonly took: Took;
}

/** Takes our own words only, never a value that the server sent. */
export type Took = (what: string) => void;

/**
 * `read`: the members that the caller reads; only they are worth reporting. Throws `AnswerFault` when the
 * body is not a JSON object, or when the status says that there is no document.
 */
export async function openAnswer(
  response: Response,
  read: readonly string[],
  took: Took,
): Promise<Answer> {
  const { status } = response;
  if (status >= 500 || status === 429 || status === 408) {
    throw new AnswerFault(`the server answered ${status}`, { passing: true });
  }
  if (status >= 300 && status < 400) {
    const what = `the server answered with a redirect (HTTP ${status}), which is not followed`;
    throw new AnswerFault(what, { passing: true });
  }
  const text = await response.text();
  if (isHtml(response) || /^\s*</.test(text)) {
    // With these statuses the server itself says, in HTML, that it has nothing here; waiting does not help.
    const passing = ![404, 405, 410].includes(status);
    throw new AnswerFault(`an HTML page came instead of a JSON document (HTTP ${status})`, {
      passing,
      status,
    });
  }
  const document = parse(text);
  if (!isObject(document)) {
    const what = text === '' ? 'nothing' : document === undefined ? 'no JSON' : kindOf(document);
    throw status >= 400
      ? new AnswerFault(
          `the server answered ${status}${text === '' ? ' without saying why' : ''}`,
          {
            words: text,
            status,
          },
        )
      : new AnswerFault(
          `the answer holds ${what} where a JSON object is expected (HTTP ${status}, ${mediaTypeOf(response) || 'no media type'})`,
        );
  }
  if (!isJson(response)) took('a JSON document of another media type was read as one');
  for (const name of read) {
    if (document[name] === null) took(`${name} was null, treated as absent`);
  }
  const members = Object.fromEntries(
    Object.entries(document).filter(([, value]) => value !== null),
  );
  return { status, members, took };
}

/** The answer in the form that the library expects. */
export function asResponse({ members }: Answer, status: number): Response {
  const headers = { 'content-type': 'application/json' };
  return new Response(JSON.stringify(members), { status, headers });
}

/**
 * Whether a successful answer is a document: its media type is JSON, or its body is a JSON object that has
 * `member`. HTML never is.
 */
export async function holdsDocument(response: Response, member: string): Promise<boolean> {
  if (!response.ok) return false;
  if (isJson(response)) return true;
  if (isHtml(response)) return false;
  const document = parse(await response.clone().text());
  return isObject(document) && Object.hasOwn(document, member);
}

function mediaTypeOf({ headers }: Response): string {
  const [type = ''] = (headers.get('content-type') ?? '').split(/[;,]/, 1);
  return /^[\w.+/-]{1,80}$/.test(type.trim()) ? type.trim().toLowerCase() : '';
}

function isJson(response: Response): boolean {
  return /^application\/(?:[\w.+-]+\+)?json$/.test(mediaTypeOf(response));
}

function isHtml(response: Response): boolean {
  return /^(?:text\/html|application\/xhtml\+xml)$/.test(mediaTypeOf(response));
}

function parse(text: string): unknown {
  try {
    // Response.text() has removed a byte order mark.
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The kind of `value`, without repeating any of it: it may be a secret. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (value === '') return 'an empty string';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'string'
    ? 'a string'
    : typeof value === 'number'
      ? 'a number'
      : 'an object';
}
