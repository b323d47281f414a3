/**
 * Which loopback redirection URI to use for a resource. Access checks it twice: against the account's list
 * at registration, and against the application's own list at each authorization. So an application's
 * refusal is remembered for its resource, and the other loopback name is tried next time.
 */
import type { RecordStore } from './ports.ts';

export type Choice = readonly [string, ...string[]];

/** Access allows the two names by separate settings: “localhost clients”, “loopback clients”. */
export function loopbackRedirectUris(port: number): readonly [string, string] {
  return [`http://localhost:${port}/callback`, `http://127.0.0.1:${port}/callback`];
}

export interface RedirectUris {
  /** What to register, in order of preference. Once both have been refused, starts over with both. */
  choose(resource: string, port: number): Promise<Choice>;
  isRefused(resource: string, redirectUri: string): Promise<boolean>;
  /** Whether both names have been refused for the port of the latest refusal. */
  areAllRefused(resource: string): Promise<boolean>;
  /** Remembers that the application does not accept it. */
  refuse(resource: string, redirectUri: string): Promise<void>;
  /** Called when the other name cannot be registered either; the next sign-in tries both again. */
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
