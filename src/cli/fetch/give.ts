/** An answer to where it goes: its heads if they are wanted, and its body. */
import type { Abortable } from '../../abortable.ts';
import { cleanBody } from '../../answer/clean-body.ts';
import { isAccessError } from '../../errors.ts';
import { networkFailure } from '../../http/failures.ts';
import type { HopAnswer, HopResult } from '../../http/hops.ts';
import { discard } from '../../http/peek.ts';
import { type Concealed, type Concealer, createConcealer } from '../../secrets/concealer.ts';
import type { Shell } from '../terminal/shell.ts';
import type { Target } from './conditions.ts';
import { CurlFailure, systemCodeOf } from './exit-code.ts';
import { headLines } from './head-lines.ts';
import { dateAs, isUnmet } from './modified.ts';
import type { FetchOptions } from './options.ts';
import { type Output, openOutput, tooLarge } from './output.ts';
import { placeFor } from './place.ts';
import { nameFromDisposition } from './remote-name.ts';
import type { FetchRequest } from './request.ts';
import { judgeResumed } from './resume.ts';
import type { Given } from './write-out.ts';

interface GiveParts {
  readonly heads: readonly HopAnswer[];
  readonly request: FetchRequest;
  readonly target: Target;
  readonly shell: Shell;
  readonly options: FetchOptions;
  readonly output: Output;
  readonly until: Abortable;
  /** Bytes that were not asked for, since they are there already. */
  readonly skipped: number;
  readonly onGiven: (given: Given | undefined) => void;
}

/** Throws what it came to, once that is printed which is to be printed all the same. */
export async function give(result: HopResult, parts: GiveParts): Promise<void> {
  const { answer, secrets, redirects } = result;
  const { heads, options, output } = parts;
  const concealer = createConcealer(secrets);
  const headTexts = () =>
    heads.map((head) => concealer.text(`${headLines(head).join('\r\n')}\r\n\r\n`));
  const failed = answer.status >= 400 && (options.fail || options.failWithBody);
  if (options.include || options.head) {
    for (const text of headTexts()) await output.text(text);
  }
  let failure: unknown;
  try {
    if (options.dumpHeader !== undefined) await dump(headTexts(), options.dumpHeader, parts);
    if (hasNothingToGive(answer, parts) || (failed && options.fail)) discard(answer);
    else {
      checkSize(answer, options);
      await giveBody(answer, concealer, parts);
    }
    // Only then is it known whether the file could be written.
    await output.close();
    const file = output.size() > 0 && options.remoteTime ? output.file() : undefined;
    if (file !== undefined) await dateAs(file, answer);
  } catch (error) {
    discard(answer);
    failure = error instanceof CurlFailure ? error : brokenOff(error, answer.url, parts.until);
  }
  if (failed) failure ??= new CurlFailure(22, `${answer.url.host} answered ${answer.status}.`);
  parts.onGiven({ answer, redirects, secrets, size: output.size(), file: output.file() });
  if (failure !== undefined) throw failure;
}

/** `--dump-header`: those of one URL after another, in the file that was begun before the first. */
async function dump(
  heads: readonly Concealed<string>[],
  file: string,
  { shell }: GiveParts,
): Promise<void> {
  const into = openOutput({ stdout: shell.out.stream, file, append: true });
  for (const head of heads) await into.text(head);
  await into.close();
}

/** Throws CurlFailure 33 and 22 for an answer that must not be added to a file. */
function hasNothingToGive(
  answer: HopAnswer,
  { request, options, target, skipped }: GiveParts,
): boolean {
  if (request.method === 'HEAD') return true;
  if (request.condition && isUnmet(answer, request.condition)) return true;
  if (options.continueAt === undefined) return false;
  const verdict = skipped > 0 ? judgeResumed(answer, skipped) : 'rest';
  const isAnswer = answer.status >= 200 && answer.status < 300;
  if (target.file !== undefined && target.file !== '-' && verdict !== 'complete' && !isAnswer) {
    throw new CurlFailure(
      22,
      `${answer.url.host} answered ${answer.status}: nothing was added to ${JSON.stringify(target.file)}.`,
    );
  }
  return verdict === 'complete';
}

/** Before anything of it is read, where its length is known. */
function checkSize({ headers }: HopAnswer, { maxFilesize = 0 }: FetchOptions): void {
  const announced = Number(headers.get('content-length') ?? 0);
  if (maxFilesize > 0 && announced > maxFilesize) throw tooLarge(maxFilesize);
}

async function giveBody(
  answer: HopAnswer,
  concealer: Concealer,
  { shell, options, output, until, target }: GiveParts,
): Promise<void> {
  const isAnswer = answer.status >= 200 && answer.status < 300;
  if (options.remoteHeaderName && target.isNamedByUrl && isAnswer) {
    const name = nameFromDisposition(answer.headers.get('content-disposition'));
    const path = await placeFor(name === undefined ? undefined : concealer.text(name), options);
    if (path !== undefined) output.rename(path);
  }
  const page = options.markdown ? await asMarkdown(answer, concealer, until) : undefined;
  if (page?.note && (!options.silent || options.showError)) shell.err.line(page.note);
  const encoded = !options.compressed;
  // What is added to a file later has to begin where the origin says.
  const sameLength = options.continueAt !== undefined;
  await output.body(page?.body ?? cleanBody(answer, concealer, { encoded, sameLength }));
}

/** Loaded only where it is wanted. */
async function asMarkdown(answer: HopAnswer, concealer: Concealer, until: Abortable) {
  const { markdownBody } = await import('./markdown.ts');
  return markdownBody(answer, concealer, until);
}

/** A body that ended before its end. */
function brokenOff(error: unknown, url: URL, signal: Abortable): unknown {
  const failure = networkFailure(error, url, signal);
  const lost = ['UND_ERR_SOCKET', 'UND_ERR_ABORTED', 'ERR_STREAM_PREMATURE_CLOSE'];
  return isAccessError(failure, 'network_error') && lost.includes(systemCodeOf(error))
    ? new CurlFailure(18, `The body from ${url.host} broke off before its end.`, { cause: error })
    : failure;
}
