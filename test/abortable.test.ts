/** An `Ending` against the `AbortSignal` that it stands for. */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type Abortable, Ending } from '../src/abortable.ts';

function made(kind: 'AbortController' | 'Ending') {
  const it = kind === 'Ending' ? new Ending() : new AbortController();
  const signal: Abortable = it instanceof Ending ? it : it.signal;
  return { signal, abort: (reason: string) => it.abort(reason) };
}

describe.each(['AbortController', 'Ending'] as const)('an %s', (kind) => {
  it('tells each listener once, but none that has been removed, or comes afterwards', () => {
    const { signal, abort } = made(kind);
    const heard: string[] = [];
    const removed = () => heard.push('removed');
    signal.addEventListener('abort', () => {
      heard.push(`first, for ${signal.reason}`);
      signal.removeEventListener('abort', removed);
    });
    signal.addEventListener('abort', removed);
    signal.addEventListener('abort', () => heard.push('last'));
    abort('one');
    abort('two');
    signal.addEventListener('abort', () => heard.push('late'));
    expect(heard).toEqual(['first, for one', 'last']);
  });

  it('tells the others, and whoever aborts goes on, where a listener throws', async () => {
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    try {
      const { signal, abort } = made(kind);
      const heard: string[] = [];
      const uncaught = once(process, 'uncaughtException');
      signal.addEventListener('abort', () => {
        throw new Error('a fault');
      });
      signal.addEventListener('abort', () => heard.push('the other'));
      abort('over');
      expect(heard).toEqual(['the other']);
      expect(String((await uncaught)[0])).toBe('Error: a fault');
    } finally {
      for (const other of others) process.on('uncaughtException', other);
    }
  });
});
