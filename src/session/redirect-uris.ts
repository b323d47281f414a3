/**
 * Which loopback redirection URI a resource takes. Access judges them twice: by the account's list at
 * registration, and by the application's own at each authorization. So what an application has refused
 * is remembered for its resource, and the other loopback name is tried there.
 */
import type { RecordStore } from './ports.ts';

export type Choice = readonly [string, ...string[]];

/** Access allows the two names by separate settings: “localhost clients”, “loopback clients”. */
export function loopbackRedirectUris(port: number): readonly [string, string] {
  return [`http://localhost:${port}/callback`, `http://127.0.0.1:${port}/callback`];
}

export interface RedirectUris {
  /** What to register, in order of preference. Where both were refused, it starts afresh. */
  choose(resource: string, port: number): Promise<Choice>;
  isRefused(resource: string, redirectUri: string): Promise<boolean>;
  /** Whether the last one to be refused was the last that there is. */
  areAllRefused(resource: string): Promise<boolean>;
  /** Remembers that the application does not take it. */
  refuse(resource: string, redirectUri: string): Promise<void>;
  /** For when the other one cannot be had either: the next sign-in tries both again. */
  forget(resource: string): Promise<void>;
}

export function createRedirectUris({ store }: { readonly store: RecordStore }): RedirectUris {
  const refusedAt = async (resource: string): Promise<readonly string[]> =>
    (await store.read('redirect', resource))?.refused ?? [];

  return {
    async choose(resource, port) {
      const both = loopbackRedirectUris(port);
      const refused = await refusedAt(resource);
      const [first, ...others] = both.filter((uri) => !refused.includes(uri));
      if (first !== undefined) return [first, ...others];
      await store.remove('redirect', resource);
      return both;
    },
    isRefused: async (resource, redirectUri) => (await refusedAt(resource)).includes(redirectUri),
    async areAllRefused(resource) {
      const refused = await refusedAt(resource);
      const last = refused.at(-1);
      if (last === undefined) return false;
      return loopbackRedirectUris(Number(new URL(last).port)).every((uri) => refused.includes(uri));
    },
    async refuse(resource, redirectUri) {
      const others = (await refusedAt(resource)).filter((uri) => uri !== redirectUri);
      await store.write('redirect', resource, {
        format: 1,
        resource,
        refused: [...others, redirectUri],
      });
    },
    forget: (resource) => store.remove('redirect', resource),
  };
}
