/** Describes the sandbox's applications, and lists their hosts for CF_ACCESS_HOSTS. */
import type { ApplicationName } from '../../sandbox/catalogue.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';

export const shows: Readonly<Record<ApplicationName, string>> = {
  'managed-oauth': 'Managed OAuth on: 401, Bearer challenge with resource metadata',
  'managed-oauth-path': 'Managed OAuth on /admin only; the rest of the host is open',
  'browser-login': 'Managed OAuth off, an Allow policy: 302 to the login page',
  'browser-login-second': 'another application of the same team: no second sign-in is needed',
  'browser-login-path-relative': 'the same, its login redirect relative to the host',
  'browser-login-wildcard': 'the same on /wiki/* only; the rest of the host is open',
  'browser-login-partial-wildcard': 'the same on /wiki* only, which includes /wiki-archive',
  'browser-login-two-domains': 'one application of two domains, the login leads over both',
  'browser-login-two-domains-other': 'its other domain',
  'browser-login-preview': 'the same where `preview=` stands in the query; 404 without it',
  'service-auth': 'Service Auth policies only: 403 without a service token',
  'service-auth-401': 'the same, set to answer 401',
  'service-auth-or-login': 'a service token or a person',
  denied: 'policies that admit nobody: 403 with Cf-Access-Error, whoever asks',
  'denied-or-login': 'the same to a stranger; a service token or a person is let in',
  bypass: 'a Bypass policy: nothing to do',
  'no-application': 'no application, protection required: error 1043',
  'tunnel-down': 'the tunnel is down: 530, error 1033',
  'identity-provider': 'signs people in itself, with Access as its identity provider (OIDC)',
  'strict-service-auth': 'a strict organisation: service tokens, no cookie comes back',
  'strict-service-auth-or-login': 'a strict organisation: a service token or a person',
};

/**
 * For CF_ACCESS_HOSTS: each host with its port, since other ports on this machine belong to other
 * programs.
 */
export function hostsOf({ applications }: Sandbox): string {
  return Object.values(applications)
    .map(({ url }) => url.host)
    .join(',');
}
