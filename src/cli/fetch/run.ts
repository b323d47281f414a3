/** One fetch, from the command line's words to curl's exit code. */
import { fetchWithAccess } from '../../access/fetch.ts';
import { cleanBody } from '../../answer/clean-body.ts';
import { isAccessError } from '../../errors.ts';
import type { CookieStore } from '../../http/cookies.ts';
import { networkFailure } from '../../http/failures.ts';
import type { HopAnswer, HopResult } from '../../http/hops.ts';
import type { HopRequest } from '../../http/next-hop.ts';
import { discard } from '../../http/peek.ts';
import { firstOf } from '../../http/waiting/first-of.ts';
import { type Concealed, type Concealer, createConcealer } from '../../secrets/concealer.ts';
import { tellFailure } from '../terminal/failure.ts';
import type { Shell } from '../terminal/shell.ts';
import { createSignInPrompt, showOpenSignIn } from '../terminal/sign-in-prompt.ts';
import { type OpenRooms, withRooms } from '../with-rooms.ts';
import { CurlFailure, exitCodeFor, systemCodeOf } from './exit-code.ts';
import { headLines } from './head-lines.ts';
import type { FetchOptions } from './options.ts';
import { openOutput } from './output.ts';
import { buildRequest } from './request.ts';
import { writeOut } from './write-out.ts';

export async function runFetch(shell: Shell, text: string, options: FetchOptions): Promise<number> {
  let url: URL | undefined;
  try {
    if (options.insecure) throw insecure();
    const request = await buildRequest(text, options);
    url = request.url;
    return await withRooms(shell, (open) => fetchOne(shell, request, options, open));
  } catch (error) {
    const exitCode = exitCodeFor(error);
    if (!options.silent || options.showError) {
      const { err } = shell;
      if (error instanceof CurlFailure) {
        err.line(`${err.paint('red', `cloudflare-access-mcp: (${exitCode})`)} ${error.message}`);
      } else tellFailure(shell, error, { url, exitCode });
    }
    return exitCode;
  }
}

async function fetchOne(
  shell: Shell,
  request: HopRequest,
  options: FetchOptions,
  { rooms, signal }: OpenRooms,
): Promise<number> {
  const deadline =
    options.maxTime === undefined ? undefined : AbortSignal.timeout(options.maxTime * 1000);
  const until = firstOf(signal, deadline).signal;
  const prompt = createSignInPrompt(shell, rooms);
  const showsProgress =
    shell.err.isTerminal &&
    !options.silent &&
    options.output !== undefined &&
    options.output !== '-';
  const output = openOutput(options.output, showsProgress ? progress(prompt.onWaiting) : undefined);
  try {
    if (options.signIn) await showOpenSignIn(shell, rooms, request.url);
    const heads: HopAnswer[] = [];
    const say = (line: Concealed<string>) => {
      if (options.verbose) shell.err.line(line);
    };
    const result = await fetchWithAccess(rooms.access, request, {
      signIn: options.signIn,
      waitMs: options.wait * 1000,
      askPerson: prompt.askPerson,
      signal: until,
      onWaiting: prompt.onWaiting,
      follow: options.location === true,
      ...(options.location ? { cookies: await newCookieStore() } : {}),
      maxRedirects: options.maxRedirs,
      onHop: ({ method, url }) => say(concealerOf(heads).text(`> ${method} ${url.href}`)),
      onAnswer(answer) {
        prompt.done();
        heads.push(answer);
        const concealer = concealerOf(heads);
        say(concealer.text(`* credential: ${answer.auth.replace(/_/g, ' ')}`));
        for (const line of headLines(answer)) say(concealer.text(`< ${line}`));
      },
    });
    return await give(result, heads, request, { shell, options, output, until });
  } catch (error) {
    // Whatever the waiting was for, it was the deadline that ended it.
    if (deadline?.aborted && !signal.aborted) {
      throw new CurlFailure(28, `${request.url.host}: not done within ${options.maxTime} s.`);
    }
    throw error;
  } finally {
    prompt.done();
    await output.close();
  }
}

async function give(
  { answer, secrets, redirects }: HopResult,
  heads: readonly HopAnswer[],
  request: HopRequest,
  parts: {
    shell: Shell;
    options: FetchOptions;
    output: ReturnType<typeof openOutput>;
    until: AbortSignal;
  },
): Promise<number> {
  const { shell, options, output, until } = parts;
  const concealer = createConcealer(secrets);
  const failed = answer.status >= 400 && (options.fail || options.failWithBody);
  if ((options.include || options.head) && !(failed && options.fail)) {
    for (const head of heads) {
      await output.text(concealer.text(`${headLines(head).join('\r\n')}\r\n\r\n`));
    }
  }
  let failure: unknown;
  if (request.method === 'HEAD' || (failed && options.fail)) discard(answer);
  else {
    try {
      const page = options.markdown ? await asMarkdown(answer, concealer, until) : undefined;
      if (page?.note && (!options.silent || options.showError)) shell.err.line(page.note);
      const encoded = !options.compressed;
      await output.body(page?.body ?? cleanBody(answer, concealer, { encoded }));
      // Only then is it known whether the file could be written.
      await output.close();
    } catch (error) {
      failure = error instanceof CurlFailure ? error : brokenOff(error, answer.url, until);
    }
  }
  if (failed) failure ??= new CurlFailure(22, `${answer.url.host} answered ${answer.status}.`);
  const exitCode = failure === undefined ? 0 : exitCodeFor(failure);
  if (options.writeOut !== undefined) {
    const transfer = { answer, redirects, size: output.size(), exitCode };
    output.afterwards(concealer.text(writeOut(options.writeOut, transfer)));
  }
  if (failure !== undefined) throw failure;
  return exitCode;
}

/** Loaded only where it is wanted, as Markdown is: the list of public suffixes comes along. */
async function newCookieStore(): Promise<CookieStore> {
  const { createCookieStore } = await import('../../http/cookies.ts');
  return createCookieStore();
}

async function asMarkdown(answer: HopAnswer, concealer: Concealer, until: AbortSignal) {
  const { markdownBody } = await import('./markdown.ts');
  return markdownBody(answer, concealer, until);
}

/** For what is told while it goes on: with the credentials that were sent so far. */
function concealerOf(answers: readonly HopAnswer[]): Concealer {
  return createConcealer(answers.flatMap(({ secrets }) => secrets));
}

/** A body that ended before its end. */
function brokenOff(error: unknown, url: URL, signal: AbortSignal): unknown {
  const failure = networkFailure(error, url, signal);
  const lost = ['UND_ERR_SOCKET', 'UND_ERR_ABORTED', 'ERR_STREAM_PREMATURE_CLOSE'];
  return isAccessError(failure, 'network_error') && lost.includes(systemCodeOf(error))
    ? new CurlFailure(18, `The body from ${url.host} broke off before its end.`, { cause: error })
    : failure;
}

function insecure(): CurlFailure {
  return new CurlFailure(
    2,
    'Certificates are always verified: without that, anyone on the way could take the credential. For a private authority (TLS inspection, Cloudflare Gateway) set NODE_EXTRA_CA_CERTS to the PEM file of its root certificate.',
  );
}

/** Tells how much has come, five times a second at most. */
function progress(tell: (message: string) => void): (bytes: number) => void {
  let toldAt = 0;
  return (bytes) => {
    const now = performance.now();
    if (now - toldAt < 200) return;
    toldAt = now;
    tell(`${(bytes / 1e6).toFixed(1)} MB`);
  };
}
