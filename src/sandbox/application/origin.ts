/**
 * The origin behind the applications: a wiki page, an echo, and unusual answers for tests. It knows
 * nothing about Access except what Access passes on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, json, redirect, text } from '../server/answer.ts';
import { cookieValues } from '../server/cookies.ts';
import type { Received } from '../server/received.ts';
import type { HeaderFields } from './forwarded-fields.ts';
import { bytes, events, gzipBomb, picture } from './origin-bodies.ts';
import { wiki } from './wiki-page.ts';

export async function origin(request: Received, fields: HeaderFields): Promise<Answer> {
  const { pathname, searchParams: query } = request.url;
  const [, first, second] = pathname.split('/');
  switch (first) {
    case '':
    case 'wiki':
    case 'admin':
      return wiki(fields['cf-access-authenticated-user-email']);
    case 'echo':
      return json(200, reflect(request, fields));
    case 'echo-all': // literally everything that was sent, for tests of what leaks
      return json(200, reflect(request, { ...request.headers, ...fields }));
    case 'status':
      return status(Number(second));
    case 'redirect':
      return { ...redirect(query.get('to') ?? '/'), status: redirectStatus(query.get('status')) };
    case 'bytes':
      return bytes(Number(second));
    case 'slow':
      await sleep(Number(query.get('ms') ?? 1000), undefined, { signal: request.gone });
      return text(200, 'slow');
    case 'stream':
      return events();
    case 'gzip-bomb':
      return gzipBomb();
    case 'image.png':
      return picture();
    case 'set-cookie':
      return text(200, 'set', {
        'set-cookie': `${query.get('name') ?? 'name'}=${encodeURIComponent(query.get('value') ?? '')}; Path=/`,
      });
    case 'cookies':
      return json(200, readCookies(fields.cookie));
    default:
      return text(404, 'Not found');
  }
}

function reflect(request: Received, headers: HeaderFields): unknown {
  const { method, url, body } = request;
  return { method, url: url.pathname + url.search, headers, body: body.toString() };
}

function status(code: number): Answer {
  if (!Number.isInteger(code) || code < 200 || code > 599) return text(400, 'Not a status');
  return text(code, `status ${code}`);
}

function redirectStatus(asked: string | null): number {
  const code = Number(asked ?? 302);
  return [301, 302, 303, 307, 308].includes(code) ? code : 302;
}

function readCookies(header: string | string[] | undefined): Record<string, string> {
  const names = [header ?? []].flat().flatMap((line) => line.split(';'));
  return Object.fromEntries(
    names
      .map((pair) => pair.split('=')[0]?.trim() ?? '')
      .filter((name) => name !== '')
      .map((name) => [name, cookieValues(header, name)[0] ?? '']),
  );
}
