/** The MCP server: the four tools on a transport. Only mcp/ and tools/ know the SDK. */
import type { Readable, Writable } from 'node:stream';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import {
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import type { Log } from '../log.ts';
import { instructions, tools } from '../tools/catalogue.ts';
import { callTool, type ToolContext } from '../tools/tool.ts';
import { type AnswerCall, type Call, withCalls } from './calls.ts';
import { isEnvelopeError, readEnvelope } from './envelope.ts';
import type { Answers } from './front.ts';
import { type HostCapabilities, hostOf } from './host-capabilities.ts';
import { icons } from './icon.ts';
import { type ModernCall, modernCall } from './input-required.ts';
import { retryKey, withModernRevision } from './modern-transport.ts';
import { readSessions, sessionsResource } from './sessions-resource.ts';
import { signInMessage, signInPrompt } from './sign-in-prompt.ts';

/** What makes the part of a call's context that does not depend on the request; opened by the first call. */
export type OpenContexts = () => Promise<{
  context(host: HostCapabilities): Omit<ToolContext, 'signal' | 'onProgress' | 'resumed'>;
}>;

export interface ServerParts {
  readonly version: string;
  readonly log: Log;
  /** CF_ACCESS_READ_ONLY: the tools are annotated accordingly. */
  readonly readOnly: boolean;
  readonly open: OpenContexts;
  /** Called when the connection to the host is closed. */
  readonly onClose?: () => void;
}

/**
 * Serves on these streams. Returns a function that ends all running calls and resolves when they have
 * cleaned up.
 */
export async function connectServer(
  parts: ServerParts,
  input: Readable,
  output: Answers,
): Promise<() => Promise<void>> {
  const running = new Set<Promise<unknown>>();
  const server = createServer(parts);
  // After a message that exceeds its limit the SDK stops listening, and nothing would be answered any
  // more.
  server.onclose = () => parts.onClose?.();
  const transport = new StdioServerTransport(input, output as Writable);
  const bothRevisions = withModernRevision(transport, introduction(parts.version));
  await server.connect(withCalls(bothRevisions, callsOf(server, parts, running)));
  return async () => {
    await server.close();
    await Promise.allSettled(running);
  };
}

/** What this server tells hosts of every revision about itself. */
export function introduction(version: string) {
  return {
    serverInfo: { name: 'cloudflare-access-mcp', title: 'Cloudflare Access', version, icons },
    capabilities: { tools: {}, prompts: {}, resources: {} },
    instructions,
  };
}

/** Everything but the calls, which do not reach it. */
export function createServer({ version, log, open, readOnly }: ServerParts): Server {
  const { serverInfo, ...about } = introduction(version);
  const server = new Server(serverInfo, about);
  server.onerror = (error) => log('warn', 'a message could not be handled', { error: error.name });

  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: tools.map(({ name, title, description, input, output, ...tool }) => ({
      name,
      title,
      description,
      inputSchema: toJsonSchema(input, 'input'),
      ...(output ? { outputSchema: toJsonSchema(output, 'output') } : {}),
      annotations: {
        title,
        ...((readOnly && tool.readOnlyAnnotations) || tool.annotations),
      },
      ...(tool.hints ? { _meta: { ...tool.hints } } : {}),
    })),
  }));

  server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: [signInPrompt] }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const url = params.arguments?.url;
    if (params.name !== signInPrompt.name || url === undefined) {
      throw new McpError(ErrorCode.InvalidParams, 'There is one prompt: sign_in, with a url.');
    }
    return {
      description: signInPrompt.description,
      messages: [{ role: 'user', content: { type: 'text', text: signInMessage(url) } }],
    };
  });

  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: [sessionsResource] }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [] }));
  server.setRequestHandler(ReadResourceRequestSchema, async ({ params: { uri } }, extra) => {
    if (uri !== sessionsResource.uri) {
      throw new McpError(
        ErrorCode.InvalidParams,
        `There is one resource: ${sessionsResource.uri}.`,
      );
    }
    const { access } = (await open()).context(hostOf(server, extra.signal));
    const { mimeType } = sessionsResource;
    return { contents: [{ uri, mimeType, text: await readSessions(access) }] };
  });
  return server;
}

/** Keeps in `running` what has not ended yet. */
function callsOf(
  server: Server,
  { log, open }: ServerParts,
  running: Set<Promise<unknown>>,
): AnswerCall {
  return async (asked) => {
    const { params, signal } = asked;
    const tool = tools.find(({ name }) => name === params.name);
    if (tool === undefined) {
      throw new McpError(ErrorCode.InvalidParams, `There is no tool called ${params.name}.`);
    }
    const startedAt = performance.now();
    const modern = modernCallOf(params);
    const call = callTool(tool, params.arguments, async () => {
      const contexts = await open();
      // Not before: when the first call comes, the SDK's server has only just been told of the handshake.
      const host = modern?.host ?? hostOf(server, signal);
      return {
        signal,
        ...(modern?.resumed ? { resumed: true } : {}),
        ...progressOf(asked),
        ...contexts.context(host),
      };
    });
    running.add(call);
    const result = await call;
    running.delete(call);
    log('info', 'a call ended', {
      tool: tool.name,
      failed: result.isError === true,
      ms: Math.round(performance.now() - startedAt),
    });
    return modern?.inputRequired(result) ?? result;
  };
}

function toJsonSchema(schema: z.ZodObject, io: 'input' | 'output') {
  const { $schema: _, ...shape } = z.toJSONSchema(schema, { io });
  return { ...shape, type: 'object' as const };
}

/** `undefined` for a call of an older revision. */
function modernCallOf({ name, _meta }: Call['params']): ModernCall | undefined {
  const envelope = readEnvelope('tools/call', { _meta });
  if (envelope === undefined || isEnvelopeError(envelope)) return undefined;
  try {
    return modernCall(envelope, _meta?.[retryKey]);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new McpError(ErrorCode.InvalidParams, `${name}: ${error.message}`);
  }
}

/** Progress is sent only if the caller has supplied a progress token. */
function progressOf({ params, notify }: Call): Pick<ToolContext, 'onProgress'> {
  const progressToken = params._meta?.progressToken;
  if (progressToken === undefined) return {};
  return {
    onProgress: (message, progress, total) =>
      notify({
        method: 'notifications/progress',
        params: { progressToken, message, progress, ...(total === undefined ? {} : { total }) },
      }),
  };
}
