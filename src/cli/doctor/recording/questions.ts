/**
 * The requests of `doctor --record`. None of them registers, signs in or changes anything. None carries a
 * credential, except that a stored session’s token is sent in one request to its own resource.
 */
import type { KeyObject } from 'node:crypto';
import { isAccessPage } from '../../../cloudflare/access-pages.ts';
import { isAccessError } from '../../../errors.ts';
import { discard, peek } from '../../../http/peek.ts';
import { bounds } from '../../../http/waiting/bounds.ts';
import { within } from '../../../http/waiting/within.ts';
import { credentialFields } from '../../../secrets/credential.ts';
import { atPath } from '../../../secure-url.ts';
import { sessionCredential } from '../../../session/resource-credential.ts';
import type { Walk } from '../authorization.ts';
import type { Field } from './fields.ts';
import { keysIn, metadataOf, teamOf } from './named.ts';
import type { Seen } from './redact.ts';

export interface Asked {
  readonly seen: readonly Seen[];
  readonly keys: ReadonlyMap<string, KeyObject>;
}

/** The maximum length of a body; documents from Access are far shorter. */
const bodyBytes = 64 * 1024;
const json: Field = ['accept', 'application/json'];
const ownAgent: Field = ['user-agent', 'cloudflare-access-mcp'];
const browser: readonly Field[] = [
  ['accept', 'text/html,application/xhtml+xml,*/*;q=0.8'],
  ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
];

type Question = Pick<Seen, 'question' | 'url'> &
  Partial<Pick<Seen, 'method' | 'fields' | 'credential'>> & {
    /** A document from Access, which is recorded whatever its status. */
    readonly isDocument?: true;
  };

export async function askAll(walk: Walk): Promise<Asked> {
  const { url, rooms, config } = walk;
  const seen: Seen[] = [];
  const ask = async (question: Question): Promise<Seen> => {
    // Two questions may lead to the same document.
    const before = question.isDocument && seen.find((each) => each.url.href === question.url.href);
    if (before) return before;
    const answered = await askOne(walk, question);
    seen.push(answered);
    return answered;
  };

  const first = await ask({ question: 'as this program asks', url });
  await ask({ question: 'for JSON', url, fields: [json] });
  await ask({
    question: 'as a script of a page',
    url,
    fields: [['x-requested-with', 'XMLHttpRequest']],
  });
  await ask({ question: 'as a browser', url, fields: browser });
  await ask({
    question: 'as a preflight',
    url,
    method: 'OPTIONS',
    fields: [['access-control-request-method', 'GET']],
  });
  const proof: Omit<Question, 'url'> = {
    question: 'who guards this host',
    method: 'HEAD',
    fields: [['cf-access-metadata-request', 'true']],
  };
  let signed = await ask({ ...proof, url: atPath(url, url.pathname) });
  // A host that exists only with a query.
  if (signed.answer?.status === 404 && url.search !== '') signed = await ask({ ...proof, url });

  const wellKnown = atPath(
    url,
    `/.well-known/oauth-protected-resource${url.pathname.replace(/\/$/, '')}`,
  );
  const documents: Question[] = [
    ...metadataOf(first, url).map((at) => ({ question: 'the metadata of the challenge', url: at })),
    { question: 'the metadata at RFC 9728’s address', url: wellKnown },
    {
      question: 'the authorization server, at the application',
      url: atPath(url, '/.well-known/oauth-authorization-server'),
    },
  ];
  for (const each of documents) {
    await ask({ ...each, fields: [json], isDocument: true });
  }
  const team = teamOf(seen, signed, url, config);
  let keys: ReadonlyMap<string, KeyObject> = new Map();
  if (team !== undefined) {
    await ask({
      question: 'the authorization server, at the team',
      url: atPath(team, '/.well-known/oauth-authorization-server'),
      fields: [json],
      isDocument: true,
    });
    const { answer } = await ask({
      question: 'the team’s keys',
      url: atPath(team, '/cdn-cgi/access/certs'),
      fields: [json],
      isDocument: true,
    });
    keys = keysIn(answer?.body ?? '');
  }
  const session = await rooms.access.sessions.find(url);
  if (session && rooms.access.sessions.isFresh(session) && !isAccessPage(url.pathname)) {
    const [credential] = credentialFields(sessionCredential(session).credential);
    await ask({
      question: 'with the session that is kept',
      url,
      ...(credential ? { credential } : {}),
    });
  }
  return { seen, keys };
}

async function askOne(
  { rooms, signal: caller, userAgent: given }: Walk,
  { question, url, method = 'GET', fields = [], credential, isDocument }: Question,
): Promise<Seen> {
  const userAgent = fields.some(([name]) => name === 'user-agent') ? undefined : given;
  const agent = userAgent === undefined ? [ownAgent] : [];
  const withDefaults = [...new Map<string, string>([['accept', '*/*'], ...agent, ...fields])];
  const asked = {
    question,
    method,
    url,
    fields: withDefaults,
    ...(userAgent === undefined ? {} : { userAgent }),
    ...(credential ? { credential } : {}),
  };
  const until = within(bounds.protocolAnswer, caller);
  try {
    const incoming = await rooms.send({
      method,
      url,
      headers: [
        ...withDefaults,
        ...(userAgent === undefined ? [] : [['user-agent', userAgent] as const]),
        ...(credential ? [credential] : []),
      ],
      signal: until.deadline,
    });
    const at = rooms.clock.now();
    const { status, headers } = incoming;
    const isSomebodys = (status >= 200 && status < 300 && !isDocument) || credential !== undefined;
    if (isSomebodys) {
      discard(incoming);
      return { ...asked, answer: { at, status, headers, body: undefined } };
    }
    const { text, answer } = await peek(incoming, bodyBytes, until.deadline);
    discard(answer);
    return { ...asked, answer: { at, status, headers, body: text } };
  } catch (error) {
    if (!isAccessError(error) || error.code === 'cancelled') throw error;
    return { ...asked, failure: error.code };
  } finally {
    until.release();
  }
}
