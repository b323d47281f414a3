/** Runs access_fetch: sends the request, and shows or saves its answer. */
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { TimeLimit } from '../abortable.ts';
import { type FetchOptions, fetchWithAccess } from '../access/fetch.ts';
import { type Presented, page, presentSaved, render, shownBodyLimit } from '../answer/present.ts';
import { saveAnswer } from '../answer/save-answer.ts';
import { firewallRefusalIn } from '../cloudflare/firewall.ts';
import { AccessError } from '../errors.ts';
import type { Places } from '../files/roots.ts';
import { checkSavePath } from '../files/save.ts';
import { readBody } from '../http/body.ts';
import type { HopResult } from '../http/hops.ts';
import type { AccessFetchInput } from './access-fetch-input.ts';
import { namedRequest, wholeRequest } from './fetch-request.ts';
import { keptPage, keptUnder } from './reading-on.ts';
import { stepForAgents } from './step-for-agents.ts';
import type { ToolContext } from './tool.ts';

/** How long one call waits for a person; then it answers `sign_in_pending`. */
const longestWaitMs = 45_000;

export async function runAccessFetch(
  input: AccessFetchInput,
  context: ToolContext,
): Promise<CallToolResult> {
  const named = namedRequest(input);
  const key = keptUnder(named, input);
  const window = { startIndex: input.start_index, maxLength: input.max_length };
  if (input.start_index > 0 && input.save_to === undefined) {
    const before = await keptPage(key, named, context);
    if (before) return blocks(page(before.rendered, window));
  }
  const request = await wholeRequest(named, input, context);
  const target = input.save_to === undefined ? undefined : await saveTarget(input.save_to, context);
  const options = fetchOptions(input, context);
  try {
    const result = await fetchWithAccess(context.access, request, options);
    const { status } = result.answer;
    if (target && status >= 200 && status < 300) {
      return blocks(await saved(result, target, options, context));
    }
    const rendered = await shown(result, input, options, context);
    context.kept.pages.keep(key, { rendered, asked: result.asked }, rendered.size);
    return blocks(page(rendered, window));
  } finally {
    options.deadline.lift();
  }
}

type Conditions = FetchOptions & { readonly deadline: TimeLimit };

function fetchOptions(
  { sign_in, timeout_seconds }: AccessFetchInput,
  { signal, askPerson, onProgress, kept }: ToolContext,
): Conditions {
  const timeoutMs = timeout_seconds * 1000;
  const startedAt = performance.now();
  return {
    signIn: sign_in,
    waitMs: longestWaitMs,
    leftMs: () => timeoutMs - (performance.now() - startedAt),
    askPerson,
    signal,
    onWaiting: onProgress && ((message, elapsedMs) => onProgress(message, elapsedMs / 1000)),
    cookies: kept.cookies,
    deadline: new TimeLimit(timeoutMs),
  };
}

type SaveTarget = Places & { readonly path: string };

/** Checked before anything is sent. Throws `save_refused`. */
async function saveTarget(path: string, { access, places }: ToolContext): Promise<SaveTarget> {
  if (access.limits.readOnly) throw nothingSaved();
  const target = { path, ...(await places()) };
  await checkSavePath(target);
  return target;
}

async function saved(
  result: HopResult,
  target: SaveTarget,
  { signal, deadline }: Conditions,
  { access, kept, onProgress }: ToolContext,
): Promise<Presented> {
  const concealer = kept.concealers.of(result.secrets);
  const file = await saveAnswer(result.answer, concealer, {
    ...target,
    signal,
    deadline,
    ...(onProgress ? { onProgress: (bytes) => onProgress(`${bytes} bytes saved`, bytes) } : {}),
  });
  const remark = inMemoryRemark(result.answer, access);
  return presentSaved({ remark, ...alongTheWay(result), ...result.answer }, file, concealer);
}

async function shown(
  result: HopResult,
  { format, save_to }: AccessFetchInput,
  { signal, deadline }: Conditions,
  { access, kept }: ToolContext,
) {
  const { answer } = result;
  const read = await readBody(answer, { maxBytes: shownBodyLimit, signal, until: deadline });
  const notSaved = save_to !== undefined;
  const remark = firewallRemark(answer, read.bytes) ?? inMemoryRemark(answer, access);
  return render({ notSaved, remark, ...alongTheWay(result), ...answer }, read, {
    format,
    threads: kept.threads,
    concealer: kept.concealers.of(result.secrets),
  });
}

/** A firewall before Access answers like an application, and its number says little. */
function firewallRemark(
  { url, status }: HopResult['answer'],
  body: Uint8Array,
): string | undefined {
  if (status !== 403) return undefined;
  const bodyStart = Buffer.from(body.subarray(0, 16_384)).toString();
  const refusal = firewallRefusalIn({ url, status, bodyStart });
  return refusal && `${refusal.message} ${stepForAgents(refusal.nextStep)}`;
}

/** Nobody else has the session, so the person will be asked again (contract §5). */
function inMemoryRemark(
  { auth }: HopResult['answer'],
  access: ToolContext['access'],
): string | undefined {
  return auth === 'oauth' || auth === 'cf_access_token' ? access.memoryOnly() : undefined;
}

function alongTheWay({ redirects, droppedHeaders }: HopResult) {
  return { redirects, droppedHeaders };
}

function blocks({ blocks: content }: Presented): CallToolResult {
  return { content: content.map((block) => ({ ...block })) };
}

/** Hosts may allow a read-only tool without asking, so it must not write files either. */
function nothingSaved(): AccessError {
  return new AccessError(
    'save_refused',
    'Nothing was saved: this server only reads (CF_ACCESS_READ_ONLY), and writes no files either.',
    [{ do: 'leave_out', what: 'save_to; a long body is read on with start_index' }],
  );
}
