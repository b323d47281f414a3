/**
 * The environment, read once: a Config, or one `config_invalid` that lists every problem. Messages name
 * variables, never values. Reads only the two files that variables may point to.
 */
import { isAbsolute, join, resolve } from 'node:path';
import type { Limits } from '../access/limits.ts';
import { type HostPattern, parseHostPatterns } from '../cloudflare/host-pattern.ts';
import type { ServiceToken } from '../cloudflare/service-token/service-token.ts';
import { type IssuerTrust, normaliseTeamDomain } from '../cloudflare/team.ts';
import { AccessError } from '../errors.ts';
import type { ProxySettings } from '../http/proxy-rules.ts';
import { type LogLevel, logLevels } from '../log.ts';
import type { OAuthClient } from '../oauth/client.ts';
import { readAuthorizationServers } from './authorization-servers.ts';
import { readBind, readPorts } from './callback.ts';
import { homeFolder } from './home-folder.ts';
import { readLimits } from './limits.ts';
import { readProxies, readTransferUrl } from './network.ts';
import { withUnexpanded } from './placeholders.ts';
import { type Reader, readServiceTokens } from './service-tokens.ts';
import { proxyVariables, type ReadVariable, variableAliases, variableNames } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Config {
  readonly serviceTokens: readonly ServiceToken[];
  /** The hosts that the person vouches for: they may receive the environment's service token. */
  readonly hosts: readonly HostPattern[];
  /** Which servers may sign people in: the pinned team, and further authorization servers. */
  readonly trust: IssuerTrust;
  readonly oauthClient?: OAuthClient;
  /** In the order in which they are tried. */
  readonly callbackPorts: readonly number[];
  /** The address that their listener binds; if absent, both loopback addresses. */
  readonly callbackBind?: string;
  /** What may be requested for the agent. */
  readonly limits: Limits;
  /** Never sign a person in. */
  readonly headless: boolean;
  /** Absent: env-paths' data folder, which is determined when it is needed. */
  readonly dataDir?: string;
  readonly cloudflaredDir: string;
  /** The files of secrets that variables point to; absolute paths. */
  readonly secretFiles: readonly string[];
  readonly transferUrl: URL;
  readonly logLevel: LogLevel;
  /** The proxies as whole URLs, or empty. */
  readonly proxy: ProxySettings;
  /** Unusual but usable settings, for the log. */
  readonly warnings: readonly string[];
}

/** Also has each problem on its own, for callers that show one per line. */
export class EnvironmentError extends AccessError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('config_invalid', `The environment is not usable: ${problems.join(' ')}`, [
      { do: 'fix_variables' },
    ]);
    this.problems = problems;
  }
}

/** Throws EnvironmentError (`config_invalid`). An empty variable counts as unset. */
export async function readConfig(environment: Environment): Promise<Config> {
  const problems: string[] = [];
  const warnings: string[] = [];
  const get = (name: ReadVariable): string | undefined => environment[name]?.trim() || undefined;
  const reader: Reader = { get, problems, warnings };

  const hosts = await readHosts(reader);
  const serviceTokens = await readServiceTokens(reader, hosts);
  if (hosts.length > 0 && serviceTokens.length === 0) {
    warnings.push(
      'CF_ACCESS_HOSTS is set, but there is no service token to send: all it does is let people sign in to these hosts in the browser without proof of their team.',
    );
  }
  const trust = { team: readTeam(reader), ...(await readAuthorizationServers(reader)) };
  const oauthClient = readOAuthClient(reader);
  if (oauthClient?.clientSecret && !trust.team && trust.authorizationServers.length === 0) {
    warnings.push(
      'CF_ACCESS_OAUTH_CLIENT_SECRET is set, but is sent nowhere until CF_ACCESS_AUTHORIZATION_SERVERS lists the issuer that it is for, or CF_ACCESS_TEAM_DOMAIN pins the team.',
    );
  }
  const callbackPorts = readPorts(reader);
  const callbackBind = readBind(reader);
  const limits = await readLimits(reader);
  const headless = readHeadless(reader);
  const dataDir = readDataDir(reader);
  const transferUrl = readTransferUrl(reader);
  const logLevel = readLogLevel(reader);
  const proxy = await readProxies(reader);
  const all = withUnexpanded(problems, environment, [
    ...variableNames,
    ...variableAliases,
    ...proxyVariables,
  ]);
  if (all.length > 0) throw new EnvironmentError(all);
  if (get('NODE_TLS_REJECT_UNAUTHORIZED') === '0') {
    warnings.push(
      'NODE_TLS_REJECT_UNAUTHORIZED=0 is ignored: certificates are always verified. For a private certificate authority, set NODE_EXTRA_CA_CERTS to its PEM file.',
    );
  }
  return {
    serviceTokens,
    hosts,
    trust,
    ...(oauthClient ? { oauthClient } : {}),
    callbackPorts,
    ...(callbackBind ? { callbackBind } : {}),
    limits,
    headless,
    ...(dataDir ? { dataDir: resolve(dataDir) } : {}),
    cloudflaredDir: join(homeFolder(environment), '.cloudflared'),
    secretFiles: (
      ['CF_ACCESS_CLIENT_SECRET_FILE', 'CF_ACCESS_SERVICE_TOKENS_FILE'] as const
    ).flatMap((name) => get(name) ?? []),
    transferUrl,
    logLevel,
    proxy,
    warnings,
  };
}

