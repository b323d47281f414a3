/**
 * The service tokens from the environment: client ID and secret (or its file), and a file with several
 * tokens.
 */
import { isAbsolute } from 'node:path';
import type { HostPattern } from '../cloudflare/host-pattern.ts';
import { checkServiceTokenPair, parseServiceTokensFile } from '../cloudflare/service-token/file.ts';
import type { ServiceToken } from '../cloudflare/service-token/service-token.ts';
import type { ReadVariable } from './variables.ts';

/** Reads variables, and collects what is wrong with them: names, never values. */
export interface Reader {
  readonly get: (name: ReadVariable) => string | undefined;
  readonly problems: string[];
  readonly warnings: string[];
}

/** `hosts`: where the token from the environment may be sent. */
export async function readServiceTokens(
  reader: Reader,
  hosts: readonly HostPattern[],
): Promise<readonly ServiceToken[]> {
  return [...(await readPair(reader, hosts)), ...(await readTokensFile(reader))];
}

async function readPair(reader: Reader, hosts: readonly HostPattern[]): Promise<ServiceToken[]> {
  const { get, problems, warnings } = reader;
  const clientId = readAliased(reader, 'CF_ACCESS_CLIENT_ID', 'CLOUDFLARE_ACCESS_CLIENT_ID');
  const inline = readAliased(reader, 'CF_ACCESS_CLIENT_SECRET', 'CLOUDFLARE_ACCESS_CLIENT_SECRET');
  const file = get('CF_ACCESS_CLIENT_SECRET_FILE');
  if (inline !== undefined && file !== undefined) {
    problems.push(
      'CF_ACCESS_CLIENT_SECRET and CF_ACCESS_CLIENT_SECRET_FILE are both set: keep one of them.',
    );
  }
  const fromFile = file && (await readSmallFile(reader, 'CF_ACCESS_CLIENT_SECRET_FILE', file));
  const clientSecret = inline ?? fromFile?.trim();
  if (clientId === undefined && (inline ?? file) !== undefined) {
    problems.push('There is a service token secret, but CF_ACCESS_CLIENT_ID is not set.');
  }
  if (clientId !== undefined && inline === undefined && file === undefined) {
    problems.push(
      'CF_ACCESS_CLIENT_ID is set, but neither CF_ACCESS_CLIENT_SECRET nor CF_ACCESS_CLIENT_SECRET_FILE is.',
    );
  }
  if (clientId === undefined || clientSecret === undefined) return [];
  const check = checkServiceTokenPair(clientId, clientSecret);
  const names = 'CF_ACCESS_CLIENT_ID, CF_ACCESS_CLIENT_SECRET';
  problems.push(...check.problems.map((problem) => `${names}: ${problem}.`));
  warnings.push(...check.warnings.map((warning) => `${names}: ${warning}.`));
  return [{ clientId, clientSecret, hosts, general: true }];
}

async function readTokensFile(reader: Reader): Promise<readonly ServiceToken[]> {
  const name = 'CF_ACCESS_SERVICE_TOKENS_FILE';
  const path = reader.get(name);
  const text = path && (await readSmallFile(reader, name, path));
  if (!text) return [];
  const { tokens, problems, warnings } = await parseServiceTokensFile(text);
  reader.problems.push(...problems.map((problem) => `${name}: ${problem}.`));
  reader.warnings.push(...warnings.map((warning) => `${name}: ${warning}.`));
  return tokens;
}

async function readSmallFile(
  { problems }: Reader,
  name: string,
  path: string,
): Promise<string | undefined> {
  if (!isAbsolute(path)) {
    problems.push(`${name} must be an absolute path: hosts start servers in folders of their own.`);
    return undefined;
  }
  try {
    // Reading a pipe or a device would never end.
    const { readFile, stat } = await import('node:fs/promises');
    const { size, isFile } = await stat(path).then((about) => ({
      size: about.size,
      isFile: about.isFile(),
    }));
    if (!isFile) return void problems.push(`${name} does not point to a regular file.`);
    if (size > 1_048_576) return void problems.push(`${name} is larger than 1 MiB.`);
    const text = await readFile(path, 'utf8');
    if (text.trim() !== '') return text;
    problems.push(`${name} points to an empty file.`);
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    problems.push(`${name} cannot be read${code}.`);
    return undefined;
  }
}

/** The variable or its alias; if they differ, that is a problem. */
function readAliased(
  { get, problems }: Reader,
  name: ReadVariable,
  alias: ReadVariable,
): string | undefined {
  const [value, other] = [get(name), get(alias)];
  if (value !== undefined && other !== undefined && value !== other) {
    problems.push(`${name} and ${alias} differ: set one of them.`);
  }
  return value ?? other;
}
