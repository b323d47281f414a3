/**
 * `CF_ACCESS_AUTHORIZATION_SERVERS`: issuers, separated by commas or white space, each optionally with the
 * hosts that may receive its tokens: `https://login.example.com=api.example.com+*.corp.example.com`. Such
 * an entry needs no quoting in JSON or in a shell.
 */
import { type HostPattern, readHostPatterns } from '../cloudflare/host-pattern.ts';
import type { IssuerTrust } from '../cloudflare/team.ts';
import { parseSecureUrl } from '../secure-url.ts';
import type { Reader } from './service-tokens.ts';

const name = 'CF_ACCESS_AUTHORIZATION_SERVERS';
const example = 'https://login.example.com=api.example.com+*.corp.example.com';

export async function readAuthorizationServers({
  get,
  problems,
}: Reader): Promise<Required<Pick<IssuerTrust, 'authorizationServers' | 'boundHosts'>>> {
  const servers = new Map<string, URL>();
  const boundHosts = new Map<string, readonly HostPattern[]>();
  const entries = (get(name) ?? '').split(/[\s,]+/).filter((text) => text !== '');
  for (const [index, entry] of entries.entries()) {
    const where = `${name}: entry ${index + 1}`;
    // A host contains no `=`, so the last one is the separator.
    const equals = entry.lastIndexOf('=');
    const url = parseSecureUrl(equals === -1 ? entry : entry.slice(0, equals));
    if (url === undefined || url.search || url.hash) {
      problems.push(
        `${where} is not an issuer: an https URL without query and fragment, optionally with the hosts that may receive its tokens, as in ${example}.`,
      );
      continue;
    }
    servers.set(url.href, url);
    if (equals === -1) continue;
    const names = entry.slice(equals + 1).split('+');
    if (names.includes('')) {
      problems.push(`${where} lacks a host after its = or +: write it as in ${example}.`);
      continue;
    }
    const hosts = await readHostPatterns(names);
    problems.push(...hosts.problems.map((problem) => `${where}, ${problem}.`));
    boundHosts.set(url.href, [...(boundHosts.get(url.href) ?? []), ...hosts.patterns]);
  }
  return { authorizationServers: [...servers.values()], boundHosts };
}
