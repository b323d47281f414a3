/** The MCP server: the four tools on a transport. Only tools/ and main know the SDK. */
import type { Readable, Writable } from 'node:stream';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CallToolRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import type { Log } from '../log.ts';
import { shownUrl } from '../shown-url.ts';
import { instructions, tools } from './catalogue.ts';
import { icons } from './icon.ts';
import { readSessions, sessionsResource } from './sessions-resource.ts';
import { signInMessage, signInPrompt } from './sign-in-prompt.ts';
import { callTool, type ToolContext } from './tool.ts';

/** What a call gets from the machine; everything about the host is added here. */
export type OpenContext = (
  host: HostCapabilities,
) => Promise<Omit<ToolContext, 'signal' | 'onProgress'>>;

/** What the host on the other side can do for us. */
export interface HostCapabilities {
  /** The host's roots as absolute folders; empty when it has none. */
  roots(): Promise<readonly string[]>;
  /** URL-mode elicitation, where the host declares it. */
  readonly elicitUrl: ElicitUrl | undefined;
}

/** `over`: the sign-in ended, one way or the other, before the host had answered. */
export type ElicitUrl = (request: {
  url: URL;
  message: string;
  done: Promise<void>;
}) => Promise<'accept' | 'decline' | 'cancel' | 'over'>;

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

export interface ServerParts {
  readonly version: string;
  readonly log: Log;
  /** The tools are annotated as they behave then. */
  readonly readOnly: boolean;
  readonly open: OpenContext;
  /** The host cannot be spoken to any more. */
  readonly onClose?: () => void;
}

/**
 * Answers on these streams from now on. What it gives ends all calls under way, and resolves when they
 * have tidied up after themselves.
 */
export async function connectServer(
  parts: ServerParts,
  input: Readable,
  output: Writable,
): Promise<() => Promise<void>> {
  const running = new Set<Promise<unknown>>();
  const server = createServer(parts, running);
  // A message beyond its bound makes the SDK stop listening: nothing would be answered any more.
  server.onclose = () => parts.onClose?.();
  await server.connect(new StdioServerTransport(input, output));
  return async () => {
    await server.close();
    await Promise.allSettled(running);
  };
}

export function createServer(
  { version, log, open, readOnly }: ServerParts,
  running: Set<Promise<unknown>> = new Set(),
): Server {
  const server = new Server(
    { name: 'cloudflare-access-mcp', title: 'Cloudflare Access', version, icons },
    { capabilities: { tools: {}, prompts: {}, resources: {} }, instructions },
  );
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
    })),
  }));

  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const tool = tools.find(({ name }) => name === params.name);
    if (tool === undefined) {
      throw new McpError(ErrorCode.InvalidParams, `There is no tool called ${params.name}.`);
    }
    const startedAt = performance.now();
    const call = callTool(tool, params.arguments, async () => ({
      ...(await open(hostOf(server, extra))),
      signal: extra.signal,
      ...progressOf(extra),
    }));
    running.add(call);
    const result = await call.finally(() => running.delete(call));
    log('info', 'a call ended', {
      tool: tool.name,
      failed: result.isError === true,
      ms: Math.round(performance.now() - startedAt),
    });
    return result;
  });

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
    const { access } = await open(hostOf(server, extra));
    const { mimeType } = sessionsResource;
    return { contents: [{ uri, mimeType, text: await readSessions(access) }] };
  });
  return server;
}

function toJsonSchema(schema: z.ZodObject, io: 'input' | 'output') {
  const { $schema: _, ...shape } = z.toJSONSchema(schema, { io });
  return { ...shape, type: 'object' as const };
}

/** Progress is sent only to a caller that gave a token for it. */
function progressOf({ _meta, sendNotification }: Extra): Pick<ToolContext, 'onProgress'> {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return {};
  return {
    onProgress: (message, progress, total) => {
      sendNotification({
        method: 'notifications/progress',
        params: { progressToken, message, progress, ...(total === undefined ? {} : { total }) },
      }).catch(() => {});
    },
  };
}

function hostOf(server: Server, { signal }: Extra): HostCapabilities {
  const capabilities = server.getClientCapabilities();
  return {
    async roots() {
      if (!capabilities?.roots) return [];
      try {
        const { roots } = await server.listRoots(undefined, { signal, timeout: 5_000 });
        return roots.map(({ uri }) => uri).filter((uri) => uri.startsWith('file:'));
      } catch (error) {
        // A host that cannot name its roots has none; the working directory is left.
        if (signal.aborted) throw error;
        return [];
      }
    },
    // `elicitation: {}` means forms alone.
    elicitUrl: capabilities?.elicitation?.url
      ? async ({ url, message, done }) => {
          const elicitationId = crypto.randomUUID();
          // A question that is still open then is taken back: its address is of no use any more.
          const over = new AbortController();
          done.then(() => over.abort());
          try {
            const { action } = await server.elicitInput(
              { mode: 'url', message, url: shownUrl(url), elicitationId },
              { timeout: 600_000, signal: over.signal },
            );
            if (action === 'accept') {
              const complete = server.createElicitationCompletionNotifier(elicitationId);
              done.then(complete).catch(() => {});
            }
            return action;
          } catch (error) {
            if (over.signal.aborted) return 'over';
            throw error;
          }
        }
      : undefined,
  };
}
