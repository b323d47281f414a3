/** An MCP host over `connect`, which holds every answer against what it has asked. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Program } from '../cli/program.ts';
import { call, initialize, initialized, type Json, type Said } from '../support/connected.ts';
import { builtServer } from '../support/mcp-server.ts';

export interface McpHost {
  readonly child: ChildProcess;
  /** It has said something on stdout. */
  hasSpoken(): boolean;
  /** It has left, or the process has ended. */
  hasLeft(): boolean;
  shakeHands(): Promise<Said>;
  /** Rejects with `HostLeft` if the host leaves before the answer. */
  call(name: string, args?: Json): { id: number; answered: Promise<Said> };
  cancel(id: number): void;
  /** Resolves when the process has ended, with its exit code or the signal. */
  leave(how: Leaving): Promise<number | string>;
}

/** As a host that quits, one that stops its servers, and a machine that runs out of memory. */
export type Leaving = 'closes' | 'SIGTERM' | 'SIGKILL';

export class HostLeft extends Error {}

export interface Watch {
  /** Every line on stdout and stderr. */
  readonly onLine: (line: string) => void;
  /** What must not happen, in words. */
  readonly onWrong: (what: string) => void;
}

export function startMcpHost(program: Program, url: string, { onLine, onWrong }: Watch): McpHost {
  const child = spawn(process.execPath, [builtServer, 'connect', url], {
    env: program.environment,
    cwd: program.place,
    stdio: 'pipe',
  });
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  const asked = new Map<unknown, { resolve(said: Said): void; reject(why: Error): void }>();
  const cancelled = new Set<unknown>();
  let next = 1;
  let hasSpoken = false;
  let hasLeft = false;
  const say = (message: Json) => void child.stdin.write(`${JSON.stringify(message)}\n`);
  child.stdin.on('error', () => {});
  createInterface({ input: child.stderr }).on('line', onLine);
  createInterface({ input: child.stdout }).on('line', (line) => {
    hasSpoken = true;
    onLine(line);
    let said: Said;
    try {
      said = JSON.parse(line);
    } catch {
      // The last line of a process that was killed may be cut off.
      if (!hasLeft) onWrong(`not JSON: ${line.slice(0, 200)}`);
      return;
    }
    const { id, method } = said;
    if (method === 'sampling/createMessage') {
      const content = { type: 'text', text: 'me' };
      say({ jsonrpc: '2.0', id, result: { model: 'scripted', role: 'assistant', content } });
    } else if (method === undefined) {
      const request = asked.get(id);
      asked.delete(id);
      if (request) request.resolve(said);
      else if (!hasLeft && !cancelled.has(id))
        onWrong(`an answer that nobody waits for: ${line.slice(0, 200)}`);
    }
  });
  const left = () => {
    hasLeft = true;
    for (const { reject } of asked.values()) reject(new HostLeft());
    asked.clear();
  };
  void ended.then(left);
  const ask = (message: Json): Promise<Said> =>
    new Promise((resolve, reject) => {
      if (hasLeft) return reject(new HostLeft());
      asked.set(message.id, { resolve, reject });
      say(message);
    });
  return {
    child,
    hasSpoken: () => hasSpoken,
    hasLeft: () => hasLeft,
    async shakeHands() {
      const hello = initialize();
      (hello.params as Json).capabilities = { sampling: {} };
      const answer = await ask(hello);
      say(initialized);
      return answer;
    },
    call(name, args) {
      const id = next;
      next += 1;
      return { id, answered: ask(call(id, name, args)) };
    },
    cancel(id) {
      cancelled.add(id);
      asked.get(id)?.reject(new HostLeft());
      asked.delete(id);
      say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
    },
    leave(how) {
      left();
      if (how === 'closes') {
        child.stdin.end();
        child.stdout.destroy();
        child.stderr.destroy();
      } else child.kill(how);
      return ended;
    },
  };
}
