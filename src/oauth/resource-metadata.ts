/**
 * Protected resource metadata (RFC 9728): where it is, and whether it may be believed. It is fetched only
 * from the origin of the requested URL and may describe only a part of that origin.
 */
import { processResourceDiscoveryResponse } from 'oauth4webapi';
import { AccessError } from '../errors.ts';
import { hidesDotSegment } from '../http/path-readings.ts';
import { type ProtocolFetch, tookOf } from '../http/protocol-fetch.ts';
import type { NextStep } from '../next-step.ts';
import { atPath, isSecure, resolveReference } from '../secure-url.ts';
import { cleanServerText, quoteServerText } from '../server-text.ts';
import { holdsDocument, type Took } from './documents/json-answer.ts';
import { resourceDocument } from './documents/resource-document.ts';
import { protocolFailure } from './failures.ts';
import { coversUrl, unclearPath } from './resource-scope.ts';

export interface ResourceMetadata {
  /** Verbatim: it is sent back as the resource indicator (RFC 8707). */
  readonly resource: string;
  readonly authorizationServers: readonly string[];
  readonly scopesSupported?: readonly string[];
  /** Cloudflare's `team_domain`, as claimed. */
  readonly teamDomain?: string;
}

const nextStepAt = ({ host }: URL): NextStep => [
  { do: 'check', whether: 'the address is right' },
  { when: 'confirmed', do: 'ask_operator', host, to: 'fix its resource metadata' },
];

/**
 * The metadata for `requested`: from `challengeUrl` when a challenge named one (§5.1), else from the
 * well-known addresses (§3.1), where a 404 means that there is none. `undefined` when there is none.
 * Throws `invalid_resource_metadata`, `temporarily_unavailable`, and what `fetch` throws.
 */
export async function fetchResourceMetadata(
  requested: URL,
  challengeUrl: string | undefined,
  fetch: ProtocolFetch,
): Promise<ResourceMetadata | undefined> {
  const took = tookOf(fetch, requested);
  if (challengeUrl !== undefined) {
    const url = ownAddress(requested, challengeUrl);
    const response = await fetch(url, { headers: { accept: 'application/json' } });
    if (isPassing(response)) throw unavailable(requested, response);
    return readMetadata(requested, response, took);
  }
  let passing: AccessError | undefined;
  for (const url of wellKnownAddresses(requested)) {
    const response = await fetch(url, { headers: { accept: 'application/json' } });
    if (isPassing(response)) passing ??= unavailable(requested, response);
    // Origins without metadata answer 404, or with the page of their own guard, or with a start page.
    if (await holdsDocument(response, 'resource')) return readMetadata(requested, response, took);
  }
  // While the server is in trouble, nobody can tell whether it has metadata.
  if (passing) throw passing;
  return undefined;
}

function isPassing({ status }: Response): boolean {
  return status >= 500 || status === 429;
}

function unavailable({ host }: URL, { status }: Response): AccessError {
  return new AccessError(
    'temporarily_unavailable',
    `${host} answered ${status} when asked for its resource metadata.`,
    [{ do: 'retry', afterSeconds: 60 }],
  );
}

/** §3.1: first with the path of the resource appended, then the origin's own. */
function wellKnownAddresses(requested: URL): URL[] {
  const wellKnown = '/.well-known/oauth-protected-resource';
  const root = atPath(requested, wellKnown);
  if (requested.pathname === '/') return [root];
  return [atPath(requested, wellKnown + requested.pathname.replace(/(?<!\/)\/+$/, '')), root];
}

function ownAddress(requested: URL, text: string): URL {
  // Deviation from §5.1, which requires a whole URL: some servers name a path on their own origin.
  const url = text === '' ? undefined : resolveReference(text, requested);
  if (url?.origin !== requested.origin || !isSecure(url) || url.username || url.password) {
    throw new AccessError(
      'invalid_resource_metadata',
      `${requested.host} names resource metadata outside its own origin: ${quoteServerText(text)}.`,
      nextStepAt(requested),
    );
  }
  url.hash = '';
  return url;
}

/** The resource is shown verbatim, so it must not contain anything that the URL parser would remove. */
function isPlain(resource: string): boolean {
  return /^[\x21-\x7e]+$/.test(resource) && !/\\|\/\.{1,2}(?:\/|$)/.test(resource);
}

async function readMetadata(
  requested: URL,
  answer: Response,
  took: Took,
): Promise<ResourceMetadata> {
  const subject = `The resource metadata of ${requested.host}`;
  try {
    const response = await resourceDocument(answer, took);
    // Deviation from §3.3, which requires `resource` to be identical to the requested URL: Access names the
    // application that guards the URL. The origin must be the requested one and the path a prefix of its
    // path, so that the document speaks for nothing else.
    const claimed = await claimedResource(response.clone());
    const covering = claimed !== undefined && isPlain(claimed) && coversUrl(claimed, requested);
    if (claimed !== undefined && !covering) {
      if (hidesDotSegment(requested)) throw unclearPath(requested);
      throw new AccessError(
        'invalid_resource_metadata',
        `${subject} is for another resource: ${quoteServerText(claimed)} (RFC 9728 §3.3).`,
        nextStepAt(requested),
      );
    }
    const document = await processResourceDiscoveryResponse(
      covering ? new URL(claimed) : requested,
      response,
    );
    const { resource, authorization_servers, scopes_supported } = document;
    const teamDomain = document.team_domain;
    return {
      resource,
      authorizationServers: texts(authorization_servers),
      ...(scopes_supported === undefined ? {} : { scopesSupported: texts(scopes_supported) }),
      ...(typeof teamDomain === 'string' ? { teamDomain: cleanServerText(teamDomain) } : {}),
    };
  } catch (error) {
    throw protocolFailure(error, 'invalid_resource_metadata', subject, nextStepAt(requested));
  }
}

/** `undefined` when the document names no resource; the library then reports what is wrong with it. */
async function claimedResource(response: Response): Promise<string | undefined> {
  const document: unknown = await response.json().catch(() => undefined);
  if (typeof document !== 'object' || document === null || !('resource' in document)) return;
  return typeof document.resource === 'string' ? document.resource : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string').slice(0, 64) : [];
}
