/**
 * `headers [<url>]`: prints the credential as header fields, for hosts that run a command to get them
 * (Claude Code's `headersHelper`, Codex's `http_headers_helper`). They wait ten seconds, so it never takes
 * longer.
 */
import { type Command, Option } from 'commander';
import type { Access } from '../access/access.ts';
import { attempt } from '../access/attempt.ts';
import { type FetchOptions, fetchWithAccess } from '../access/fetch.ts';
import { checkTokenMayLeave } from '../access/limits.ts';
import { NoCredentialAsked } from '../access/token/no-credential-asked.ts';
import { AccessError, isAccessError } from '../errors.ts';
import { discard } from '../http/peek.ts';
import { firstOf } from '../http/waiting/first-of.ts';
import { type Credential, credentialFields } from '../secrets/credential.ts';
import { address } from './terminal/address.ts';
import { conclude } from './terminal/conclude.ts';
import type { Shell } from './terminal/shell.ts';
import { createSignInPrompt } from './terminal/sign-in-prompt.ts';
import { type OpenRooms, withRooms } from './with-rooms.ts';

interface Options {
  signIn?: true;
  serviceToken?: true;
}

/** Counted from the start of the process. Whatever is still running then is abandoned, even a refresh. */
const endsAfterMs = 9_000;
/** Kept back from the time for the person's sign-in, so that its address can still be printed. */
const reserveMs = 1_500;
/** Of an application that is slow to answer. */
const trialMs = 3_000;
/** The token should not expire right after the connection is made. */
const lastsMs = 60_000;

export function addHeaders(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  program
    .command('headers')
    .argument('[url]', 'the URL of the MCP server; default: CLAUDE_CODE_MCP_SERVER_URL')
    .summary('print header fields, for MCP hosts that run a command to get them')
    .description(
      `Prints one JSON object with the header fields that get a request to the URL through, and nothing else: {"Authorization":"Bearer …"}, {"cf-access-token":"…"}, or {} for a URL that needs no credential. If necessary, the token is refreshed first; a HEAD request shows whether Access still takes it. It ends within ten seconds and never asks you to sign in: use login first.`,
    )
    .addOption(
      new Option('--sign-in', 'open the browser if you have to sign in').conflicts('serviceToken'),
    )
    .option('--service-token', 'print the service token’s two fields, including its secret')
    .action(async (text: string | undefined, options: Options) => {
      let url: URL | undefined;
      end(
        await conclude(
          shell,
          () => ({ url }),
          async () => {
            url = address(text ?? givenByHost(shell));
            const target = url;
            const work = withRooms(shell, (open) => fieldsFor(shell, target, options, open));
            shell.out.line(JSON.stringify(await inTime(work, target)));
            return 0;
          },
        ),
      );
    });
}

/** Throws `invalid_input`. */
function givenByHost({ environment }: Shell): string {
  const url = environment.CLAUDE_CODE_MCP_SERVER_URL?.trim();
  if (url) return url;
  throw new AccessError('invalid_input', 'There is no URL to print header fields for.', [
    { do: 'name_url', command: 'headers', variable: 'CLAUDE_CODE_MCP_SERVER_URL' },
  ]);
}

async function fieldsFor(
  shell: Shell,
  url: URL,
  { signIn, serviceToken }: Options,
  { rooms, signal }: OpenRooms,
): Promise<Record<string, string>> {
  const { access } = rooms;
  const { askPerson } = createSignInPrompt(shell, rooms);
  if (serviceToken) return pairFor(shell, url, { rooms, signal });
  const token = async (minTtlMs: number): Promise<Record<string, string>> => {
    const { header, value } = await access.giveToken(url, { minTtlMs, signal });
    return { [header]: value };
  };
  try {
    await token(lastsMs);
    await tryOut(url, { signal, access, askPerson });
    return await token(0);
  } catch (error) {
    if (error instanceof NoCredentialAsked) return {};
    if (!signIn || !isAccessError(error, 'sign_in_required')) throw error;
  }
  const outcome = await access.authenticate(url, {
    method: 'auto',
    force: false,
    waitMs: Math.max(0, endsAfterMs - reserveMs - performance.now()),
    askPerson,
    signal,
  });
  if (outcome.status === 'not_needed') return {};
  if (outcome.status === 'pending') {
    throw new AccessError(
      'sign_in_required',
      `${url.host} waits for a person to sign in at ${outcome.signIn.at}, and this command cannot wait that long.`,
      [{ do: 'sign_in', join: true }],
    );
  }
  return await token(lastsMs);
}

/**
 * Sends a request with the token. Hosts ask once more when they were answered 401, and a token that Access
 * has revoked looks as good as before: it is refreshed, or is over, only once Access has refused it. What
 * else becomes of the request says nothing about the token.
 */
async function tryOut(
  url: URL,
  { access, signal, askPerson }: Pick<FetchOptions, 'signal' | 'askPerson'> & { access: Access },
): Promise<void> {
  const until = firstOf(signal, AbortSignal.timeout(trialMs)).signal;
  const request = { method: 'HEAD', url, headers: [] };
  const options = { signIn: false, follow: false, waitMs: 0, askPerson, signal: until };
  const outcome = await attempt(fetchWithAccess(access, request, options), signal);
  if (!isAccessError(outcome)) discard(outcome.answer);
  else if (isAccessError(outcome, 'sign_in_required', 'token_rejected')) throw outcome;
  // It may take longer than the application may, and then the token that was refused is not given.
  await access.sessions.renewalsEnded();
}

async function pairFor(
  shell: Shell,
  url: URL,
  { rooms: { access, ...rooms }, signal }: Pick<OpenRooms, 'rooms' | 'signal'>,
): Promise<Record<string, string>> {
  checkTokenMayLeave(access.limits, url);
  const outcome = await access.authenticate(url, {
    method: 'service_token',
    force: false,
    waitMs: 0,
    askPerson: createSignInPrompt(shell, { access, ...rooms }).askPerson,
    signal,
  });
  return outcome.status === 'authenticated' ? spelled(outcome.credential.credential) : {};
}

/** Header fields with the names as Cloudflare's documentation spells them. */
function spelled(credential: Credential): Record<string, string> {
  if (credential.kind !== 'service_token') throw new Error('a service token was asked for');
  const names: Record<string, string> = {
    'cf-access-client-id': 'CF-Access-Client-Id',
    'cf-access-client-secret': 'CF-Access-Client-Secret',
  };
  return Object.fromEntries(
    credentialFields(credential).map(([name, value]) => [names[name] ?? name, value]),
  );
}

/** Throws `timeout`; the process then ends, whatever is still running. */
async function inTime<T>(work: Promise<T>, { host }: URL): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        const message = `${host} or its authorization server has not answered in time: header fields have to be there within ten seconds.`;
        reject(new AccessError('timeout', message, [{ do: 'retry' }]));
      },
      Math.max(0, endsAfterMs - performance.now()),
    );
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
