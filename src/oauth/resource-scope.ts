/**
 * Which URLs a resource covers; nothing else decides this. A path that hides a dot segment is covered by no
 * prefix, only by its whole origin, since some server on the way may resolve the segment and leave the
 * prefix.
 */
import { AccessError } from '../errors.ts';
import { hidesDotSegment } from '../http/path-readings.ts';

/**
 * A resource becomes part of the authorization URL and of a record, and nothing else bounds the slashes at
 * its end.
 */
const longestResource = 8192;

/**
 * In path segments. Each prefix of a URL's path may have a session and is looked up, so there has to be a
 * bound.
 */
export const deepestResource = 32;

/** True when `resource` is `url`'s origin, or a path of it that contains `url` however a server reads it. */
export function coversUrl(resource: string, url: URL): boolean {
  return coverageOf(url)(resource);
}

/** As `coversUrl`, for several resources of one URL. */
export function coverageOf(url: URL): (resource: string) => boolean {
  const unclear = hidesDotSegment(url);
  const { origin, pathname } = url;
  return (resource) => {
    if (resource.length > longestResource) return false;
    const path = plainPathAt(origin, resource) ?? parsedPathAt(origin, resource);
    const prefix = path?.replace(/(?<!\/)\/+$/, '');
    if (prefix === undefined) return false;
    if (prefix === '') return true;
    if (unclear) return false;
    if (prefix.split('/').length - 1 > deepestResource) return false;
    return pathname === prefix || pathname.startsWith(`${prefix}/`);
  };
}

/**
 * The path of a resource at `origin` that a parser would leave as it is, without asking one: each request
 * looks for the sessions of all its prefixes.
 */
function plainPathAt(origin: string, resource: string): string | undefined {
  if (!origin.startsWith('http') || !resource.startsWith(origin)) return undefined;
  const rest = resource.slice(origin.length);
  return plainPath.test(rest) ? rest : undefined;
}

/** No dot segments, nothing that is or would be percent-encoded. */
const plainPath = /^(?:\/[\w~-][\w.~-]*)*\/?$/;

function parsedPathAt(origin: string, resource: string): string | undefined {
  if (!URL.canParse(resource)) return undefined;
  const covered = new URL(resource);
  if (covered.origin !== origin || covered.username || covered.password) return undefined;
  return covered.search || covered.hash ? undefined : covered.pathname;
}

/**
 * The refusal for a URL whose path hides a dot segment: it gets no credential that is for one path of its
 * host.
 */
export function unclearPath({ host }: URL): AccessError {
  return new AccessError(
    'invalid_input',
    `${host} asks for a credential at a path that hides a “..” (encoded, or before a “;”). Some servers would read it as a path outside the application, so a credential for one path alone is not sent there.`,
    [
      {
        do: 'correct_input',
        with: 'the plain path that is meant, without encoded dots and slashes (%2e, %2f, %5c) and without “..;”',
      },
      { when: 'not_typed', do: 'do_not_follow' },
    ],
  );
}
