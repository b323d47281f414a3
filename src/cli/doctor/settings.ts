/** What the environment configures beyond the defaults. */
import type { HostPattern } from '../../cloudflare/host-pattern.ts';
import type { Config, Environment } from '../../config/config.ts';
import { variableAliases, variableNames } from '../../config/variables.ts';
import { type Finding, ok, skip, warn } from './finding.ts';

export function checkSettings({ warnings }: Config, environment: Environment): Finding[] {
  const name = 'Environment';
  const findings = warnings.map((text) =>
    warn(name, text, 'It works; see whether it is meant so.'),
  );
  const unknown = unknownVariables(environment);
  if (unknown.length > 0) {
    const text = `${unknown.join(', ')}: read by nothing here`;
    findings.push(warn(name, text, `Correct the spelling: ${variableNames.join(', ')}.`));
  }
  return findings.length > 0 ? findings : [ok(name, 'every variable is usable')];
}

/** Those that look like ours. A server would start all the same: they may be another program's. */
function unknownVariables(environment: Environment): string[] {
  const known: readonly string[] = [...variableNames, ...variableAliases];
  return Object.keys(environment)
    .filter((name) => /^(?:CF|CLOUDFLARE)_ACCESS_/i.test(name))
    .filter((name) => !known.includes(process.platform === 'win32' ? name.toUpperCase() : name))
    .sort();
}

/** Nothing where there is no limit. */
export function checkLimits({ limits: { readOnly, allowedHosts } }: Config): Finding[] {
  const hosts = allowedHosts?.map(patternText).join(', ');
  return [
    ...(readOnly
      ? [ok('Read-only', 'only GET, HEAD and OPTIONS are sent, and no token is given')]
      : []),
    ...(hosts === undefined ? [] : [ok('Allowed hosts', `${hosts}, and no other`)]),
  ];
}

export function checkServiceTokens({ serviceTokens, trust }: Config): Finding {
  const name = 'Service token';
  if (serviceTokens.length === 0) return skip(name, 'none, which is fine where people sign in');
  const hosts = serviceTokens.flatMap((token) => token.hosts.map(patternText));
  const team = trust.team === undefined ? [] : [`what is proven to be ${trust.team}’s`];
  const allowed = [...new Set([...hosts, ...team])];
  return allowed.length > 0
    ? ok(name, `${serviceTokens.length}, for ${allowed.join(', ')}`)
    : warn(
        name,
        `${serviceTokens.length}, but it may be sent to no host`,
        'Name the hosts that may receive it in CF_ACCESS_HOSTS, such as app.example.com, *.corp.example.com; localhost is a host like any other.',
      );
}

function patternText({ hostname, wildcard, port }: HostPattern): string {
  return `${wildcard ? '*.' : ''}${hostname}${port === '' ? '' : `:${port}`}`;
}
