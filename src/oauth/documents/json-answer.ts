/**
 * A JSON answer before the strict library reads it. What is careless in its form, and neither
 * identifies nor grants anything, is put right (for each RFC noun in the file of its reader), and
 * whoever asked is told; everything else is a fault that names the member and what it held.
 */
import { AnswerFault } from './answer-fault.ts';

export interface Answer {
  readonly status: number;
  /** Those that held null are left out: null says as little as a member that is not there. */
  readonly members: Record<string, unknown>;
  /** Tells what was put right. */
  readonly took: Took;
}

/** Our own words alone: no value that the server sent stands in them. */
export type Took = (what: string) => void;

/**
 * `read`: the members that the caller reads, which are the ones worth telling about. Throws
 * `AnswerFault` for what holds no JSON object and for a status that speaks of no document.
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
    // A server that has nothing at this address says so in HTML as well, and will go on saying it.
    const passing = ![404, 405, 410].includes(status);
    throw new AnswerFault(`a page came in the place of a JSON document (HTTP ${status})`, {
      passing,
      status,
    });
  }
  const document = parse(text);
  if (!isObject(document)) {
    const what = text === '' ? 'nothing' : document === undefined ? 'no JSON' : holding(document);
    throw status >= 400
      ? new AnswerFault(
          `the server answered ${status}${text === '' ? ' without saying why' : ''}`,
          {
            words: text,
            status,
          },
        )
      : new AnswerFault(
          `the answer holds ${what} where a JSON object belongs (HTTP ${status}, ${mediaTypeOf(response) || 'no media type'})`,
        );
  }
  if (!isJson(response)) took('a JSON document of another media type was read as one');
  for (const name of read) {
    if (document[name] === null) took(`${name} held null, taken as absent`);
  }
  const members = Object.fromEntries(
    Object.entries(document).filter(([, value]) => value !== null),
  );
  return { status, members, took };
}

/** The answer as the library wants it. */
export function asResponse({ members }: Answer, status: number): Response {
  const headers = { 'content-type': 'application/json' };
  return new Response(JSON.stringify(members), { status, headers });
}

/**
 * Whether a successful answer holds a document: one of the JSON media type, whatever it holds, or of
 * another that has `member`. A start page is none, and neither is anything that HTML may carry.
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

/** What `value` is, in words that repeat nothing of it: it may be a secret. */
export function holding(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (value === '') return 'an empty text';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'string'
    ? 'a text'
    : typeof value === 'number'
      ? 'a number'
      : 'an object';
}
