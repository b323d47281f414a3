/**
 * The last few rendered answers, in memory, so that `start_index` pages through one stored answer without
 * another request. An entry is found only by an identical request.
 */
import { hash } from 'node:crypto';

export interface PageRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly format: string;
  /** Anything else that distinguishes requests, such as a hash of the body. */
  readonly body?: string;
}

export interface Pages<T> {
  /** `undefined` when it was never stored, or has been dropped. */
  take(key: string): T | undefined;
  /** `bytes`: the size of `value`. A value that is larger than the whole store is not kept. */
  keep(key: string, value: T, bytes: number): void;
  /** Drops everything, as after signing out. */
  clear(): void;
}

const longestPlainKey = 512;

export function pageKey({ method, url, headers, format, body = '' }: PageRequest): string {
  const named = headers.map(([name, value]) => [name.toLowerCase(), value]).sort();
  const key = JSON.stringify([method, url, named, format, body]);
  // Only long ones, such as those with a body, are worth the time that a hash takes.
  return key.length <= longestPlainKey ? key : hash('sha256', key, 'base64url');
}

export interface PageLimits {
  readonly now: () => number;
  readonly maxEntries?: number;
  readonly maxBytes?: number;
  readonly lifetimeMs?: number;
}

export function createPages<T>({
  now,
  maxEntries = 16,
  maxBytes = 32 * 1024 * 1024,
  lifetimeMs = 600_000,
}: PageLimits): Pages<T> {
  const kept = new Map<string, { value: T; bytes: number; expiresAt: number }>();
  let total = 0;
  const drop = (key: string) => {
    total -= kept.get(key)?.bytes ?? 0;
    kept.delete(key);
  };
  const dropExpired = () => {
    const at = now();
    for (const [key, { expiresAt }] of kept) if (expiresAt <= at) drop(key);
  };
  return {
    take(key) {
      dropExpired();
      const entry = kept.get(key);
      if (!entry) return undefined;
      kept.delete(key); // Last used, last to go.
      kept.set(key, entry);
      return entry.value;
    },
    keep(key, value, bytes) {
      dropExpired();
      drop(key);
      if (bytes > maxBytes) return;
      kept.set(key, { value, bytes, expiresAt: now() + lifetimeMs });
      total += bytes;
      for (const oldest of kept.keys()) {
        if (kept.size <= maxEntries && total <= maxBytes) break;
        drop(oldest);
      }
    },
    clear() {
      kept.clear();
      total = 0;
    },
  };
}
