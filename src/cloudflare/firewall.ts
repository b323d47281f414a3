/**
 * A site's firewall at Cloudflare, which may stand before Access and let only certain programs through
 * (error 1010 goes by the User-Agent). Where the agent's own has passed, our questions to the same origin
 * go out under it as well, once they were refused; and a refusal of the firewall's is named as such.
 */
import { AccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import { accessErrorNumber } from './error-page.ts';
import type { UnauthenticatedAnswer } from './protection.ts';

/** A firewall's word: nothing about the resource, its metadata or its team follows from it. */
export class FirewallRefusal extends AccessError {}

export interface UserAgents {
  /** The agent's own User-Agent got past the firewall of `url`'s origin. */
  passed(url: URL, userAgent: string): void;
  at(url: URL): string | undefined;
}

const mostOrigins = 200;

export function createUserAgents(): UserAgents {
  /** By origin. */
  const known = new Map<string, string>();
  return {
    passed({ origin }, userAgent) {
      if (known.size >= mostOrigins) known.clear();
      known.set(origin, userAgent);
    },
    at: ({ origin }) => known.get(origin),
  };
}

/** Error 1010: refused by the User-Agent. */
export function isRefusedByName(status: number, bodyStart: string): boolean {
  return accessErrorNumber(status, bodyStart) === 1010;
}

/** `fetch` for questions to resources and their servers. Throws `FirewallRefusal`. */
export function pastFirewall(fetch: ProtocolFetch, userAgents: UserAgents): ProtocolFetch {
  const asking: ProtocolFetch = async (input, request) => {
    const answer = await fetch(input, request);
    if (answer.status !== 403) return answer;
    const url = new URL(input);
    const userAgent = userAgents.at(url);
    const isUnsaid = request?.method === 'HEAD' && !isFromAccess(answer);
    const number = accessErrorNumber(403, await answer.clone().text());
    if (userAgent !== undefined && (number === 1010 || isUnsaid)) {
      const headers = new Headers(request?.headers);
      headers.set('user-agent', userAgent);
      const again = await fetch(input, { ...request, headers });
      return refuseBlock(url, again);
    }
    return refuseBlock(url, answer);
  };
  return fetch.took ? Object.assign(asking, { took: fetch.took }) : asking;
}

/** The answer to a HEAD has no body for the number to stand in. */
function isFromAccess({ headers }: Response): boolean {
  return ['cf-access-metadata', 'cf-access-aud', 'cf-access-error'].some((name) =>
    headers.has(name),
  );
}

async function refuseBlock(url: URL, answer: Response): Promise<Response> {
  if (answer.status !== 403) return answer;
  const number = accessErrorNumber(403, await answer.clone().text());
  // Access's own.
  if (number === undefined || number === 1043) return answer;
  throw firewallRefusal(url, number);
}

/** The refusal that a firewall's error page stands for; `undefined` for any other answer. */
export function firewallRefusalIn({
  url,
  status,
  bodyStart,
}: Pick<UnauthenticatedAnswer, 'url' | 'status' | 'bodyStart'>): FirewallRefusal | undefined {
  const number = accessErrorNumber(status, bodyStart);
  return status !== 403 || number === undefined ? undefined : firewallRefusal(url, number);
}

function firewallRefusal({ host }: URL, number: number): FirewallRefusal {
  return new FirewallRefusal(
    'access_denied',
    `The firewall in front of ${host} refuses this program’s requests (Cloudflare’s error ${number}): not Access, and nobody’s policy there.`,
    [
      { do: 'avoid_sign_in', why: 'same_answer' },
      {
        do: 'ask_administrator',
        to: `let requests of the User-Agent cloudflare-access-mcp through the firewall of ${host}`,
      },
      ...(number === 1010 ? ([{ when: 'otherwise', do: 'send_user_agent' }] as const) : []),
    ],
  );
}
