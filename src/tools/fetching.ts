/** The work of access_fetch: from its arguments to a request, and from the answer to blocks. */
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { Access } from '../access/access.ts';
import { pageKey } from '../answer/kept-answers.ts';
import { type Presented, page, presentSaved, render, shownBodyLimit } from '../answer/present.ts';
import { acceptMarkdown } from '../answer/readable.ts';
import { AccessError } from '../errors.ts';
import type { Places } from '../files/roots.ts';
import { checkSavePath, type Saved, type SaveOptions, saveTo } from '../files/save.ts';
import { checkAgentHeaders } from '../http/agent-headers.ts';
import { decodedBody, readBody } from '../http/body.ts';
import { abortFailure } from '../http/failures.ts';
import { type AskedAs, followRedirects, type HopAnswer, type HopResult } from '../http/hops.ts';
import type { Field } from '../http/next-hop.ts';
import { firstOf } from '../http/waiting/first-of.ts';
import type { Concealer } from '../secrets/concealer.ts';
import type { AccessFetchInput } from './access-fetch-input.ts';
import { addContentType, requestBody } from './sent-body.ts';
import { targetUrl } from './target-url.ts';
import type { ToolContext } from './tool.ts';

/** A person gets this long within one call; then the call answers `sign_in_pending`. */
const longestWaitMs = 45_000;

/** For calls that name no file. */
const nowhere: Places = { roots: [], offLimits: [] };

/** Methods that change nothing (RFC 9110 §9.2.1), so that an answer may be asked for again to read on. */
const repeatable: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

export async function runAccessFetch(
  input: AccessFetchInput,
  context: ToolContext,
): Promise<CallToolResult> {
  const url = targetUrl(input.url);
  const method = checkMethod(input.method);
  const headers = checkAgentHeaders(input.headers ?? {});
  const { access, kept } = context;
  const asked = [...headers];
  const key = pageKey({
    method,
    url: url.href,
    headers: asked,
    format: input.format,
    body: JSON.stringify([input.body, input.body_base64, input.body_file]),
  });
  const window = { startIndex: input.start_index, maxLength: input.max_length };
  if (input.start_index > 0 && input.save_to === undefined) {
    const before = kept.pages.take(key);
    if (before && (await isStillTheirs(before.asked, access))) {
      return blocks(page(before.rendered, window));
    }
    if (!repeatable.includes(method)) throw notKept(method, url);
  }
  const body = await requestBody(input, context);
  if (body) addContentType(headers, input);
  if (input.save_to === undefined && input.format !== 'raw') preferMarkdown(headers);
  if (input.save_to !== undefined && access.limits.readOnly) throw nothingSaved();
  const places = input.save_to === undefined ? nowhere : await context.places();
  if (input.save_to !== undefined) await checkSavePath({ path: input.save_to, ...places });

  const timeoutMs = input.timeout_seconds * 1000;
  const deadline = AbortSignal.timeout(timeoutMs);
  const startedAt = performance.now();
  const leftMs = () => timeoutMs - (performance.now() - startedAt);
  const result = await followRedirects(
    { method, url, headers, signal: context.signal, ...(body ? { body } : {}) },
    (hop) =>
      access.sendHop(hop, {
        signIn: input.sign_in,
        waitMs: longestWaitMs,
        leftMs,
        askPerson: context.askPerson,
        signal: context.signal,
        onWaiting:
          context.onProgress &&
          ((message, elapsedMs) => context.onProgress?.(message, elapsedMs / 1000)),
      }),
    { cookies: kept.cookies, deadline },
  );
  const answer = { ...result.answer, ...shownParts(result) };
  const concealer = kept.concealers.of(result.secrets);
  if (input.save_to !== undefined && answer.status >= 200 && answer.status < 300) {
    const saved = await saveBody(result.answer, concealer, {
      path: input.save_to,
      ...places,
      url: answer.url,
      signal: context.signal,
      deadline,
      ...(context.onProgress
        ? { onProgress: (bytes) => context.onProgress?.(`${bytes} bytes saved`, bytes) }
        : {}),
    });
    return blocks(presentSaved(answer, saved, concealer));
  }
  const read = await readBody(result.answer, {
    maxBytes: shownBodyLimit,
    signal: context.signal,
    until: deadline,
  });
  const notSaved = input.save_to !== undefined;
  const rendered = await render({ ...answer, notSaved }, read, {
    format: input.format,
    threads: kept.threads,
    concealer,
  });
  kept.pages.keep(key, { rendered, asked: result.asked }, rendered.size);
  return blocks(page(rendered, window));
}

/** Whether at every hop the answer was given to whoever would be sent there now. */
async function isStillTheirs(
  asked: readonly AskedAs[],
  { identityAt }: Pick<Access, 'identityAt'>,
): Promise<boolean> {
  for (const { url, identity } of asked) {
    if ((await identityAt(url)) !== identity) return false;
  }
  return true;
}

/** However it ends, nobody reads the body afterwards: its connection is let go, also from one that stalls. */
async function saveBody(
  answer: HopAnswer,
  concealer: Concealer,
  { signal, deadline, ...options }: SaveOptions & { deadline: AbortSignal },
): Promise<Saved> {
  const until = firstOf(signal, deadline);
  const letGo = () => answer.body.destroy(abortFailure(until.signal, options.url));
  until.signal.addEventListener('abort', letGo, { once: true });
  try {
    const clean = concealer.body(decodedBody(answer));
    if (until.signal.aborted) letGo();
    return await saveTo(clean, { ...options, signal: until.signal });
  } finally {
    until.release();
    answer.body.destroy();
  }
}

function shownParts({ redirects, droppedHeaders }: HopResult) {
  return { redirects, droppedHeaders };
}

function blocks({ blocks: content }: Presented): CallToolResult {
  return { content: content.map((block) => ({ ...block })) };
}

function notKept(method: string, { host }: URL): AccessError {
  return new AccessError(
    'invalid_input',
    `The answer of ${host} to this ${method} is not kept (any more), and reading on would send the ${method} once more.`,
    'Call again without start_index if it is to be sent again; a greater max_length shows more at once.',
  );
}

/** Hosts may let a tool that only reads be called unasked: then it must not plant files either. */
function nothingSaved(): AccessError {
  return new AccessError(
    'save_refused',
    'Nothing was saved: this server only reads (CF_ACCESS_READ_ONLY), and writes no files either.',
    'Call again without save_to; long bodies are read on with start_index.',
  );
}

function checkMethod(text: string): string {
  const method = text.toUpperCase();
  if (method === 'CONNECT' || method === 'TRACE') {
    throw new AccessError(
      'invalid_input',
      `access_fetch does not send ${method}: it is made for proxies and would echo credentials.`,
      'Use another method.',
    );
  }
  return method;
}

/** Wikis and documentation sites that have it give it, and it needs no conversion. */
function preferMarkdown(headers: Field[]): void {
  if (!headers.some(([name]) => name === 'accept')) headers.push(['accept', acceptMarkdown]);
}
