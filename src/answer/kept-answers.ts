/**
 * The last few rendered answers, in memory, so that `start_index` pages through one kept answer without
 * asking the origin again. An entry is found only by all that was asked.
 */
import { hash } from 'node:crypto';

export interface PageRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly format: string;
  /** Anything else that makes the answer another one, such as a hash of the body. */
  readonly body?: string;
}

export interface Pages<T> {
  /** `undefined` when it was never kept, or has been let go. */
  take(key: string): T | undefined;
  /** `bytes`: what `value` occupies. One that is too large for the whole is not kept. */
  keep(key: string, value: T, bytes: number): void;
  /** Lets all go, as after signing out. */
  clear(): void;
}

export function pageKey({ method, url, headers, format, body = '' }: PageRequest): string {
  const named = headers.map(([name, value]) => [name.toLowerCase(), value]).sort();
  return hash('sha256', JSON.stringify([method, url, named, format, body]), 'base64url');
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
    for (const [key, { expiresAt }] of kept) if (expiresAt <= now()) drop(key);
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
