/** What the environment configures beyond the defaults. */
import type { Config } from '../../config.ts';
import { type Finding, ok, skip, warn } from './finding.ts';

export function checkSettings({ warnings }: Config): Finding[] {
  if (warnings.length === 0) return [ok('Environment', 'every variable is usable')];
  return warnings.map((text) => warn('Environment', text, 'It works; see whether it is meant so.'));
}

export function checkServiceTokens({ serviceTokens, trust }: Config): Finding {
  const name = 'Service token';
  if (serviceTokens.length === 0) return skip(name, 'none, which is fine where people sign in');
  const hosts = serviceTokens.flatMap((token) =>
    token.hosts.map(({ hostname, wildcard }) => (wildcard ? `*.${hostname}` : hostname)),
  );
  const team = trust.team === undefined ? [] : [`what is proven to be ${trust.team}’s`];
  const allowed = [...new Set([...hosts, ...team])];
  return allowed.length > 0
    ? ok(name, `${serviceTokens.length}, for ${allowed.join(', ')}`)
    : warn(
        name,
        `${serviceTokens.length}, but it may be sent to no host but this machine`,
        'Name the hosts that may receive it in CF_ACCESS_HOSTS, such as app.example.com, *.corp.example.com.',
      );
}
