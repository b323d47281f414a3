/** Checks what the environment configures beyond the defaults. */
import type { HostPattern } from '../../cloudflare/host-pattern.ts';
import type { Config, Environment } from '../../config/config.ts';
import { variableAliases, variableNames } from '../../config/variables.ts';
import { type Finding, ok, skip, warn } from './finding.ts';

export function checkSettings({ warnings }: Config, environment: Environment): Finding[] {
  const name = 'Environment';
  const findings = warnings.map((text) =>
    warn(name, text, 'It works; check whether it is intended.'),
  );
  const unknown = unknownVariables(environment);
  if (unknown.length > 0) {
    const text = `${unknown.join(', ')}: not a variable of this program`;
    findings.push(warn(name, text, `Correct the spelling: ${variableNames.join(', ')}.`));
  }
  return findings.length > 0 ? findings : [ok(name, 'every variable is usable')];
}

/**
 * Variables whose names look like ours. A server starts in spite of them, because they may belong to
 * another program.
 */
function unknownVariables(environment: Environment): string[] {
  const known: readonly string[] = [...variableNames, ...variableAliases];
  return Object.keys(environment)
    .filter((name) => /^(?:CF|CLOUDFLARE)_ACCESS_/i.test(name))
    .filter((name) => !known.includes(process.platform === 'win32' ? name.toUpperCase() : name))
    .sort();
}

/** Empty if no limit is set. */
export function checkLimits({ limits: { readOnly, allowedHosts } }: Config): Finding[] {
  const hosts = allowedHosts?.map(patternText).join(', ');
  return [
    ...(readOnly
      ? [ok('Read-only', 'only GET, HEAD and OPTIONS are sent, and no token is handed out')]
      : []),
    ...(hosts === undefined ? [] : [ok('Allowed hosts', `${hosts}, and no other`)]),
  ];
}

export function checkServiceTokens({ serviceTokens, trust }: Config): Finding {
  const name = 'Service token';
  if (serviceTokens.length === 0) return skip(name, 'none, which is fine if people sign in');
  const hosts = serviceTokens.flatMap((token) => token.hosts.map(patternText));
  const team =
    trust.team === undefined ? [] : [`hosts that prove that they belong to ${trust.team}`];
  const allowed = [...new Set([...hosts, ...team])];
  return allowed.length > 0
    ? ok(name, `${serviceTokens.length}, for ${allowed.join(', ')}`)
    : warn(
        name,
        `${serviceTokens.length}, but it may not be sent to any host`,
        'Name the hosts that may receive it in CF_ACCESS_HOSTS, such as app.example.com, *.corp.example.com; localhost must be named like any other host.',
      );
}

function patternText({ hostname, wildcard, port }: HostPattern): string {
  return `${wildcard ? '*.' : ''}${hostname}${port === '' ? '' : `:${port}`}`;
}
