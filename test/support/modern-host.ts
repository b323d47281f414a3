/** A host of the 2026-07-28 revision by hand: each message as it is on the wire, nothing fulfilled by itself. */
import { spawnServer, temporaryFolder } from './mcp-server.ts';

export interface Answer {
  readonly result?: Record<string, unknown> & {
    readonly content?: readonly { readonly text: string }[];
    readonly inputRequests?: Readonly<Record<string, { method: string; params?: unknown }>>;
    readonly requestState?: string;
  };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

export interface Notification {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface ModernHost {
  readonly pid: number;
  /** What the server told without being asked. */
  readonly heard: readonly Notification[];
  /** Everything that was printed on stderr. */
  stderr(): string;
  notify(method: string, params: object): void;
  ask(method: string, params?: object): Promise<Answer>;
  call(name: string, args: object, retry?: object): Promise<Answer>;
  /** The object in a tool's first block. */
  tell(answer: Answer): Record<string, unknown> & { error?: { code: string } };
  end(): Promise<void>;
}

export const envelope = (capabilities: object = {}) => ({
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': capabilities,
});

/** One that shows addresses. */
export async function startModernHost(
  environment: Record<string, string>,
  capabilities: object = { elicitation: { url: {} } },
): Promise<ModernHost> {
  const child = spawnServer({
    HOME: await temporaryFolder(),
    CF_ACCESS_HEADLESS: '0',
    ...environment,
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  const heard: Notification[] = [];
  let unread = '';
  let printed = '';
  child.stderr.on('data', (chunk) => {
    printed += chunk;
  });
  child.stdout.on('data', (chunk) => {
    const lines = (unread + chunk).split('\n');
    unread = lines.pop() ?? '';
    for (const line of lines) {
      const message = JSON.parse(line);
      if (message.method !== undefined) heard.push(message);
      waiting.get(message.id)?.(message);
    }
  });
  // As the SDK's client counts.
  let id = -1;
  const ask: ModernHost['ask'] = (method, params = {}) => {
    id += 1;
    const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve));
    const message = { jsonrpc: '2.0', id, method };
    const whole = { ...message, params: { _meta: envelope(capabilities), ...params } };
    child.stdin.write(`${JSON.stringify(whole)}\n`);
    return answered;
  };
  return {
    pid: child.pid ?? 0,
    heard,
    stderr: () => printed,
    notify(method, params) {
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method, params })}\n`);
    },
    ask,
    call: (name, args, retry = {}) => ask('tools/call', { name, arguments: args, ...retry }),
    tell: ({ result }) => JSON.parse(result?.content?.[0]?.text ?? 'null'),
    async end() {
      child.stdin.end();
      await child.ended;
    },
  };
}
