/**
 * What a tool is, and the only place where input is validated and failures become results. A tool's file
 * holds its texts and schemas; the code that `run` needs is loaded by the first call.
 */
import type { CallToolResult, ToolAnnotations } from '@modelcontextprotocol/sdk/types.js';
import type * as z from 'zod';
import type { Abortable } from '../abortable.ts';
import type { Access } from '../access/access.ts';
import type { Pages } from '../answer/kept-answers.ts';
import type { PageThreads } from '../answer/page-threads.ts';
import type { Rendered } from '../answer/present.ts';
import { AccessError, isAccessError } from '../errors.ts';
import type { Places } from '../files/roots.ts';
import type { CookieStore } from '../http/cookies/cookie-store.ts';
import type { AskedAs } from '../http/hops.ts';
import type { Concealers } from '../secrets/concealer.ts';
import { cleanServerText } from '../server-text.ts';
import type { AskPerson } from '../sign-in/waiting.ts';
import { stepForAgents } from './step-for-agents.ts';

/** What a call works with; made for each call by the server or the command line. */
export interface ToolContext {
  readonly access: Access;
  readonly signal: Abortable;
  readonly askPerson: AskPerson;
  /** True when this call continues an earlier one, so that nothing may be started afresh. */
  readonly resumed?: boolean;
  /** Absent when the caller wants no progress. `total`: in the same unit, if known. */
  readonly onProgress?: (message: string, progress: number, total?: number) => void;
  /** Where files may be read from and saved to. */
  readonly places: () => Promise<Places>;
  /** What access_fetch remembers from call to call. */
  readonly kept: KeptFetches;
  /** Files that are removed when this process ends; the folder is made on first use. */
  readonly temporary: TemporaryFiles;
}

export interface KeptFetches {
  readonly pages: Pages<KeptPage>;
  readonly cookies: CookieStore;
  readonly concealers: Concealers;
  readonly threads: PageThreads;
}

export interface KeptPage {
  readonly rendered: Rendered;
  /**
   * The requests behind this page. It is read on only while each of them would carry the same identity
   * again.
   */
  readonly asked: readonly AskedAs[];
}

export interface TemporaryFiles {
  /** Writes a file of mode 0600 that is removed when the process ends; returns its path. */
  write(name: string, content: string): Promise<string>;
}

export interface Tool<Input extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly title: string;
  /** Under 2 KB, and without anything from the network. */
  readonly description: string;
  readonly input: Input;
  readonly output?: z.ZodObject;
  readonly annotations: ToolAnnotations;
  /** Hints for certain hosts; only those that verifiably change what the host's model is shown. */
  readonly hints?: Readonly<Record<string, boolean>>;
  /** The annotations with CF_ACCESS_READ_ONLY, if they differ. */
  readonly readOnlyAnnotations?: ToolAnnotations;
  run(input: z.infer<Input>, context: ToolContext): Promise<CallToolResult>;
}

export function defineTool<Input extends z.ZodObject>(tool: Tool<Input>): Tool {
  return tool as unknown as Tool;
}

/** Runs `tool` with unvalidated input. Never throws. */
export async function callTool(
  tool: Tool,
  input: unknown,
  open: () => Promise<ToolContext>,
): Promise<CallToolResult> {
  try {
    const checked = tool.input.safeParse(input ?? {});
    if (!checked.success) throw invalidInput(tool, checked.error);
    return await tool.run(checked.data, await open());
  } catch (error) {
    return failure(error);
  }
}

/** A result that is one JSON object, as text and as structured content. */
export function structured(result: Record<string, unknown>): CallToolResult {
  return {
    content: [{ type: 'text', text: JSON.stringify(result) }],
    structuredContent: result,
  };
}

export function failure(error: unknown): CallToolResult {
  const { code, message, nextStep, details } = isAccessError(error) ? error : unexpected(error);
  const result = { error: { code, message, next_step: stepForAgents(nextStep), ...details } };
  return { content: [{ type: 'text', text: JSON.stringify(result) }], isError: true };
}

/** Reports only the error's name, because its message may contain anything. */
function unexpected(error: unknown): AccessError {
  return new AccessError(
    'internal_error',
    `Something failed inside cloudflare-access-mcp (${error instanceof Error ? error.name : typeof error}).`,
    [{ do: 'retry' }, { when: 'again', do: 'report_bug' }],
  );
}

function invalidInput(tool: Tool, error: z.ZodError): AccessError {
  const problems = error.issues.slice(0, 10).map((issue) => {
    const at = issue.path.join('.');
    return cleanServerText(at === '' ? issue.message : `${at}: ${issue.message}`);
  });
  const unknown = error.issues.every(({ code }) => code === 'unrecognized_keys');
  const what = unknown
    ? 'was called with arguments it does not take'
    : 'cannot be called like this';
  return new AccessError('invalid_input', `${tool.name} ${what}: ${problems.join('; ')}.`, [
    { do: 'correct_arguments', names: Object.keys(tool.input.shape) },
  ]);
}
