/**
 * Checks service tokens as people write them: client ID and secret in the environment, and the JSON of
 * `CF_ACCESS_SERVICE_TOKENS_FILE`, `[{"hosts":["a.example.com"],"client_id":"…","client_secret":"…"}]`.
 * Problems name entries and fields, never values.
 */
import { readHostPatterns } from '../host-pattern.ts';
import type { ServiceToken } from './service-token.ts';

export interface PairCheck {
  /** Must be fixed: these values cannot be sent, or cannot be a service token. */
  readonly problems: readonly string[];
  /** Does not look like what Cloudflare issues, but can be sent. */
  readonly warnings: readonly string[];
}

export interface ServiceTokensFile extends PairCheck {
  readonly tokens: readonly ServiceToken[];
}

const maxLength = 4096;
const knownId = /^[0-9a-f]{32}\.access$/i;
/** `cfast_`, 40 alphanumerics and a checksum of 8 since 2026-08-26; 64 hex digits before. */
const knownSecret = /^(?:cfast_[A-Za-z0-9]{48}|[0-9a-f]{64})$/i;

/** Each text begins with “the client ID” or “the client secret”. */
export function checkServiceTokenPair(clientId: string, clientSecret: string): PairCheck {
  const problems = [
    ...valueProblems('the client ID', clientId),
    ...valueProblems('the client secret', clientSecret),
  ];
  if (problems.length > 0) return { problems, warnings: [] };
  if (knownSecret.test(clientId) && clientSecret.endsWith('.access')) {
    return {
      problems: ['the client ID and the client secret are the wrong way round'],
      warnings: [],
    };
  }
  const warnings: string[] = [];
  if (!knownId.test(clientId))
    warnings.push('the client ID does not look like one (32 hex digits and “.access”)');
  if (!knownSecret.test(clientSecret))
    warnings.push('the client secret does not look like one (“cfast_…” or 64 hex digits)');
  return { problems, warnings };
}

function valueProblems(what: string, value: string): string[] {
  if (value === '') return [`${what} is empty`];
  // The dashboard's copy button copies the whole header field.
  if (/^\s*cf-access-client-(?:id|secret)\s*:/i.test(value))
    return [`${what} begins with a header’s name: set only what follows the colon`];
  if (/[\r\n]/.test(value)) return [`${what} contains a line break`];
  if (!/^[\x21-\x7e]+$/.test(value))
    return [`${what} contains a space or another character that it cannot have`];
  if (value.length > maxLength) return [`${what} is longer than ${maxLength} characters`];
  return [];
}

const fields: readonly string[] = ['hosts', 'client_id', 'client_secret'];

/** `text`: the file's content. Returns its tokens, or all of its problems. */
export async function parseServiceTokensFile(text: string): Promise<ServiceTokensFile> {
  const refused = (problem: string): ServiceTokensFile => ({
    tokens: [],
    problems: [problem],
    warnings: [],
  });
  let entries: unknown;
  try {
    entries = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    // The parser's own message quotes the text, which holds secrets.
    return refused('the file is not valid JSON');
  }
  if (!Array.isArray(entries)) return refused('the file is not a JSON array of service tokens');
  const tokens: ServiceToken[] = [];
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const [index, entry] of entries.entries()) {
    const read = await readEntry(entry);
    problems.push(...read.problems.map((problem) => `entry ${index + 1}: ${problem}`));
    warnings.push(...read.warnings.map((warning) => `entry ${index + 1}: ${warning}`));
    tokens.push(...read.tokens);
  }
  const seen = new Map<string, number>();
  for (const [index, { hosts }] of tokens.entries()) {
    for (const { hostname, wildcard, port } of hosts) {
      const key = `${wildcard} ${hostname}:${port}`;
      const earlier = seen.get(key);
      if (earlier !== undefined && problems.length === 0) {
        problems.push(`entries ${earlier + 1} and ${index + 1} name the same host`);
      }
      seen.set(key, index);
    }
  }
  return problems.length > 0 ? { tokens: [], problems, warnings } : { tokens, problems, warnings };
}

async function readEntry(entry: unknown): Promise<ServiceTokensFile> {
  const none = { tokens: [], warnings: [] };
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return { ...none, problems: ['is not an object with hosts, client_id and client_secret'] };
  }
  const {
    hosts,
    client_id: clientId,
    client_secret: clientSecret,
  } = entry as Record<string, unknown>;
  const problems: string[] = [];
  const unknown = Object.keys(entry).filter((name) => !fields.includes(name)).length;
  if (unknown > 0)
    problems.push(
      `has ${unknown} unknown field${unknown === 1 ? '' : 's'}: hosts, client_id and client_secret are known`,
    );
  if (typeof clientId !== 'string') problems.push('client_id is missing or not a string');
  if (typeof clientSecret !== 'string') problems.push('client_secret is missing or not a string');
  let patterns: ServiceToken['hosts'] = [];
  if (
    !Array.isArray(hosts) ||
    hosts.length === 0 ||
    !hosts.every((host) => typeof host === 'string')
  ) {
    problems.push('hosts is not a list of one or more hosts');
  } else {
    const read = await readHostPatterns(hosts);
    problems.push(...read.problems);
    patterns = read.patterns;
  }
  if (typeof clientId !== 'string' || typeof clientSecret !== 'string')
    return { ...none, problems };
  const pair = checkServiceTokenPair(clientId, clientSecret);
  problems.push(...pair.problems);
  if (problems.length > 0) return { ...none, problems };
  return {
    tokens: [{ clientId, clientSecret, hosts: patterns, general: false }],
    problems,
    warnings: pair.warnings,
  };
}