async function readHosts({ get, problems }: Reader): Promise<readonly HostPattern[]> {
  const hosts = await parseHostPatterns(get('CF_ACCESS_HOSTS') ?? '');
  problems.push(...hosts.problems.map((problem) => `CF_ACCESS_HOSTS: ${problem}.`));
  return hosts.patterns;
}

function readTeam({ get, problems }: Reader): string | undefined {
  const text = get('CF_ACCESS_TEAM_DOMAIN');
  if (text === undefined) return undefined;
  const team = normaliseTeamDomain(text);
  if (team === undefined) {
    problems.push('CF_ACCESS_TEAM_DOMAIN is not a team: write acme or acme.cloudflareaccess.com.');
  }
  return team;
}

function readOAuthClient({ get, problems }: Reader): OAuthClient | undefined {
  const clientId = get('CF_ACCESS_OAUTH_CLIENT_ID');
  const clientSecret = get('CF_ACCESS_OAUTH_CLIENT_SECRET');
  if (clientId === undefined) {
    if (clientSecret !== undefined) {
      problems.push('CF_ACCESS_OAUTH_CLIENT_SECRET is set, but CF_ACCESS_OAUTH_CLIENT_ID is not.');
    }
    return undefined;
  }
  if (!/^[\x21-\x7e]+$/.test(clientId)) {
    problems.push('CF_ACCESS_OAUTH_CLIENT_ID contains a character that a client ID cannot have.');
  }
  return clientSecret === undefined
    ? { clientId, tokenEndpointAuthMethod: 'none' }
    : { clientId, clientSecret, tokenEndpointAuthMethod: 'client_secret_basic' };
}

function readHeadless({ get, problems }: Reader): boolean {
  const text = get('CF_ACCESS_HEADLESS')?.toLowerCase();
  if (text !== undefined && !['1', '0', 'true', 'false'].includes(text)) {
    problems.push('CF_ACCESS_HEADLESS is neither 1 nor 0.');
  }
  if (text !== undefined) return text === '1' || text === 'true';
  return get('CI')?.toLowerCase() === 'true';
}

/** A relative path would mean a different folder in every working directory that a host starts us in. */
function readDataDir({ get, problems }: Reader): string | undefined {
  const path = get('CF_ACCESS_DATA_DIR');
  if (path !== undefined && !isAbsolute(path)) {
    problems.push('CF_ACCESS_DATA_DIR is not an absolute path; ~ is not expanded here.');
  }
  return path;
}

function readLogLevel({ get, problems }: Reader): LogLevel {
  const text = get('CF_ACCESS_LOG')?.toLowerCase() ?? 'warn';
  const level = logLevels.find((known) => known === text);
  if (level === undefined) problems.push(`CF_ACCESS_LOG is none of ${logLevels.join(', ')}.`);
  return level ?? 'warn';
}
